//! Sending: messages, Pings and Closes.

use std::io;

use ws_common::adapter::WRITE_MOST;
use wsproto::{Advice, CloseCode, CloseFrame, PreparedMessage, Role};

use super::WebSocket;
use crate::clock::CallTimeout;
use crate::driver::BlockingDriver;
use crate::{Error, Message, SendStatus};

impl<R: Role> WebSocket<R> {
    /// Sends a message, waiting for room if necessary. [`SendStatus::Queued`] means that the socket is full, and
    /// a part of the message waits in memory.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection is not open yet, closing or closed; nothing was sent.
    /// [`Error::WouldExceed`], which holds the message, if there was no room within the
    /// [send timeout](Self::set_send_timeout).
    /// [`Error::Io`] if the transport failed.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<SendStatus, Error> {
        self.handle.send(message)
    }

    /// Sends a text message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but [`Error::WouldExceed`] holds no message.
    pub fn send_text(&mut self, text: &str) -> Result<SendStatus, Error> {
        self.handle.send_text(text)
    }

    /// Sends a binary message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but [`Error::WouldExceed`] holds no message.
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<SendStatus, Error> {
        self.handle.send_binary(bytes)
    }

    /// Sends a value as JSON in a text message, as [`send`](Self::send) does;
    /// [`Message::json`](crate::Message::json) reads one.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Error::Json`] if the value cannot be written as JSON.
    #[cfg(feature = "json")]
    pub fn send_json<T: serde::Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<SendStatus, Error> {
        self.handle.send_json(value)
    }

    /// Sends an already encoded message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but [`Error::WouldExceed`] holds no message.
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<SendStatus, Error> {
        self.handle.send_prepared(message)
    }

    /// Sends a message that is not compressed, such as one that contains a secret; otherwise as
    /// [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[cfg(feature = "deflate")]
    pub fn send_plain(&mut self, message: impl Into<Message>) -> Result<SendStatus, Error> {
        self.handle.send_plain(message)
    }

    /// Sends a Ping with at most 125 bytes of payload (RFC 6455, section 5.5). [`recv`](Self::recv) reads
    /// the Pong and does not return it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but [`Error::WouldExceed`] holds no message; and [`Error::Send`] for a longer
    /// payload.
    pub fn ping(&mut self, payload: &[u8]) -> Result<SendStatus, Error> {
        self.handle.ping(payload)
    }

    /// Begins the closing handshake with a code that this end's application may set, or without a code; see
    /// [`WebSocketConnection::terminate`]. Does nothing if the connection is closing or closed, and never
    /// waits. [`recv`](Self::recv) still returns the messages that the peer sends before its Close.
    ///
    /// [`WebSocketConnection::terminate`]: crate::WebSocketConnection::terminate
    ///
    /// # Errors
    ///
    /// [`Error::ClientCode`] for a code that a client's application may not set; [`Error::Send`] for 1010 on
    /// a server (RFC 6455, section 7.4.1).
    pub fn close<'a>(&mut self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        self.handle.close(frame)
    }

    /// Begins the closing handshake with a code and a reason, as
    /// [`WebSocketConnection::terminate`](crate::WebSocketConnection::terminate) does.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close), and [`Error::Close`] for a code that must not be sent.
    pub fn terminate(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.close(CloseFrame::truncated(code, reason)?)
    }

    /// As [`close`](Self::close), but with any code that this end may send: for proxies and other endpoints
    /// that relay a Close.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] for 1010 on a server.
    pub fn close_with<'a>(
        &mut self,
        frame: impl Into<Option<CloseFrame<'a>>>,
    ) -> Result<(), Error> {
        self.handle.close_with(frame)
    }

    /// Waits until everything is written, for at most [`set_send_timeout`](Self::set_send_timeout);
    /// [`SendStatus::Queued`] means that bytes are still unwritten.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the transport failed, or the connection ended with bytes unwritten.
    pub fn flush(&mut self) -> Result<SendStatus, Error> {
        let timeout = CallTimeout::new(self.connection.driver().send_timeout());
        loop {
            let mut held = self.connection.lock();
            self.connection.driver().write_and_plan(&mut held, WRITE_MOST);
            // A transport that lingers still takes output.
            let over = held.link_mut().is_none_or(|link| {
                link.endpoint().has_failed() || link.endpoint().advice() == Advice::Drop
            });
            drop(held);
            match self.handle.buffered_amount() {
                0 => return Ok(SendStatus::Sent),
                _ if over => return Err(io::Error::from(io::ErrorKind::BrokenPipe).into()),
                _ => {}
            }
            if timeout.is_over() || !BlockingDriver::wait_for_room(&self.connection, timeout) {
                return Ok(SendStatus::Queued);
            }
        }
    }
}
