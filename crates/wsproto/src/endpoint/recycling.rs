//! Messages of an application: their memory, and when there is room for more.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::Endpoint;
use crate::Role;

/// The memory of a longer message is not kept, in bytes.
const KEEP_MESSAGE: usize = 16 << 10;

impl<R: Role> Endpoint<R> {
    /// Notes that an application was told to wait, because there is no room or a message was not written at
    /// once; [`take_drained`](Self::take_drained) then tells it to go on.
    pub fn await_drained(&mut self) {
        self.outbox.get_or_insert_default().awaited = true;
    }

    /// Whether everything is written, after the application was [told to wait](Self::await_drained); once.
    #[inline]
    pub fn take_drained(&mut self) -> bool {
        let Some(outbox) = &mut self.outbox else { return false };
        let drained = outbox.awaited && outbox.output.is_empty() && !outbox.failed;
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
                let mut owned = String::from_utf8(self.take_spare()).unwrap_or_default();
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
                let mut owned = self.take_spare();
                owned.extend_from_slice(bytes);
                owned
            }
        }
    }

    fn take_spare(&mut self) -> Vec<u8> {
        self.outbox.as_mut().map(|outbox| mem::take(&mut outbox.spare)).unwrap_or_default()
    }

    /// Keeps the memory of a message that was sent, for the next one that is received.
    #[inline]
    pub(super) fn recycle(&mut self, mut bytes: Vec<u8>) {
        if let Some(outbox) = &mut self.outbox
            && bytes.capacity() <= KEEP_MESSAGE
        {
            bytes.clear();
            outbox.spare = bytes;
        }
    }
}
