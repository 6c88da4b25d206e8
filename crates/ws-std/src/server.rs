//! A server: a thread that accepts, and a thread for each connection.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use log::{debug, info, warn};
use ws_common::{Connections, RunningServer, ServerHandle, ServerHandler, ServerOptions};
use wsproto::Config;
use wsproto::handshake::{AllowedOrigins, Response};

use crate::Stream;
use crate::carrier::Carrier;

/// How long to wait when nothing can be accepted, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long to try to wake the thread that accepts; if others connect all the time, it is awake.
const WAKE_PATIENCE: Duration = Duration::from_millis(250);

/// A WebSocket server that is bound to an address, and not started yet.
///
/// ```
/// use ws_std::{Accepted, Message, WebSocketConnection, WebSocketServer, connect};
///
/// let server = WebSocketServer::bind("127.0.0.1:0")?;
/// let url = format!("ws://{}/", server.local_addr()?);
/// let running = server.spawn(|_: &_, _: &_| {
///     Ok(Accepted::new(|ws: &WebSocketConnection, message: Message| {
///         // Whoever is gone meanwhile gets no echo.
///         let _ = ws.send(message);
///     }))
/// })?;
///
/// let mut ws = connect(&url)?;
/// ws.send("Hello")?;
/// assert_eq!(ws.recv()?, Some("Hello".into()));
///
/// running.handle().terminate(None);
/// assert_eq!(ws.wait_closed()?.code, ws_std::wsproto::CloseCode::GOING_AWAY);
/// running.join();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WebSocketServer {
    listener: TcpListener,
    options: ServerOptions,
    pub(crate) write_patience: Option<Duration>,
    #[cfg(feature = "tls")]
    tls: Option<ws_common::ServerTls>,
}

impl WebSocketServer {
    /// Binds an address; port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the address cannot be bound.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Self::from_listener(TcpListener::bind(address)?))
    }

    /// Takes over a listener.
    #[must_use]
    pub fn from_listener(listener: TcpListener) -> Self {
        Self {
            listener,
            options: ServerOptions::default(),
            write_patience: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Returns the address it listens on.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Sets the limits and deadlines of every connection.
    #[must_use]
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.options.config = config.into();
        self
    }

    /// Accepts connections that ask for this path only; others get 404.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.options.path = Some(path.into());
        self
    }

    /// Accepts connections of pages from these origins only; others get 403.
    #[must_use]
    pub fn origins(mut self, origins: AllowedOrigins) -> Self {
        self.options.origins = Some(origins);
        self
    }

    /// Accepts so many connections at a time, those in the opening handshake included; more get 503,
    /// or over TLS no answer. With [`incoming`](Self::incoming), those are counted that the loop has not
    /// taken yet.
    #[must_use]
    pub fn max_connections(mut self, most: usize) -> Self {
        self.options.max_connections = Some(most);
        self
    }

    /// Sets how many bytes may be unsent when a message is taken; see
    /// [`ServerOptions::high_water_mark`](crate::ServerOptions::high_water_mark).
    #[must_use]
    pub fn high_water_mark(mut self, bytes: usize) -> Self {
        self.options.high_water_mark = bytes;
        self
    }

    /// Limits how long sending waits for a peer that does not read, as
    /// [`WebSocket::set_write_patience`](crate::WebSocket::set_write_patience) does; by default, as long as it takes.
    #[must_use]
    pub fn write_patience(mut self, patience: Duration) -> Self {
        self.write_patience = Some(patience);
        self
    }

    /// Speaks TLS: `wss://`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ws_common::ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Starts the server in threads of its own.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system has no thread.
    pub fn spawn(self, handler: impl ServerHandler) -> io::Result<RunningServer> {
        let server = self.handle();
        let handle = server.clone();
        let thread = thread::Builder::new().spawn(move || self.serve(&handle, handler))?;
        Ok(RunningServer::new(server, thread))
    }

    /// Starts the server in this thread, until [`ServerHandle::terminate`] is called, which the
    /// handler can do.
    pub fn run(self, handler: impl ServerHandler) {
        let server = self.handle();
        self.serve(&server, handler);
    }

    pub(crate) fn handle(&self) -> ServerHandle {
        let address = self.listener.local_addr().ok();
        // Accepting blocks until somebody connects: so somebody does, with a descriptor that was put
        // aside for it.
        let spare = Mutex::new(self.listener.try_clone().ok());
        let wake = move || {
            spare.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(address.map(|to| TcpStream::connect_timeout(&reachable(to), WAKE_PATIENCE)));
        };
        ServerHandle::new(self.options.clone(), address, Connections::default(), wake)
    }

    fn serve(self, server: &ServerHandle, mut handler: impl ServerHandler) {
        handler.on_open(server);
        let handler = Arc::new(Mutex::new(handler));
        let lock = || handler.lock().unwrap_or_else(PoisonError::into_inner);
        let start = |tcp, peer| {
            let carrier = Carrier {
                server: server.clone(),
                handler: Arc::clone(&handler),
                peer,
                write_patience: self.write_patience,
            };
            self.start(server, tcp, move |stream| carrier.carry(stream))
        };
        self.accept_until_end(server, start, |error| {
            warn!("cannot accept: {error}");
            lock().on_error(server, &error.into());
        });
        drop(self.listener);
        server.wait_terminated();
        lock().on_terminate(server);
    }

    #[cfg(feature = "tls")]
    const fn speaks_tls(&self) -> bool {
        self.tls.is_some()
    }

    #[cfg(not(feature = "tls"))]
    #[allow(clippy::unused_self, reason = "as with the feature")]
    const fn speaks_tls(&self) -> bool {
        false
    }

    /// Accepts transports until the server is to end.
    pub(crate) fn accept_until_end(
        &self,
        server: &ServerHandle,
        start: impl Fn(TcpStream, SocketAddr) -> io::Result<()>,
        failed: impl Fn(io::Error),
    ) {
        info!("accepting at {:?}", server.local_addr());
        // A listener that was taken over may be anything.
        if let Err(error) = self.listener.set_nonblocking(false) {
            failed(error);
        }
        while !server.is_ending() {
            let accepted = self.listener.accept();
            if server.is_ending() {
                break;
            }
            if let Err(error) = accepted.and_then(|(tcp, peer)| start(tcp, peer)) {
                failed(error);
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }

    /// Carries a connection in a thread of its own.
    pub(crate) fn start(
        &self,
        server: &ServerHandle,
        mut tcp: TcpStream,
        carry: impl FnOnce(io::Result<Stream>) + Send + 'static,
    ) -> io::Result<()> {
        if !server.admit() {
            debug!("too many connections");
            if self.speaks_tls() {
                // It would not understand; and a handshake is what there is no room for.
                return Ok(());
            }
            let mut out = Vec::new();
            Response::text(503, "Too many connections\n").encode(&mut out);
            tcp.set_nonblocking(true)?;
            // If it does not fit, it does not matter.
            let _ = io::Write::write(&mut tcp, &out);
            return Ok(());
        }
        let released = Released(server.clone());
        #[cfg(feature = "tls")]
        let tls = self.tls.clone();
        thread::Builder::new().spawn(move || {
            let _released = released;
            #[cfg(feature = "tls")]
            let stream = match tls {
                Some(tls) => Stream::accept_tls(&tls, tcp),
                None => Ok(tcp.into()),
            };
            #[cfg(not(feature = "tls"))]
            let stream = Ok::<Stream, io::Error>(tcp.into());
            carry(stream);
        })?;
        Ok(())
    }
}

/// An address at which one can connect to a server that listens on `address`.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Releases a connection's place, however its thread ends.
struct Released(ServerHandle);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.release();
    }
}
