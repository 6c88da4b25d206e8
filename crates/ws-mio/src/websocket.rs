//! A connection for an event loop of one's own: an endpoint and a stream.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
use ws_common::Error;
use ws_common::adapter::{Link, Transport, server_endpoint};
use wsproto::handshake::ClientRequest;
use wsproto::{Advice, Client, Config, Endpoint, Outbox, Role, Server};

use crate::Stream;

/// How many bytes one turn of a connection writes at most, more or less.
pub(crate) const WRITE_MOST: usize = 1 << 20;

/// One end of a connection in an event loop of your own: a client's, unless `R` is [`Server`].
///
/// It is an event [`Source`]: register it for both directions, with any token. The loop owns the buffer to
/// read into, one for all connections, and the clock. For every readiness event:
///
/// 1. [`ready`](Self::ready) notes it.
/// 2. [`read`](Self::read) reads once, if it [can](Self::can_read).
/// 3. [`endpoint`](Self::endpoint) takes what was read, event by event.
/// 4. [`write`](Self::write) writes what there is to write. Take events once more, and write them.
///
/// A change is reported once: as long as it [can go on](Self::can_go_on) after that, begin with 2 again
/// without another event, but give others their turn before. At [`Endpoint::deadline`], call
/// [`Endpoint::handle_timeout`], and then go on with 3. Once [`is_finished`](Self::is_finished), drop it.
///
/// The example `mio_own_loop` is a whole server made this way.
#[derive(Debug)]
pub struct WebSocket<R: Role = Client>(Link<R, Stream>);

impl WebSocket<Server> {
    /// Begins on a stream that a client has opened.
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
    /// Begins on a stream that is open, or being opened, to a server.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system has no random bytes.
    pub fn client(
        stream: impl Into<Stream>,
        request: ClientRequest,
        config: impl Into<Arc<Config>>,
        now: Duration,
    ) -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::from)?;
        Ok(Self(Link::new(Endpoint::client(request, config, seed, now), stream.into())))
    }
}

impl<R: Role> WebSocket<R> {
    /// Returns the endpoint, which decides everything.
    pub const fn endpoint(&mut self) -> &mut Endpoint<R> {
        self.0.endpoint_mut()
    }

    /// Returns the stream.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        self.0.transport()
    }

    /// Notes what an event of its token says.
    pub fn ready(&mut self, event: &Event) {
        self.0.transport_mut().ready(event);
    }

    /// Whether to read now: there may be something, and the endpoint wants it.
    #[must_use]
    pub fn can_read(&self) -> bool {
        self.0.endpoint().wants_read() && self.0.transport().is_readable()
    }

    /// Whether there is something to do without another event.
    #[must_use]
    pub fn can_go_on(&mut self) -> bool {
        self.can_read()
            || self.0.endpoint().has_input()
            || !self.0.transport().is_blocked() && !self.0.endpoint_mut().pending().is_empty()
    }

    /// Reads once, at most as much as the buffer takes. Returns what was read, for the endpoint: nothing, if
    /// there is nothing now or the stream has ended, which the endpoint is told.
    ///
    /// # Errors
    ///
    /// [`Error`] if the transport has failed and the connection was not closing. The endpoint is told that,
    /// too, and ends.
    pub fn read<'b>(&mut self, buffer: &'b mut [u8], now: Duration) -> Result<&'b mut [u8], Error> {
        read(&mut self.0, buffer, now)
    }

    /// Writes until all is written, the stream takes no more, or about 1 MiB has left; then does what
    /// [`Endpoint::advice`] asks for.
    pub fn write(&mut self, now: Duration) {
        self.0.write(now, WRITE_MOST);
    }

    /// Lends a buffer for output, one for all connections of a loop; see [`Endpoint::lend`].
    pub fn lend(&mut self, outbox: &mut Option<Box<Outbox>>) {
        self.0.endpoint_mut().lend(outbox);
    }

    /// Whether the connection is over, and to be dropped; the endpoint has reported its end, or does so with
    /// the next call.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.endpoint().advice() == Advice::Drop
    }
}

/// Reads once; see [`WebSocket::read`].
pub(crate) fn read<'b, R: Role>(
    link: &mut Link<R, Stream>,
    buffer: &'b mut [u8],
    now: Duration,
) -> Result<&'b mut [u8], Error> {
    match link.transport_mut().read_once(buffer) {
        Ok(0) => link.input_ended(now),
        Ok(read) => return Ok(buffer.split_at_mut(read).0),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(error) => {
            if let Some(error) = link.input_failed(error) {
                return Err(error);
            }
        }
    }
    Ok(&mut [])
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
