//! `WebSocket`: the side of a connection that its application owns.

mod byte_stream;
mod closing;
mod handshake;
mod receive;
mod run;
mod sender;
mod sending;
mod sink;
mod streams;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use ws_common::adapter::{Connection, Conversation, Link, Undecided};
use ws_common::{ConnectionId, Error, ServerHandle, WebSocketConnection};
use wsproto::handshake::{ClientRequest, Extension, Response};
use wsproto::url::WsUrl;
use wsproto::{CloseInfo, Endpoint, ReadyState, Role};

use crate::buffers::Input;
use crate::io::{AsTcp, AsyncStream, Io};
use crate::origin::{Carried, Origin, OriginParts};

pub use byte_stream::{ByteStream, ByteWriter};
pub use sender::Sender;
pub use streams::Receiver;

/// One end of a connection: a client's, or a server's.
///
/// [`recv`](Self::recv) waits for a message, and [`send`](Self::send) for room. A task of the runtime writes the
/// messages and observes the deadlines, also while the application waits for something else; it answers no Pings. The
/// task exists only while there is output or a deadline, such as that of the keep-alive. One write takes everything that
/// was sent before the task runs.
///
/// Pings are answered and the closing handshake is carried out while [`recv`](Self::recv) is polled (RFC 6455,
/// sections 5.5 and 7). A program that only sends should receive in another task; see
/// [`into_split`](Self::into_split).
///
/// # Keep-alive
///
/// A peer that does not answer a Ping in time is given up only once the application has taken everything that was read:
/// the Pong may be in it, and only the application takes it. So a peer whose messages are not taken for an hour counts as
/// alive for that hour, whether or not it is.
///
/// # Runtimes
///
/// A connection belongs to the runtime in which it has begun: the task runs there, so that runtime must be driven, and
/// needs its timers. The methods may be called in any runtime, and outside of one.
///
/// # Cancel safety
///
/// A future of this type is only a wait: all state is in the connection. Any of them may be dropped, as by
/// `tokio::select!`, and nothing is lost or done in part; the documentation of each method has the details.
///
/// # Dropping
///
/// Dropping a `WebSocket` never blocks. A task sends what is unsent and a Close with code 1001, or 1011 if the
/// application panics, and ends the connection after
/// [`Config::close_timeout`](wsproto::Config::close_timeout) at the latest. If the runtime has shut down, the connection
/// is aborted; so is one that outlives its runtime, as soon as it needs a task.
pub struct WebSocket {
    sender: Sender,
    conversation: Conversation,
    input: Input,
    /// `None` while all of it is empty, as that of an open connection of a server.
    rare: Option<Box<Rare>>,
}

/// The state that few connections have, or only at their beginning or end.
#[derive(Default)]
struct Rare {
    opening: Option<Opening>,
    /// The decision on the request, while it is pending.
    undecided: Option<Box<dyn Undecided>>,
    /// The error to report once the connection is closed.
    failed: Option<Error>,
    close_info: Option<CloseInfo>,
    subprotocol: Option<String>,
}

/// The messages that opened a client's connection.
pub(crate) struct Opening {
    pub(crate) request: ClientRequest,
    pub(crate) response: Option<Response>,
}

/// A stream, and what is known of it.
pub(crate) struct Transported<S> {
    pub(crate) stream: S,
    pub(crate) as_tcp: AsTcp<S>,
    pub(crate) peer: Option<std::net::SocketAddr>,
    pub(crate) client: Option<std::net::SocketAddr>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<ws_common::adapter::tls::TlsState>,
}

impl<S> Transported<S> {
    /// A stream of which nothing is known.
    pub(crate) fn unknown(stream: S) -> Self {
        Self {
            stream,
            as_tcp: |_| None,
            peer: None,
            client: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// Creates a connection whose endpoint counts its times from `start`.
pub(crate) fn connection<R: Role, S: AsyncStream>(
    parts: OriginParts,
    start: Instant,
    endpoint: Endpoint<R>,
    transported: Transported<S>,
) -> Arc<Connection<R, Origin<S>>> {
    let driver = Origin::new(parts, start);
    let io = Io::new(transported.stream, transported.as_tcp, &driver.tasks);
    #[cfg(feature = "tls")]
    let io = io.over_tls(transported.tls);
    let connection = Connection::new(driver, Link::new(endpoint, io), transported.peer);
    if let Some(client) = transported.client {
        connection.lock().set_client(client);
    }
    Arc::new(connection)
}

impl WebSocket {
    /// Begins a connection, and spawns the task that carries it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] outside of a runtime of tokio.
    pub(crate) fn begin<R: Role, S: AsyncStream>(
        connection: Arc<Carried<R, S>>,
        conversation: Conversation,
        opening: Option<Opening>,
    ) -> Result<Self, Error> {
        let runtime = Handle::try_current().map_err(std::io::Error::other)?;
        let spawned: Weak<Carried<R, S>> = Arc::downgrade(&connection);
        connection.driver().tasks.spawn_when_needed(spawned, runtime);
        let mut held = connection.lock();
        held.set_owned(true);
        held.set_key(0);
        drop(held);
        // For the deadline of the handshake, or of the keep-alive.
        connection.driver().tasks.wake_carrier();
        Ok(Self {
            sender: Sender::new(connection),
            conversation,
            input: Input::default(),
            rare: opening
                .map(|opening| Box::new(Rare { opening: Some(opening), ..Rare::default() })),
        })
    }

    /// Returns a handle, usable from any thread. Its [`send`](WebSocketConnection::send) never waits. It also has what
    /// a connection of any adapter has: `peer_addr`, `ping`, `subscribe`, `send_json`, `close_with`, `abort`.
    #[must_use]
    pub const fn handle(&self) -> &WebSocketConnection {
        self.sender.handle()
    }

    /// Returns the connection's id.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.sender.handle.id()
    }

    /// Returns the server that accepted the connection; `None` at a client, and on a stream of the application's.
    #[must_use]
    pub fn server(&self) -> Option<&ServerHandle> {
        self.sender.handle.server()
    }

    /// Returns how the connection ended; `None` until then.
    #[must_use]
    pub fn close_info(&self) -> Option<&CloseInfo> {
        self.rare.as_ref()?.close_info.as_ref()
    }

    /// Returns the state of the connection.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.sender.handle.ready_state()
    }

    /// Returns the negotiated subprotocol.
    #[must_use]
    pub fn subprotocol(&self) -> Option<String> {
        let known = self.rare.as_ref().and_then(|rare| rare.subprotocol.clone());
        known.or_else(|| self.sender.handle.subprotocol())
    }

    /// Returns the negotiated extensions; empty once the connection is closed.
    #[must_use]
    pub fn extensions(&self) -> Vec<Extension> {
        self.sender.handle.extensions()
    }

    /// Returns how many bytes, frame headers included, were accepted for sending and not yet passed to the stream.
    /// Bytes that were unsent at the end of the connection stay counted.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.sender.handle.buffered_amount()
    }

    /// Returns how long the Pong to the last keep-alive Ping took; `None` without one.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.sender.handle.round_trip()
    }

    /// Returns the URL of a client's connection: after redirects, the last one. `None` at a server.
    #[must_use]
    pub fn url(&self) -> Option<&WsUrl> {
        Some(self.opening()?.request.url())
    }

    /// Returns the response that opened a client's connection. `None` at a server.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        self.opening()?.response.as_ref()
    }

    fn opening(&self) -> Option<&Opening> {
        self.rare.as_ref()?.opening.as_ref()
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("id", &self.id())
            .field("ready_state", &self.ready_state())
            .finish_non_exhaustive()
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.answer_late();
        let conversation = std::mem::replace(&mut self.conversation, Conversation::none());
        // If it is over, the carrier has it already.
        if !conversation.is_over() {
            let input = std::mem::take(&mut self.input);
            self.sender.connection.leave(conversation, &self.sender.handle, input);
        }
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests;
