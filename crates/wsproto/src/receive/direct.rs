//! Payloads that are read straight into their message.

use alloc::vec::Vec;

use super::{Frame, Receiver};
use crate::Role;

impl<R: Role> Receiver<R> {
    /// Lends the memory of a large binary message to `read`, which appends the next bytes of the
    /// input, as many as fit. They are then not copied from the caller's buffer, and one read may
    /// take more of them: about as many as have arrived of the message before.
    ///
    /// Returns `None`, and does not call `read`, unless the next bytes belong to such a message, not
    /// compressed: at least 32 KiB of it have arrived, and as many of its frame are still missing. Call
    /// it only when all of the input was consumed, and then
    /// [`next_event`](Self::next_event), perhaps without input: the message may be complete.
    ///
    /// `read` may append at most the spare capacity of the `Vec`, which ends where the frame does
    /// or before. If it appends more, or changes what is there, the content of the message is
    /// unspecified.
    ///
    /// ```
    /// use wsproto::{Config, Connection, Event};
    ///
    /// let mut ws = Connection::server(Config::default());
    /// let mut wire = b"\x82\xFF\0\0\0\0\0\x10\0\0\x01\x01\x01\x01".to_vec(); // 1 MiB of zeros
    /// wire.resize(wire.len() + (1 << 20), 1);
    /// let (front, mut rest) = wire.split_at_mut(64 << 10);
    /// let mut out = Vec::new();
    /// assert_eq!(ws.next_event(&mut &mut front[..], &mut out)?, None);
    /// // A loop reads from its socket here, for example with `read_buf` of tokio.
    /// while let Some(read) = ws.read_payload(|message| {
    ///     let len = rest.len().min(message.capacity() - message.len());
    ///     message.extend_from_slice(&rest[..len]);
    ///     len
    /// }) {
    ///     rest = &mut rest[read..];
    /// }
    /// let event = ws.next_event(&mut rest, &mut out)?; // what was too short to be lent
    /// assert_eq!(event, Some(Event::Binary(vec![0; 1 << 20].into())));
    /// # Ok::<(), wsproto::Error>(())
    /// ```
    pub fn read_payload<T>(&mut self, read: impl FnOnce(&mut Vec<u8>) -> T) -> Option<T> {
        #[cfg(feature = "deflate")]
        if self.deflate.is_open() {
            return None;
        }
        let ceiling = self.ceiling();
        let Frame::Data { remaining, mask, .. } = &mut self.frame else { return None };
        let message = self.message.lend(usize::try_from(*remaining).ok()?, ceiling)?;
        let (before, most) = (message.len(), message.capacity());
        let result = read(message);
        message.resize(message.len().clamp(before, most), 0);
        let payload = message.get_mut(before..).unwrap_or_default();
        if R::SERVER {
            mask.apply(payload);
        }
        *remaining = remaining.saturating_sub(payload.len() as u64);
        Some(result)
    }

    /// Returns whether the next event needs no more input: the frame is complete.
    #[inline]
    pub(crate) const fn is_at_end_of_frame(&self) -> bool {
        matches!(self.frame, Frame::Data { remaining: 0, .. })
    }

    /// Returns the size in bytes that the open message can still reach.
    pub(super) fn ceiling(&self) -> usize {
        let most = match &self.frame {
            Frame::Data { remaining, fin: true, .. } => {
                self.message.size().saturating_add(*remaining)
            }
            _ => self.config.max_message_size,
        };
        usize::try_from(most).unwrap_or(usize::MAX)
    }
}
