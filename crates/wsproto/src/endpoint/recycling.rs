//! Memory of an application's messages, and notice of room for more.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::Endpoint;
use crate::Role;

/// The longest message whose memory is kept, in bytes.
const KEEP_MESSAGE: usize = 16 << 10;

impl<R: Role> Endpoint<R> {
    /// Records that the application was told to wait, because there is no room or a message was not
    /// written at once; [`take_drained`](Self::take_drained) then reports when to go on.
    pub fn await_drained(&mut self) {
        self.outbox.get_or_insert_default().awaited = true;
    }

    /// Returns whether everything has been written since the application was [told to
    /// wait](Self::await_drained), once.
    #[inline]
    pub fn take_drained(&mut self) -> bool {
        let Some(outbox) = &mut self.outbox else { return false };
        let drained = outbox.awaited && outbox.output.is_empty() && !outbox.failed;
        outbox.awaited &= !drained;
        drained
    }

    /// Makes an owned text, reusing the memory of a sent message: a steady echo of messages of at
    /// most 16 KiB allocates nothing.
    #[inline]
    pub fn own_text(&mut self, text: Cow<'_, str>) -> String {
        match text {
            Cow::Owned(text) => text,
            Cow::Borrowed(text) => {
                // The spare buffer is empty, and so valid UTF-8.
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

    /// Keeps the memory of a sent message for the next received one.
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
