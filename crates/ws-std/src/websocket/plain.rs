//! Messages that are not compressed.

use ws_common::{Error, Message, SendStatus};
use wsproto::Role;

use super::WebSocket;

impl<R: Role> WebSocket<R> {
    /// Sends a message that is not compressed, such as one that contains a secret; otherwise as
    /// [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_plain(&mut self, message: impl Into<Message>) -> Result<SendStatus, Error> {
        self.handle.send_plain(message)
    }
}
