//! permessage-deflate (RFC 7692): options, and messages that are not compressed.

use std::sync::Arc;

use wsproto::Deflate;

use crate::adapter::Outgoing;
use crate::{ClientOptions, Error, Message, SendStatus, ServerOptions, WebSocketConnection};

impl ServerOptions {
    /// Compresses messages for clients that offer it (permessage-deflate, RFC 7692); needs the feature
    /// `deflate`. Off by default: it takes processor time, and the length of a compressed message can betray a
    /// secret in it; see [`Deflate`]. [`send_plain`](WebSocketConnection::send_plain) sends one message
    /// uncompressed, and [`extensions`](WebSocketConnection::extensions) tells what was agreed.
    ///
    /// ```
    /// use ws_common::{ServerOptions, wsproto::Deflate};
    ///
    /// let options = ServerOptions::new().deflate(Deflate::new());
    /// ```
    #[must_use]
    pub fn deflate(mut self, deflate: impl Into<Option<Deflate>>) -> Self {
        Arc::make_mut(&mut self.config).deflate = deflate.into();
        self
    }
}

impl ClientOptions {
    /// Offers to compress messages (permessage-deflate, RFC 7692), as
    /// [`ServerOptions::deflate`] accepts to; needs the feature `deflate`. Off by default.
    #[must_use]
    pub fn deflate(mut self, deflate: impl Into<Option<Deflate>>) -> Self {
        Arc::make_mut(&mut self.config).deflate = deflate.into();
        self
    }
}

impl WebSocketConnection {
    /// Sends a message that is not compressed, such as one that contains a secret.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_plain(&self, message: impl Into<Message>) -> Result<SendStatus, Error> {
        self.send_owned(message.into(), |message| Outgoing::Plain(message))
    }
}
