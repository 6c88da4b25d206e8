//! The writing half, for other threads than the one that receives.

use std::net::Shutdown;

use wsproto::{Client, CloseFrame, PreparedMessage, ReadyState, Role};

use crate::link::{HARDLY, Link, Shared, is_timeout};
use crate::transport::Control;
use crate::{Error, Message, Stream};

/// A handle that sends on a connection from any thread, while another waits in
/// [`WebSocket::recv`](crate::WebSocket::recv), which has to go on so that the connection stays
/// alive. Clones send on the same connection; dropping them does not close it.
///
/// A call waits until its message is handed to the operating system, or as long as
/// [`set_write_patience`](crate::WebSocket::set_write_patience) says. Messages of several threads
/// follow one another whole.
#[derive(Debug)]
pub struct Writer<R: Role = Client> {
    pub(crate) link: Shared<R>,
    pub(crate) stream: Stream,
}

impl<R: Role> Clone for Writer<R> {
    fn clone(&self) -> Self {
        Self { link: self.link.clone(), stream: self.stream.clone() }
    }
}

impl<R: Role> Writer<R> {
    /// Sends a message.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`](crate::WebSocket::send).
    pub fn send(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.with(|link| link.send(&message.into()))
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`](crate::WebSocket::send).
    pub fn send_text(&self, text: &str) -> Result<(), Error> {
        self.with(|link| link.send_text(text))
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`](crate::WebSocket::send).
    pub fn send_binary(&self, bytes: &[u8]) -> Result<(), Error> {
        self.with(|link| link.send_binary(bytes))
    }

    /// Sends a message that was encoded before.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`](crate::WebSocket::send).
    pub fn send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.with(|link| link.send_prepared(message))
    }

    /// Sends a Ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`](crate::WebSocket::send).
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.with(|link| link.ping(payload))
    }

    /// Begins the closing handshake, as [`WebSocket::close`](crate::WebSocket::close) does; the
    /// thread that receives carries it out.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::close`](crate::WebSocket::close).
    pub fn close<'a>(&self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        let frame = frame.into();
        self.with(|link| link.close(frame.as_ref()))
    }

    /// As [`close`](Self::close), but with any code that may be sent.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::close_with`](crate::WebSocket::close_with).
    pub fn close_with<'a>(&self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        let frame = frame.into();
        self.with(|link| link.close_with(frame.as_ref()))
    }

    /// Writes what earlier calls could not in the time they had.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn flush(&self) -> Result<(), Error> {
        self.with(|_| Ok(()))
    }

    /// Ends the connection at once, without a Close; the thread that receives sees it end.
    pub fn abort(&self) {
        self.link.lock().session.abort();
        // Releases who waits for the stream, in either direction. If the peer is gone, it has ended.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// How far the connection has got.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.link.lock().session.ready_state()
    }

    /// Begins the closing handshake without waiting for the peer to take it: if that takes time, the
    /// thread that receives goes on with it.
    pub(crate) fn close_soon(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        self.link.lock().close_with(frame)?;
        let mut stream = self.stream.clone();
        let mut sink = Control::own().sink(&mut stream, Some(HARDLY));
        match self.link.try_write(&mut sink) {
            Err(error) if !is_timeout(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn with(&self, append: impl FnOnce(&mut Link<R>) -> Result<(), Error>) -> Result<(), Error> {
        let mut link = self.link.lock();
        append(&mut link)?;
        let limit = link.patience;
        drop(link);
        let mut stream = self.stream.clone();
        let mut sink = Control::own().sink(&mut stream, limit);
        Ok(self.link.write(&mut sink)?)
    }
}
