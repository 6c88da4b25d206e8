//! The writing half, for other threads than the one that receives.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use wsproto::{Client, CloseFrame, PreparedMessage, ReadyState, Role};

use crate::link::{Link, Shared};
use crate::{Error, Message};

/// A handle that sends on a connection from any thread, while another waits in
/// [`WebSocket::recv`](crate::WebSocket::recv). Clones send on the same connection; dropping them
/// does not close it.
#[derive(Debug)]
pub struct Writer<R: Role = Client> {
    pub(crate) link: Shared<R>,
    pub(crate) stream: Arc<TcpStream>,
}

impl<R: Role> Clone for Writer<R> {
    fn clone(&self) -> Self {
        Self { link: self.link.clone(), stream: Arc::clone(&self.stream) }
    }
}

impl<R: Role> Writer<R> {
    /// Sends a message and waits until it is handed to the operating system. Messages of several
    /// threads follow one another whole.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::send`](crate::WebSocket::send).
    pub fn send(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.with(|link| link.append(&message.into()))
    }

    /// Sends a message that was encoded before, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        self.with(|link| link.append_prepared(message))
    }

    /// Sends a Ping with at most 125 bytes of payload.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.with(|link| link.append_ping(payload))
    }

    /// Begins the closing handshake, as [`WebSocket::close`](crate::WebSocket::close) does; the
    /// thread that receives carries it out.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::close`](crate::WebSocket::close).
    pub fn close<'a>(&self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        let frame = frame.into();
        self.with(|link| link.append_close(frame.as_ref()))
    }

    /// Ends the connection at once, without a Close; whoever receives sees it end.
    pub fn abort(&self) {
        // Without the lock: another thread may hold it, stuck in a write that this ends.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// How far the connection has got.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.link.lock().session.ready_state()
    }

    fn with(&self, append: impl FnOnce(&mut Link<R>) -> Result<(), Error>) -> Result<(), Error> {
        let mut link = self.link.lock();
        append(&mut link)?;
        Ok(link.out.write_to(&mut &*self.stream)?)
    }
}
