//! The messages an application sends through an endpoint.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::Endpoint;
use super::outbox::Outbox;
use crate::frame::Opcode;
use crate::mask::Mask;
use crate::output::{Fragments, LARGE, LARGE_PREPARED, Output, Payload};
use crate::{PreparedMessage, Role, SendError, Sender};

impl<R: Role> Endpoint<R> {
    /// Returns whether the application may send: between a message and the next call of
    /// [`next_event`](Self::next_event), whether at most
    /// [`Config::high_water_mark`](crate::Config::high_water_mark) bytes of replies are unwritten;
    /// at other times, whether at most that many unsolicited bytes are.
    #[must_use]
    #[inline]
    pub fn has_room(&self) -> bool {
        let mark = self.session.config().high_water_mark;
        self.outbox.as_ref().is_none_or(|outbox| match outbox.answering {
            true => outbox.unwritten_replies() <= mark,
            false => outbox.unsolicited() <= mark,
        })
    }

    /// Sends a text message, whether or not there [is room](Self::has_room). An owned text of at
    /// least 16 KiB is not copied.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] before the connection is open, [`SendError::Closed`] once it is closing, and
    /// [`SendError::UnfinishedMessage`] after a fragment that is not the last. Nothing was sent.
    #[inline]
    pub fn send_text<'t>(&mut self, text: impl Into<Cow<'t, str>>) -> Result<(), SendError> {
        match text.into() {
            Cow::Owned(text) if text.len() >= LARGE => {
                if self.is_fragmented(text.len()) {
                    return self.send_fragments(Opcode::Text, Payload::Owned(text.into_bytes()));
                }
                #[cfg(feature = "deflate")]
                if self.send_with(|sender, out| sender.try_deflated_text(&text, out))? {
                    self.count_message();
                    return Ok(());
                }
                let mask = self.send_with(|sender, out| sender.send_text_header(&text, out))?;
                self.push_owned(text.into_bytes(), mask);
                Ok(())
            }
            text => {
                if let Some(sent) = self.send_frame(|sender, out| sender.send_text(&text, out)) {
                    sent?;
                } else if self.is_fragmented(text.len()) {
                    let payload = Payload::Owned(text.into_owned().into_bytes());
                    return self.send_fragments(Opcode::Text, payload);
                } else {
                    self.send_with(|sender, out| sender.send_text(&text, out))?;
                }
                self.count_message();
                if let Cow::Owned(text) = text {
                    self.recycle_text(text);
                }
                Ok(())
            }
        }
    }

    /// Sends a binary message, as [`send_text`](Self::send_text) does.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    #[inline]
    pub fn send_binary<'t>(&mut self, bytes: impl Into<Cow<'t, [u8]>>) -> Result<(), SendError> {
        match bytes.into() {
            Cow::Owned(bytes) if bytes.len() >= LARGE => {
                if self.is_fragmented(bytes.len()) {
                    return self.send_fragments(Opcode::Binary, Payload::Owned(bytes));
                }
                #[cfg(feature = "deflate")]
                if self.send_with(|sender, out| sender.try_deflated_binary(&bytes, out))? {
                    self.count_message();
                    return Ok(());
                }
                let len = bytes.len() as u64;
                let mask = self.send_with(|sender, out| sender.send_binary_header(len, out))?;
                self.push_owned(bytes, mask);
                Ok(())
            }
            bytes => {
                if let Some(sent) = self.send_frame(|sender, out| sender.send_binary(&bytes, out)) {
                    sent?;
                } else if self.is_fragmented(bytes.len()) {
                    let payload = Payload::Owned(bytes.into_owned());
                    return self.send_fragments(Opcode::Binary, payload);
                } else {
                    self.send_with(|sender, out| sender.send_binary(&bytes, out))?;
                }
                self.count_message();
                if let Cow::Owned(bytes) = bytes {
                    self.recycle_binary(bytes);
                }
                Ok(())
            }
        }
    }

    /// Sends a prepared message. A server does not copy one of at least 1 KiB.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), SendError> {
        if self.is_fragmented(message.payload().len()) {
            let size = self.session.fragment_size().unwrap_or(usize::MAX);
            let fragments = self.session.sender()?.prepared_fragments(message, size)?;
            self.push_fragments(fragments);
            return Ok(());
        }
        if !R::SERVER || message.payload().len() < LARGE_PREPARED {
            self.send_with(|sender, out| sender.send_prepared(message, out))?;
            self.count_message();
            return Ok(());
        }
        #[cfg(feature = "deflate")]
        if self.send_with(|sender, out| sender.try_deflated_prepared(message, out))? {
            self.count_message();
            return Ok(());
        }
        self.session.sender()?.may_begin()?;
        self.push(message.frame().len(), |output| output.push_shared(message));
        self.count_message();
        Ok(())
    }

    /// Sends a Ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] before the connection is open, [`SendError::Closed`] once it is closing, and
    /// [`SendError::ControlTooLong`] beyond 125 bytes. Nothing was sent.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        let sender = self.session.sender()?;
        let outbox = self.outbox.get_or_insert_default();
        let kind = outbox.output_kind();
        let result = outbox.append_frame(kind, |out| sender.ping(payload, out));
        lose_if_failed(outbox);
        result
    }

    /// Sends a text message that is not compressed.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    #[cfg(feature = "deflate")]
    pub fn send_plain_text<'t>(&mut self, text: impl Into<Cow<'t, str>>) -> Result<(), SendError> {
        self.plain(|endpoint| endpoint.send_text(text))
    }

    /// Sends a binary message that is not compressed.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    #[cfg(feature = "deflate")]
    pub fn send_plain_binary<'t>(
        &mut self,
        bytes: impl Into<Cow<'t, [u8]>>,
    ) -> Result<(), SendError> {
        self.plain(|endpoint| endpoint.send_binary(bytes))
    }

    #[cfg(feature = "deflate")]
    fn plain(
        &mut self,
        send: impl FnOnce(&mut Self) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let before = self.session.sender()?.set_compress(crate::Compress::Never);
        let result = send(self);
        self.session.sender()?.set_compress(before);
        result
    }

    /// Calls `send` with the [`Sender`], for anything it can send: fragments, separate headers,
    /// Pongs. Bytes appended to the buffer are counted and written. A Close sent this way begins
    /// the closing handshake, and changes [`deadline`](Self::deadline).
    ///
    /// # Errors
    ///
    /// [`SendError`] of the closure, or if the session is not open.
    #[inline]
    pub fn send_with<T>(
        &mut self,
        send: impl FnOnce(&mut Sender<R>, &mut Vec<u8>) -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let sender = self.session.sender()?;
        let outbox = self.outbox.get_or_insert_default();
        let result = outbox.append(outbox.output_kind(), |out| send(sender, out));
        lose_if_failed(outbox);
        result
    }

    /// Calls `send` as [`send_with`](Self::send_with) does, if messages are sent in one frame each.
    #[inline]
    fn send_frame<T>(
        &mut self,
        send: impl FnOnce(&mut Sender<R>, &mut Vec<u8>) -> Result<T, SendError>,
    ) -> Option<Result<T, SendError>> {
        let sender = self.session.one_frame_sender()?;
        let outbox = self.outbox.get_or_insert_default();
        let result = outbox.append(outbox.output_kind(), |out| send(sender, out));
        lose_if_failed(outbox);
        Some(result)
    }

    /// Returns whether a message of `len` bytes is queued as fragments. A large one is, even if a single
    /// fragment holds it, so that control frames can leave before its frame begins.
    pub(super) fn is_fragmented(&self, len: usize) -> bool {
        self.session.fragment_size().is_some_and(|size| len > size || len >= LARGE)
    }

    /// Queues a message that leaves in fragments.
    #[cold]
    pub(super) fn send_fragments(
        &mut self,
        opcode: Opcode,
        payload: Payload,
    ) -> Result<(), SendError> {
        let size = self.session.fragment_size().unwrap_or(usize::MAX);
        let fragments = self.session.sender()?.fragments(opcode, payload, size)?;
        self.push_fragments(fragments);
        Ok(())
    }

    fn push_fragments(&mut self, fragments: Fragments) {
        self.push(fragments.len(), |output| output.push_fragments(fragments));
        self.count_message();
    }

    /// Queues a payload after the header that was just appended.
    fn push_owned(&mut self, payload: Vec<u8>, mask: Option<Mask>) {
        self.count_message();
        self.push(payload.len(), |output| output.push_owned(payload, mask));
    }

    #[inline]
    pub(super) fn count_message(&mut self) {
        if let Some(outbox) = &mut self.outbox {
            outbox.counts.messages += 1;
        }
    }

    pub(super) fn push(&mut self, len: usize, push: impl FnOnce(&mut Output)) {
        let outbox = self.outbox.get_or_insert_default();
        push(&mut outbox.output);
        outbox.count(outbox.output_kind(), len);
        lose_if_failed(outbox);
    }
}

/// Discards the appended bytes, if writing has failed.
#[inline]
fn lose_if_failed(outbox: &mut Outbox) {
    if outbox.failed {
        outbox.lose();
    }
}
