//! What an application sends through an endpoint.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::Endpoint;
use crate::outbox::LARGE;
use crate::{PreparedMessage, Role, SendError, Sender};

/// The memory of a longer message is not kept, in bytes.
const KEEP_MESSAGE: usize = 16 << 10;

impl<R: Role> Endpoint<R> {
    /// Whether the application may send: at most [`Config::high_water_mark`](crate::Config::high_water_mark)
    /// bytes are unwritten of what is owed, between a message and the next call of
    /// [`next_event`](Self::next_event); or, at other times, of the application's own.
    #[must_use]
    #[inline]
    pub fn has_room(&self) -> bool {
        let mark = self.session.config().high_water_mark;
        self.outbox.as_ref().is_none_or(|outbox| match self.answering {
            true => outbox.owed <= mark,
            false => outbox.own <= mark,
        })
    }

    /// Sends a text message, whether or not there [is room](Self::has_room). One that is owned and at least
    /// 64 KiB long is not copied.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent.
    #[inline]
    pub fn send_text<'t>(&mut self, text: impl Into<Cow<'t, str>>) -> Result<(), SendError> {
        match text.into() {
            Cow::Owned(text) if text.len() >= LARGE => {
                let mask = self.send_with(|sender, out| sender.send_text_header(&text, out))?;
                self.push_owned(text.into_bytes(), mask);
                Ok(())
            }
            text => {
                self.send_with(|sender, out| sender.send_text(&text, out))?;
                if let Cow::Owned(text) = text {
                    self.recycle(text.into_bytes());
                }
                Ok(())
            }
        }
    }

    /// Sends a binary message, as [`send_text`](Self::send_text) does.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent.
    #[inline]
    pub fn send_binary<'t>(&mut self, bytes: impl Into<Cow<'t, [u8]>>) -> Result<(), SendError> {
        match bytes.into() {
            Cow::Owned(bytes) if bytes.len() >= LARGE => {
                let len = bytes.len() as u64;
                let mask = self.send_with(|sender, out| sender.send_binary_header(len, out))?;
                self.push_owned(bytes, mask);
                Ok(())
            }
            bytes => {
                self.send_with(|sender, out| sender.send_binary(&bytes, out))?;
                if let Cow::Owned(bytes) = bytes {
                    self.recycle(bytes);
                }
                Ok(())
            }
        }
    }

    /// Sends a message that was encoded before. A server copies none of at least 64 KiB.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent.
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), SendError> {
        let len = message.payload().len();
        if !R::SERVER || len < LARGE {
            return self.send_with(|sender, out| sender.send_prepared(message, out));
        }
        self.send_with(|sender, out| sender.send_prepared_header(message, out))?;
        self.count(len);
        match &mut self.outbox {
            Some(outbox) if !self.failed => outbox.output.push_shared(message),
            _ => self.write_failed(),
        }
        Ok(())
    }

    /// Sends a Ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.send_with(|sender, out| sender.ping(payload, out))
    }

    /// Sends anything that a [`Sender`] can: fragments, headers, Pongs. What is appended to the buffer is
    /// counted and written.
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
        let before = outbox.output.buffer().len();
        let result = send(sender, outbox.output.buffer());
        let len = outbox.output.buffer().len() - before;
        match self.answering {
            true => outbox.owed += len,
            false => outbox.own += len,
        }
        if self.failed {
            outbox.lose();
        }
        result
    }

    /// Notes that an application was told to wait, because there is no room or a message was not written at
    /// once; [`take_drained`](Self::take_drained) then tells it to go on.
    pub fn await_drained(&mut self) {
        self.outbox.get_or_insert_default().awaited = true;
    }

    /// Whether everything is written, after the application was [told to wait](Self::await_drained); once.
    #[inline]
    pub fn take_drained(&mut self) -> bool {
        let Some(outbox) = &mut self.outbox else { return false };
        let drained = outbox.awaited && outbox.output.is_empty() && !self.failed;
        outbox.awaited &= !drained;
        drained
    }

    /// Makes an owned text, in the memory of a message that was sent: a steady echo of messages of at most
    /// 16 KiB allocates nothing.
    #[inline]
    pub fn own_text(&mut self, text: Cow<'_, str>) -> String {
        match text {
            Cow::Owned(text) => text,
            Cow::Borrowed(text) => {
                // What was kept is empty, and so a text.
                let spare = mem::take(&mut self.outbox.get_or_insert_default().spare);
                let mut owned = String::from_utf8(spare).unwrap_or_default();
                owned.push_str(text);
                owned
            }
        }
    }

    /// Makes an owned binary message, as [`own_text`](Self::own_text) does.
    #[inline]
    pub fn own_binary(&mut self, bytes: Cow<'_, [u8]>) -> Vec<u8> {
        match bytes {
            Cow::Owned(bytes) => bytes,
            Cow::Borrowed(bytes) => {
                let mut owned = mem::take(&mut self.outbox.get_or_insert_default().spare);
                owned.extend_from_slice(bytes);
                owned
            }
        }
    }

    /// Keeps the memory of a message that was sent, for the next one that is received.
    #[inline]
    fn recycle(&mut self, mut bytes: Vec<u8>) {
        if let Some(outbox) = &mut self.outbox
            && bytes.capacity() <= KEEP_MESSAGE
        {
            bytes.clear();
            outbox.spare = bytes;
        }
    }

    /// Queues the payload behind a header that was just appended.
    fn push_owned(&mut self, payload: Vec<u8>, mask: Option<crate::mask::Mask>) {
        self.count(payload.len());
        match &mut self.outbox {
            Some(outbox) if !self.failed => outbox.output.push_owned(payload, mask),
            _ => self.write_failed(),
        }
    }

    fn count(&mut self, len: usize) {
        let outbox = self.outbox.get_or_insert_default();
        match self.answering {
            true => outbox.owed += len,
            false => outbox.own += len,
        }
    }
}
