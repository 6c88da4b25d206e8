//! A server whose connections the application takes.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::ToSocketAddrs;
use tokio::runtime::Handle;
use tokio::time::Instant;
use ws_common::adapter::{Acceptor, Admission, Conversation, Permit};
use ws_common::{Error, ServerHandle, ServerOptions, ServerSocket};
use wsproto::SessionError;
use wsproto::handshake::Accept;

use super::listening::Listening;
use super::newcomer::Newcomer;
use super::{Background, bind, local_addr};
use crate::alarm::Alarm;
use crate::{Request, WebSocket};

/// A server whose connections the application takes itself, instead of a handler. Its options apply to them, and its
/// [`handle`](Self::handle) knows them: it broadcasts to them, counts them, and closes them.
///
/// ```no_run
/// use ws_tokio::wsproto::handshake::{Accept, Response};
/// use ws_tokio::{Error, Incoming, Listener, ServerOptions};
///
/// # async fn example() -> std::io::Result<()> {
/// let mut listener = Listener::bind("127.0.0.1:9001", ServerOptions::new()).await?;
/// loop {
///     match listener.accept().await {
///         Ok(Some(incoming)) => drop(tokio::spawn(serve(incoming))),
///         Ok(None) => break, // `terminate` was called
///         Err(error) => eprintln!("cannot accept: {error}"), // no reason to end: the next call waits for a moment
///     }
/// }
/// listener.ended().await;
/// # Ok(())
/// # }
///
/// async fn serve(incoming: Incoming) -> Result<(), Error> {
///     let Some(request) = incoming.request().await? else { return Ok(()) };
///     if request.path() != "/chat" {
///         return request.refuse(Response::text(404, "no such page\n")).await;
///     }
///     let accept = Accept::new().select_subprotocol(&request, &["chat.v2", "chat.v1"]);
///     let mut ws = request.accept(&accept).await?;
///     while let Some(message) = ws.recv().await? {
///         ws.send(message).await?;
///     }
///     Ok(())
/// }
/// ```
pub struct Listener {
    acceptor: Arc<Acceptor>,
    background: Arc<Background>,
    sources: Vec<Listening>,
    address: Option<SocketAddr>,
    alarm: Alarm,
}

/// A client that was just accepted. Dropping it drops its socket.
// Boxed, as its futures are, so that the task of an open connection reserves no memory for its opening.
pub struct Incoming(Box<Admitted>);

struct Admitted {
    newcomer: Newcomer,
    permit: Permit,
}

impl Listener {
    /// Binds an address, as [`WebSocketServer::bind`](crate::WebSocketServer::bind) does.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if no address can be bound, or outside of a runtime of tokio.
    pub async fn bind(address: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        Self::new(bind(address).await?, options)
    }

    /// Creates a server on a listener that is already bound, as
    /// [`WebSocketServer::from_listener`](crate::WebSocketServer::from_listener) does.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the listener cannot be registered with the runtime, or outside of a runtime of tokio.
    pub fn from_listener(
        listener: impl Into<ServerSocket>,
        options: ServerOptions,
    ) -> io::Result<Self> {
        Self::new(vec![listener.into()], options)
    }

    fn new(listeners: Vec<ServerSocket>, options: ServerOptions) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let address = local_addr(&listeners)?;
        let sources = Listening::register(listeners)?;
        let (background, acceptor) = Background::start(options, address);
        background.set_runtime(runtime);
        Ok(Self { acceptor, background, sources, address, alarm: Alarm::default() })
    }

    /// Returns the first address the server listens on; `None` for a Unix domain socket.
    #[must_use]
    pub const fn local_addr(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Returns the handle of the server.
    #[must_use]
    pub fn handle(&self) -> &ServerHandle {
        self.acceptor.server()
    }

    /// Waits for a client. Reads nothing from it: call [`Incoming::request`] in a task of its own. Clients beyond the
    /// limits of the options are refused in the background. Returns `None` once
    /// [`ServerHandle::terminate`] was called; the listener is then closed.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot accept, for example because the process has no free file
    /// descriptors. Call again: the next call waits for a moment. Also outside of a runtime of tokio.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no client is lost.
    pub async fn accept(&mut self) -> io::Result<Option<Incoming>> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Incoming>>> {
        Handle::try_current().map_err(io::Error::other)?;
        self.background.register(context);
        loop {
            if self.acceptor.server().is_ending() {
                self.sources.clear();
                return Poll::Ready(Ok(None));
            }
            for number in 0..self.sources.len() {
                while let Poll::Ready(accepted) = self.sources[number].poll_accept(context) {
                    let (tcp, peer) = accepted?;
                    let acceptor = Arc::clone(&self.acceptor);
                    let newcomer = Newcomer { acceptor, tcp, peer, start: Instant::now() };
                    match self.acceptor.admit(Duration::ZERO, peer) {
                        // Checked with the permit: an end of the server that begins later waits for it.
                        Admission::Admitted(_) if self.acceptor.server().is_ending() => {
                            self.sources.clear();
                            return Poll::Ready(Ok(None));
                        }
                        Admission::Admitted(permit) => {
                            // The next client is one of another source, if there is one.
                            self.sources.rotate_left(number + 1);
                            let admitted = Admitted { newcomer, permit };
                            return Poll::Ready(Ok(Some(Incoming(Box::new(admitted)))));
                        }
                        Admission::Refused(endpoint, _) => {
                            drop(tokio::spawn(newcomer.refuse(*endpoint)));
                        }
                        Admission::Dropped(_) => {}
                    }
                }
            }
            let pauses = self.sources.iter().filter_map(Listening::retry_at);
            if !self.alarm.poll(context, pauses.min()) {
                return Poll::Pending;
            }
        }
    }

    /// Waits until [`ServerHandle::terminate`] was called and all connections are closed, at most until the end of its
    /// timeout, at which those that are not closed are aborted. The server ends in the same way if this is not called,
    /// also once the listener is dropped.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing is lost.
    pub async fn ended(&mut self) {
        poll_fn(|context| {
            self.background.register(context);
            match self.acceptor.server().is_ending() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        self.sources.clear();
        self.background.ended(&self.acceptor).await;
    }
}

/// Stops accepting. The connections continue.
impl Drop for Listener {
    fn drop(&mut self) {
        self.background.close();
    }
}

impl Incoming {
    /// Returns the address of the peer, which may be a proxy; `None` without addresses.
    #[must_use]
    pub const fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.newcomer.peer
    }

    /// Reads the header of a trusted proxy, performs the TLS handshake, and reads the request. Returns `None` if the
    /// client sends nothing until it leaves or the time is over, or is refused by the options of the server.
    ///
    /// # Errors
    ///
    /// [`Error::ProxyHeader`], [`Error::Tls`], [`Error::Io`] or [`Error::Session`] if one of these fails, or is not
    /// complete within [`Config::handshake_timeout`](wsproto::Config::handshake_timeout); [`Error::Io`] also outside of a
    /// runtime of tokio.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is the connection.
    pub fn request(self) -> impl Future<Output = Result<Option<Request>, Error>> + Send {
        Box::pin(async {
            match self.0.request().await {
                Err(Error::Refused(_)) => Ok(None),
                read => read,
            }
        })
    }

    /// Accepts the connection, whatever its request; [`request`](Self::request) lets the application decide.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request), [`Error::Refused`] for a client that the options refuse, and [`Error::Session`] of
    /// [`EndOfInput`](SessionError::EndOfInput) for one that sends nothing.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is the connection.
    pub fn accept(self) -> impl Future<Output = Result<WebSocket, Error>> + Send {
        Box::pin(async {
            match self.0.request().await? {
                Some(request) => request.accept(&Accept::new()).await,
                None => Err(SessionError::EndOfInput.into()),
            }
        })
    }
}

impl Admitted {
    async fn request(self) -> Result<Option<Request>, Error> {
        let (acceptor, peer) = (Arc::clone(&self.newcomer.acceptor), self.newcomer.peer);
        let read = async {
            Handle::try_current().map_err(io::Error::other)?;
            let Some((connection, permit)) = self.newcomer.begin(self.permit).await? else {
                return Ok(None);
            };
            let ws = WebSocket::begin(connection, Conversation::server(permit), None)?;
            Request::read(ws, Some(&acceptor)).await
        };
        let read = read.await;
        match &read {
            // A refused client is counted already.
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(error) => acceptor.report(peer, error),
        }
        read
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("local_addr", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("peer_addr", &self.peer_addr()).finish_non_exhaustive()
    }
}
