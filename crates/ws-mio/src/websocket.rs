//! A connection for an application's own event loop: an endpoint and a stream.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
use ws_common::Error;
use ws_common::adapter::{Link, Transport, WRITE_MOST, client_endpoint, server_endpoint};
use wsproto::handshake::ClientRequest;
use wsproto::{Advice, Client, Config, Endpoint, Outbox, Role, Server};

use crate::Stream;

/// One end of a connection in your own event loop: a client's, unless `R` is [`Server`].
///
/// It is an event [`Source`]: register it for both directions, with any token. The loop owns the clock and
/// the read buffer; one buffer serves all connections. For every readiness event:
///
/// 1. Pass the event to [`ready`](Self::ready).
/// 2. If [`can_read`](Self::can_read), call [`read`](Self::read) once.
/// 3. Pass the bytes read to [`Endpoint::next_event`] of [`endpoint`](Self::endpoint) until it returns
///    `None`.
/// 4. Call [`write`](Self::write). Then take events without input, and write once more.
///
/// Readiness is reported once (edge-triggered). While [`can_go_on`](Self::can_go_on), start again at step 2
/// without waiting for an event, but let other connections have their turn first. At
/// [`Endpoint::deadline`], call [`Endpoint::handle_timeout`] and continue with step 3. Drop the connection
/// once it [is finished](Self::is_finished).
///
/// The example `mio_own_loop` is a complete server.
#[derive(Debug)]
pub struct WebSocket<R: Role = Client>(Link<R, Stream>);

impl WebSocket<Server> {
    /// Creates the server's end of a connection, on a stream that a client has opened. `now` is the time of
    /// the loop's clock.
    #[must_use]
    pub fn server(
        stream: impl Into<Stream>,
        config: impl Into<Arc<Config>>,
        now: Duration,
    ) -> Self {
        Self(Link::new(server_endpoint(config, now), stream.into()))
    }
}

impl WebSocket<Client> {
    /// Creates the client's end of a connection, on a stream to the server that is connected or connecting.
    /// `now` is the time of the loop's clock.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system provides no random bytes, which seed the masking keys (RFC 6455
    /// section 5.3).
    pub fn client(
        stream: impl Into<Stream>,
        request: ClientRequest,
        config: impl Into<Arc<Config>>,
        now: Duration,
    ) -> io::Result<Self> {
        Ok(Self(Link::new(client_endpoint(request, config, now)?, stream.into())))
    }
}

impl<R: Role> WebSocket<R> {
    /// Returns the endpoint, which makes all decisions of the protocol.
    pub const fn endpoint(&mut self) -> &mut Endpoint<R> {
        self.0.endpoint_mut()
    }

    /// Returns the stream.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        self.0.transport()
    }

    /// Records a readiness event of the connection's token.
    pub fn ready(&mut self, event: &Event) {
        self.0.transport_mut().ready(event);
    }

    /// Returns whether to read now: the stream may have input, and the endpoint wants it.
    #[must_use]
    pub fn can_read(&self) -> bool {
        self.0.may_read()
    }

    /// Returns whether the connection can make progress without another readiness event.
    #[must_use]
    pub fn can_go_on(&mut self) -> bool {
        self.can_read()
            || self.0.endpoint().has_input()
            || !self.0.transport().is_blocked() && !self.0.endpoint_mut().pending().is_empty()
    }

    /// Reads once into `buffer`. Returns the bytes read, to be passed to the endpoint. They are empty if no
    /// input is available, if the stream has ended, which the endpoint is told, or if the endpoint has got them
    /// already, because they belong to a large message.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Tls`] if the stream has failed. There is no error, and no bytes, if the
    /// connection was closing, or if a client has disconnected before it sent anything. In each case the
    /// endpoint is told, and ends.
    pub fn read<'b>(&mut self, buffer: &'b mut [u8], now: Duration) -> Result<&'b mut [u8], Error> {
        match self.0.read_payload(now) {
            Some(read) => read.map(|_| &mut [][..]),
            None => self.0.read(buffer, now),
        }
    }

    /// Writes until everything is written, the stream accepts no more, or about 1 MiB is written. Once
    /// everything is written, shuts down the writing side if [`Endpoint::advice`] is [`Advice::Shutdown`].
    pub fn write(&mut self, now: Duration) {
        self.0.write(now, WRITE_MOST);
    }

    /// Lends the endpoint a buffer for output, which all connections of a loop can share; see
    /// [`Endpoint::lend`].
    pub fn lend(&mut self, outbox: &mut Option<Box<Outbox>>) {
        self.0.endpoint_mut().lend(outbox);
    }

    /// Returns whether to drop the connection. The endpoint has reported the end, or the next call of
    /// [`Endpoint::next_event`] does.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.endpoint().advice() == Advice::Drop
    }
}

impl<R: Role> Source for WebSocket<R> {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.0.transport_mut().register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.0.transport_mut().reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.0.transport_mut().deregister(registry)
    }
}
