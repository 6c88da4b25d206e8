//! Memory of an application's messages, and notice of room for more.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::{Endpoint, Outbox};
use crate::{Role, copy};

/// The longest message whose memory is kept, in bytes.
const KEEP_MESSAGE: usize = 16 << 10;

impl<R: Role> Endpoint<R> {
    /// Records that the application was told to wait, because there is no room or a message was not
    /// written at once; [`take_drained`](Self::take_drained) then reports when to continue.
    pub fn await_drained(&mut self) {
        self.outbox.get_or_insert_default().awaited = true;
    }

    /// Returns whether everything has been written since the application was [told to
    /// wait](Self::await_drained).
    #[must_use]
    #[inline]
    pub fn is_drained(&self) -> bool {
        let drained =
            |outbox: &Outbox| outbox.awaited && outbox.output.is_empty() && !outbox.failed;
        self.outbox.as_deref().is_some_and(drained)
    }

    /// As [`is_drained`](Self::is_drained), but returns true only once for each call of
    /// [`await_drained`](Self::await_drained).
    #[inline]
    pub fn take_drained(&mut self) -> bool {
        let drained = self.is_drained();
        if drained && let Some(outbox) = &mut self.outbox {
            outbox.awaited = false;
        }
        drained
    }

    /// Makes an owned text, reusing the memory of a sent message: a steady echo of messages of
    /// less than 16 KiB allocates nothing.
    #[inline]
    pub fn own_text(&mut self, text: Cow<'_, str>) -> String {
        match text {
            Cow::Owned(text) => text,
            Cow::Borrowed(text) => {
                let spare = self.outbox.as_mut().map(|outbox| mem::take(&mut outbox.spare_text));
                let mut owned = spare.unwrap_or_default();
                copy::append_text(text, &mut owned);
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
                let spare = self.outbox.as_mut().map(|outbox| mem::take(&mut outbox.spare_binary));
                let mut owned = spare.unwrap_or_default();
                copy::append(bytes, &mut owned);
                owned
            }
        }
    }

    /// Keeps the memory of a sent text for the next received one.
    #[inline]
    pub(super) fn recycle_text(&mut self, mut text: String) {
        if let Some(outbox) = &mut self.outbox
            && text.capacity() <= KEEP_MESSAGE
        {
            text.clear();
            outbox.spare_text = text;
        }
    }

    /// Keeps the memory of a sent binary message for the next received one.
    #[inline]
    pub(super) fn recycle_binary(&mut self, mut bytes: Vec<u8>) {
        if let Some(outbox) = &mut self.outbox
            && bytes.capacity() <= KEEP_MESSAGE
        {
            bytes.clear();
            outbox.spare_binary = bytes;
        }
    }
}
