//! The adapter's part of a connection.

use std::time::Duration;

use wsproto::Role;
use wsproto::handshake::Response;
use wsproto::url::WsUrl;

use super::{Acceptor, Connection, Held, Outgoing, Traffic, Transport};
use crate::{Error, SendStatus};

/// The adapter's part of a connection: its clock, its origin, and its notification of changes.
pub trait Driver<R: Role>: Send + Sync + Sized + 'static {
    /// The writing side of the transport.
    type Transport: Transport;

    /// Returns the time, since an origin of the adapter's choice.
    fn now(&self) -> Duration;

    /// Called when a connection has changed: it has output, an event or a new deadline. If
    /// [`Held::begin_notice`] returns a key, make the adapter handle the connection. Any thread may call
    /// this, also from within a handler, and it must return soon.
    fn changed(&self, held: Held<'_, R, Self>);

    /// Called in place of [`changed`](Self::changed) for a message that is sent to many connections, and may be
    /// followed by others. An adapter may act on it once the turn of this thread has ended; see
    /// [`Held::begin_late_notice`] and [`Link::may_wait`](super::Link::may_wait).
    #[inline]
    fn published(&self, held: Held<'_, R, Self>) {
        self.changed(held);
    }

    /// Sends a message or a Ping. A blocking adapter may wait here until the peer reads.
    ///
    /// # Errors
    ///
    /// As [`ConnectionLink::send`](super::ConnectionLink::send).
    fn send(
        connection: &Connection<R, Self>,
        mut outgoing: Outgoing<'_>,
    ) -> Result<SendStatus, Error> {
        connection.try_send(&mut outgoing)
    }

    /// Called with each message that was taken out of the input, before its handler is called, and with the
    /// connection locked. `goes_on` tells whether more of the input that was read follows the message: while it
    /// does, an adapter may collect the output of this thread.
    #[inline]
    fn input_goes_on(&self, goes_on: bool) {
        let _ = goes_on;
    }

    /// Returns the acceptor of the server that accepted the connection.
    fn acceptor(&self) -> Option<&Acceptor> {
        None
    }

    /// Returns the counts of a server's messages and bytes.
    fn traffic(&self) -> Option<&Traffic> {
        None
    }

    /// Returns the URL that a client connects to.
    fn url(&self) -> Option<WsUrl> {
        None
    }

    /// Returns whether a client follows a response as a redirect, and dials again.
    fn follows(&self, response: &Response) -> bool {
        let _ = response;
        false
    }
}
