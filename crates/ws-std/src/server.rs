//! A server: a thread that accepts, and a thread for each connection.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use log::{debug, info};
use ws_common::adapter::{Acceptor, Admission, Connections, Conversation, Permit, listen};
use ws_common::{RunningServer, ServerHandle, ServerHandler, ServerOptions};
use wsproto::{Endpoint, Server};

use crate::accept::set_nodelay;
use crate::calls::Calls;
use crate::clock::now;
use crate::driver::Owner;
use crate::receive::linger;
use crate::websocket::Opening;
use crate::{Stream, WebSocket};

/// The most connections at a time by default. Each has a thread, and a thread has several mappings of
/// memory, of which a process has some ten thousands.
const MAX_CONNECTIONS: usize = 4096;

/// How long to try to wake the thread that accepts; if others connect all the time, it is awake.
const WAKE_PATIENCE: Duration = Duration::from_millis(250);

/// A WebSocket server that is bound to an address, and not started yet.
///
/// ```
/// use ws_std::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer, connect};
///
/// let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?;
/// let url = format!("ws://{}/", server.local_addr()?);
/// let running = server.spawn(|_: &_, _: &_| {
///     Decision::accept(|ws: &WebSocketConnection, message: Message| {
///         // A peer that is gone meanwhile gets no echo.
///         let _ = ws.send(message);
///     })
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
}

impl WebSocketServer {
    /// Binds an address; port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the address cannot be bound.
    pub fn bind(address: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        Ok(Self::from_listener(listen(address, false)?, options))
    }

    /// Takes over a listener.
    #[must_use]
    pub fn from_listener(listener: TcpListener, options: ServerOptions) -> Self {
        Self { listener, options: options.or_max_connections(MAX_CONNECTIONS) }
    }

    /// Returns the address it listens on.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Starts the server in threads of its own.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system has no thread.
    pub fn spawn(self, handler: impl ServerHandler) -> io::Result<RunningServer> {
        let acceptor = Arc::new(Acceptor::new(self.handle(), handler));
        let server = acceptor.server().clone();
        let thread = thread::Builder::new().spawn(move || self.serve(&acceptor))?;
        Ok(RunningServer::new(server, thread))
    }

    /// Starts the server in this thread, until [`ServerHandle::terminate`] is called, which the
    /// handler can do.
    ///
    /// # Errors
    ///
    /// None with this adapter; others may fail to wait for events.
    pub fn run(self, handler: impl ServerHandler) -> io::Result<()> {
        let acceptor = Arc::new(Acceptor::new(self.handle(), handler));
        self.serve(&acceptor);
        Ok(())
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

    fn serve(self, acceptor: &Arc<Acceptor>) {
        acceptor.opened();
        acceptor.join();
        self.accept_until_end(acceptor, |acceptor, permit, tcp, peer| {
            let acceptor = Arc::clone(acceptor);
            thread::Builder::new().spawn(move || carry(&acceptor, permit, tcp, peer))?;
            Ok(())
        });
        drop(self.listener);
        acceptor.leave();
    }

    /// Accepts transports until the server is to end.
    pub(crate) fn accept_until_end(
        &self,
        acceptor: &Arc<Acceptor>,
        start: impl Fn(&Arc<Acceptor>, Permit, TcpStream, SocketAddr) -> io::Result<()>,
    ) {
        let server = acceptor.server();
        info!("accepting at {:?}", server.local_addr());
        // A listener that was taken over may be anything.
        if let Err(error) = self.listener.set_nonblocking(false) {
            acceptor.report_pause(error);
        }
        while !server.is_ending() {
            let accepted = self.listener.accept();
            if server.is_ending() {
                break;
            }
            let started = accepted.and_then(|(tcp, peer)| match acceptor.admit(now()) {
                Admission::Admitted(permit) => start(acceptor, permit, tcp, peer),
                Admission::Refused(endpoint) => {
                    debug!("too many connections for {peer}");
                    refuse(acceptor, *endpoint, tcp, peer);
                    Ok(())
                }
                Admission::Dropped => Ok(()),
            });
            match started {
                Err(error) if !Acceptor::is_gone(&error) => {
                    acceptor.report_pause(error);
                    thread::sleep(Acceptor::PAUSE);
                }
                _ => {}
            }
        }
    }
}

/// Begins a connection on a transport that was accepted, through TLS if the server speaks it.
fn stream(acceptor: &Acceptor, tcp: TcpStream) -> io::Result<Stream> {
    #[cfg(feature = "tls")]
    if let Some(tls) = &acceptor.server().options().tls {
        return Stream::accept_tls(tls, tcp);
    }
    let _ = acceptor;
    Ok(tcp.into())
}

/// Makes the connection of a transport that was accepted.
pub(crate) fn begin(
    acceptor: &Arc<Acceptor>,
    tcp: TcpStream,
    peer: SocketAddr,
) -> io::Result<WebSocket<Server>> {
    let stream = stream(acceptor, tcp)?;
    set_nodelay(&stream);
    let patience = acceptor.server().options().config.write_timeout;
    let endpoint = acceptor.endpoint(now());
    let acceptor = Some(Arc::clone(acceptor));
    let connection = Owner::begin(acceptor, None, endpoint, stream.clone(), Some(peer));
    connection.driver().set_patience(patience);
    Ok(WebSocket::new(connection, stream, Opening::Server { request: None }))
}

/// Carries a connection of a server to its end.
fn carry(acceptor: &Arc<Acceptor>, permit: Permit, tcp: TcpStream, peer: SocketAddr) {
    match begin(acceptor, tcp, peer) {
        // A panic of the handler's is logged, and ends nothing else.
        Ok(mut ws) => ws.carry(&Calls::new(Conversation::server(permit))),
        Err(error) => {
            debug!("no connection with {peer}: {error}");
            acceptor.report(&error.into());
        }
    }
}

/// Has the warden carry a transport that is refused.
fn refuse(acceptor: &Arc<Acceptor>, endpoint: Endpoint<Server>, tcp: TcpStream, peer: SocketAddr) {
    let acceptor = Some(Arc::clone(acceptor));
    let connection = Owner::begin(acceptor, None, endpoint, tcp.into(), Some(peer));
    let mut held = connection.lock();
    held.begin_work();
    connection.driver().settle(&mut held, usize::MAX);
    drop(held);
    let mut conversation = Conversation::refused();
    conversation.react(&connection, &connection.handle(), now(), &mut &mut [][..]);
    linger(&connection);
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
