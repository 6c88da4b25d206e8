//! Sending by the owner of a connection.

use ws_common::{Error, Message};

use super::{Sender, WebSocket};

impl WebSocket {
    /// Sends a message. The connection's task writes it, together with everything else that is sent before that
    /// task runs. Waits only for room: while more than
    /// [`Config::high_water_mark`](wsproto::Config::high_water_mark) bytes are unwritten, until the peer has read
    /// nothing for [`Config::write_timeout`](wsproto::Config::write_timeout). Then the message is taken whole.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection is closing or closed; nothing was sent. [`Error::WouldExceed`], which
    /// holds the message, if there was no room in time. [`Error::Io`] if the transport failed.
    ///
    /// # Cancel safety
    ///
    /// The message is taken exactly if the future has returned success. If it is dropped before, nothing of the
    /// message is sent.
    pub fn send(&self, message: impl Into<Message>) -> impl Future<Output = Result<(), Error>> {
        self.sender.send(message)
    }

    /// Sends a binary message whose memory others may share, as [`send`](Self::send) does. A server does not copy one
    /// of at least 16 KiB, unless compression or TLS makes another of it: the connection shares the memory until all of
    /// it is written. A client masks a copy (RFC 6455 section 5.3). Needs the feature `bytes`; `Bytes::from` makes the
    /// payload of a received [`Message`] one of these, without a copy.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but [`Error::WouldExceed`] holds no message.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    #[cfg(feature = "bytes")]
    pub fn send_bytes(
        &self,
        bytes: &ws_common::bytes::Bytes,
    ) -> impl Future<Output = Result<(), Error>> {
        self.sender.send_bytes(bytes)
    }

    /// Sends a message if there is room, and never waits.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); [`Error::WouldExceed`] at once if there is no room.
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.sender.try_send(message)
    }

    /// Waits until everything that was sent before is written to the stream. Nothing needs to be flushed to be sent.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] of the kind [`BrokenPipe`](std::io::ErrorKind::BrokenPipe) if the connection has ended, and some of
    /// that was not written. Messages that were sent later do not matter.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, everything is written all the same.
    pub fn flush(&self) -> impl Future<Output = Result<(), Error>> {
        self.sender.flush()
    }

    /// Returns the sending side of the connection, for other tasks.
    #[must_use]
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }
}
