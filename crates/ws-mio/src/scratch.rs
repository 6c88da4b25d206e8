//! What a connection works with while it is its turn, lent by its loop.

use std::borrow::Cow;
use std::mem;

use ws_common::Message;

/// How much memory is kept for the next connection.
const KEEP_CAPACITY: usize = 1 << 20;

/// How much memory a message may have to be kept for the next one.
const KEEP_MESSAGE: usize = 16 << 10;

/// What is to be written, and the memory of messages that were sent, for the next that arrive: who
/// echoes allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) out: Vec<u8>,
    text: String,
    binary: Vec<u8>,
}

impl Scratch {
    /// Makes a message of a text that was received.
    pub(crate) fn text(&mut self, text: Cow<'_, str>) -> Message {
        Message::Text(match text {
            Cow::Owned(text) => text,
            Cow::Borrowed(text) => {
                let mut message = mem::take(&mut self.text);
                message.push_str(text);
                message
            }
        })
    }

    /// Makes a message of bytes that were received.
    pub(crate) fn binary(&mut self, bytes: Cow<'_, [u8]>) -> Message {
        Message::Binary(match bytes {
            Cow::Owned(bytes) => bytes,
            Cow::Borrowed(bytes) => {
                let mut message = mem::take(&mut self.binary);
                message.extend_from_slice(bytes);
                message
            }
        })
    }

    /// Keeps the memory of a message that was sent.
    pub(crate) fn keep(&mut self, sent: &mut Message) {
        match sent {
            Message::Text(text) if text.capacity() <= KEEP_MESSAGE => {
                text.clear();
                mem::swap(text, &mut self.text);
            }
            Message::Binary(bytes) if bytes.capacity() <= KEEP_MESSAGE => {
                bytes.clear();
                mem::swap(bytes, &mut self.binary);
            }
            _ => {}
        }
    }

    /// Whether the loop keeps it.
    pub(crate) fn is_worth_keeping(&self) -> bool {
        self.out.capacity() <= KEEP_CAPACITY
    }
}
