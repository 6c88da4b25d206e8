//! Servers that call handlers.

mod accepting;
mod background;
mod listener;
mod listening;
mod newcomer;
mod per_core;
mod source;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{ToSocketAddrs, lookup_host};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use ws_common::adapter::{Acceptor, Connections, listen, server_handle};
use ws_common::{ServerHandle, ServerHandler, ServerOptions, ServerSocket};

use accepting::Accepting;
pub(crate) use background::Background;
use listening::Listening;

use crate::alarm::now;
use crate::tasks::Tasks;

pub use listener::{Incoming, Listener};
pub use per_core::serve_per_core;

/// The default maximum of simultaneous connections; most processes may open fewer descriptors.
pub(crate) const MAX_CONNECTIONS: usize = 100_000;

/// A WebSocket server that is bound to an address, but not started yet.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ws_tokio::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};
///
/// let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).await?;
/// let running = server.spawn(|_: &_, _: &_| {
///     Decision::accept(|ws: &WebSocketConnection, message: Message| {
///         // Sending fails only if the connection is closing.
///         let _ = ws.send(message);
///     })
/// })?;
/// running.handle().terminate(None);
/// running.await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WebSocketServer {
    /// At least one.
    listeners: Vec<ServerSocket>,
    options: ServerOptions,
}

impl WebSocketServer {
    /// Binds an address; port 0 selects a free port. For a name with IPv4 and IPv6 addresses, such as `localhost`, it
    /// binds one of each, with the same port. Without [`ServerOptions::max_connections`], the limit is 100 000
    /// simultaneous connections.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if no address can be bound, or outside of a runtime of tokio.
    pub async fn bind(address: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        Ok(Self { listeners: bind(address).await?, options })
    }

    /// Creates a server on a listener that is already bound: a `TcpListener` of the standard library, or on Unix its
    /// `UnixListener` or the result of `ServerSocket::bind_unix`.
    #[must_use]
    pub fn from_listener(listener: impl Into<ServerSocket>, options: ServerOptions) -> Self {
        Self { listeners: vec![listener.into()], options }
    }

    /// Returns the first address the server listens on.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot tell; of kind [`Unsupported`](io::ErrorKind::Unsupported) for a Unix
    /// domain socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(&self.listeners)?.ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    /// Runs the server until the handler calls [`ServerHandle::terminate`] and all connections are closed. To end it
    /// from elsewhere, use [`spawn`](Self::spawn), which returns the handle.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the runtime cannot register a listener.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the server ends at once, without Close frames.
    pub async fn run(self, handler: impl ServerHandler) -> io::Result<()> {
        let serving = self.spawn(handler)?;
        let _end = EndAtOnce(serving.handle().clone());
        serving.await;
        Ok(())
    }

    /// Runs the server in a new task of the current runtime, and each connection in another.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); also outside of a runtime of tokio.
    pub fn spawn(self, handler: impl ServerHandler) -> io::Result<Serving> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let wake = Arc::<Tasks>::default();
        let address = local_addr(&self.listeners)?;
        let server = handle(self.options, address, vec![Arc::clone(&wake)]);
        let acceptor = Arc::new(Acceptor::new(server.clone(), handler));
        let sources = Listening::register(self.listeners)?;
        acceptor.announce();
        let task = runtime.spawn(Accepting::new(acceptor, sources, wake));
        Ok(Serving { server, task })
    }
}

/// A server that runs in a task. As a future, it waits until the server has ended. Dropping it does not end the server.
/// The end of the runtime does, at once: connection handlers get their last calls, the server's handler is dropped
/// without its own, and the server leaves its bus.
#[derive(Debug)]
#[must_use = "the handle ends the server"]
pub struct Serving {
    server: ServerHandle,
    task: JoinHandle<()>,
}

impl Serving {
    /// Returns the handle of the server.
    #[must_use]
    pub const fn handle(&self) -> &ServerHandle {
        &self.server
    }
}

impl Future for Serving {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // It fails only if the runtime has shut down, which ends the server, too.
        Pin::new(&mut self.task).poll(context).map(drop)
    }
}

struct EndAtOnce(ServerHandle);

impl Drop for EndAtOnce {
    fn drop(&mut self) {
        self.0.terminate(Some(Duration::ZERO));
    }
}

/// Binds an address, of both families if the name has both.
pub(crate) async fn bind(address: impl ToSocketAddrs) -> io::Result<Vec<ServerSocket>> {
    Handle::try_current().map_err(io::Error::other)?;
    let addresses: Vec<_> = lookup_host(address).await?.collect();
    Ok(listen(&addresses[..])?.into_iter().map(ServerSocket::from).collect())
}

/// Returns the first address; `None` for a Unix domain socket.
pub(crate) fn local_addr(listeners: &[ServerSocket]) -> io::Result<Option<SocketAddr>> {
    listeners.first().map_or(Ok(None), ServerSocket::local_addr)
}

/// Creates the handle of a server whose tasks these are.
pub(crate) fn handle(
    options: ServerOptions,
    address: Option<SocketAddr>,
    tasks: Vec<Arc<Tasks>>,
) -> ServerHandle {
    let wake = move |_: &_| tasks.iter().for_each(|task| task.wake_carrier());
    server_handle(options, MAX_CONNECTIONS, address, Connections::default(), wake, now)
}
