//! A server: one thread that accepts, and one thread per connection.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use log::{debug, info};
use ws_common::adapter::{
    Acceptor, Admission, Connections, Conversation, Permit, ProxyHeaderRead, listen,
    running_server, server_handle,
};
use ws_common::{Error, RunningServer, ServerHandle, ServerHandler, ServerOptions};
use wsproto::{Endpoint, Server};

use crate::accept::tune;
use crate::calls::Calls;
use crate::clock::now;
use crate::driver::BlockingDriver;
use crate::proxied::read_proxy_header;
use crate::websocket::{Opening, linger};
use crate::{Stream, WebSocket};

/// The default limit of connections. Each has a thread with several memory mappings, and Linux allows a
/// process 65 530 mappings by default (`vm.max_map_count`).
const MAX_CONNECTIONS: usize = 4096;

/// The time limit for the connect that wakes the accepting thread. If it fails because the backlog is full,
/// the thread is awake.
const WAKE_PATIENCE: Duration = Duration::from_millis(250);

/// A WebSocket server that is bound to an address and not started yet.
///
/// ```
/// use ws_std::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer, connect};
///
/// let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?;
/// let url = format!("ws://{}/", server.local_addr()?);
/// let running = server.spawn(|_: &_, _: &_| {
///     Decision::accept(|ws: &WebSocketConnection, message: Message| {
///         // Fails if the peer is gone.
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
    /// Binds an address; port 0 chooses a free port. The limit of connections is 4096 unless the options set
    /// one.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the address cannot be bound.
    pub fn bind(address: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        Ok(Self::from_listener(listen(address, false)?, options))
    }

    /// Creates a server on a listener that is already bound.
    #[must_use]
    pub fn from_listener(listener: TcpListener, options: ServerOptions) -> Self {
        Self { listener, options }
    }

    /// Returns the address the server listens on.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Runs the server in a new thread, and each connection in another.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot create the accepting thread.
    pub fn spawn(self, handler: impl ServerHandler) -> io::Result<RunningServer> {
        let acceptor = Arc::new(Acceptor::new(self.handle(), handler));
        let server = acceptor.server().clone();
        let thread = thread::Builder::new().spawn(move || self.serve(&acceptor))?;
        Ok(running_server(server, thread))
    }

    /// Runs the server in this thread until the handler calls [`ServerHandle::terminate`]. To end it from
    /// another thread, use [`spawn`](Self::spawn), which returns the handle.
    ///
    /// # Errors
    ///
    /// None. The signature is that of `ws-mio`, which may fail to wait for events.
    pub fn run(self, handler: impl ServerHandler) -> io::Result<()> {
        let acceptor = Arc::new(Acceptor::new(self.handle(), handler));
        self.serve(&acceptor);
        Ok(())
    }

    pub(crate) fn handle(&self) -> ServerHandle {
        let address = self.listener.local_addr().ok();
        // `accept` blocks until a client connects, so waking it is a connect. Its descriptor is reserved: the
        // spare one is closed just before. The end is flagged first, so the accepting thread sees the flag.
        let spare = Mutex::new(self.listener.try_clone().ok());
        let wake = move || {
            spare.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(address.map(|to| TcpStream::connect_timeout(&reachable(to), WAKE_PATIENCE)));
        };
        let options = self.options.clone();
        server_handle(options, MAX_CONNECTIONS, address, Connections::default(), wake)
    }

    fn serve(self, acceptor: &Arc<Acceptor>) {
        acceptor.announce();
        acceptor.join();
        self.accept_until_end(acceptor, |acceptor, permit, tcp, peer| {
            let acceptor = Arc::clone(acceptor);
            thread::Builder::new().spawn(move || carry(&acceptor, permit, tcp, peer))?;
            Ok(())
        });
        drop(self.listener);
        acceptor.leave();
    }

    /// Accepts connections until the server is told to end.
    pub(crate) fn accept_until_end(
        &self,
        acceptor: &Arc<Acceptor>,
        start: impl Fn(&Arc<Acceptor>, Permit, TcpStream, SocketAddr) -> io::Result<()>,
    ) {
        let server = acceptor.server();
        info!("accepting at {:?}", server.local_addr());
        // The caller's listener may be non-blocking.
        if let Err(error) = self.listener.set_nonblocking(false) {
            acceptor.report_pause(error);
        }
        while !server.is_ending() {
            let accepted = self.listener.accept();
            if server.is_ending() {
                break;
            }
            let started =
                accepted.and_then(|(tcp, peer)| match acceptor.admit(now(), Some(peer)) {
                    Admission::Admitted(permit) => start(acceptor, permit, tcp, peer),
                    Admission::Refused(endpoint) => {
                        refuse(acceptor, *endpoint, tcp, peer);
                        Ok(())
                    }
                    Admission::Dropped => Ok(()),
                });
            match started {
                Err(error) if !Acceptor::is_about_one_client(&error) => {
                    acceptor.report_pause(error);
                    thread::sleep(Acceptor::PAUSE);
                }
                _ => {}
            }
        }
    }
}

/// Wraps an accepted socket, in TLS if the options configure it.
fn stream(acceptor: &Acceptor, tcp: TcpStream) -> io::Result<Stream> {
    #[cfg(feature = "tls")]
    if let Some(tls) = &acceptor.server().options().tls {
        return Stream::accept_tls(tls, tcp);
    }
    let _ = acceptor;
    Ok(tcp.into())
}

/// Creates the connection of an accepted socket. Returns `None` if its client is not served, and has its
/// response.
pub(crate) fn begin(
    acceptor: &Arc<Acceptor>,
    mut permit: Permit,
    tcp: TcpStream,
    peer: SocketAddr,
) -> Result<Option<(WebSocket<Server>, Permit)>, Error> {
    let endpoint = acceptor.endpoint(now());
    let mut client = None;
    if let Some(header) = acceptor.proxy_header(Some(peer)) {
        client = match read_proxy_header(header, &tcp, endpoint.deadline())? {
            ProxyHeaderRead::Complete(client) => client,
            ProxyHeaderRead::Blocked | ProxyHeaderRead::Ended => return Ok(None),
        };
        match acceptor.admit_named(permit, now(), client.or(Some(peer))) {
            Admission::Admitted(admitted) => permit = admitted,
            Admission::Refused(endpoint) => {
                refuse(acceptor, *endpoint, tcp, peer);
                return Ok(None);
            }
            Admission::Dropped => return Ok(None),
        }
    }
    let stream = stream(acceptor, tcp)?;
    tune(&stream);
    let patience = acceptor.server().options().config.write_timeout;
    let acceptor = Some(Arc::clone(acceptor));
    let connection = BlockingDriver::begin(acceptor, None, endpoint, stream.clone(), Some(peer));
    if let Some(client) = client {
        connection.lock().set_client(client);
    }
    connection.driver().set_patience(patience);
    let ws = WebSocket::new(connection, stream, Opening::Server { request: None });
    Ok(Some((ws, permit)))
}

/// Runs a server's connection until it is over.
fn carry(acceptor: &Arc<Acceptor>, permit: Permit, tcp: TcpStream, peer: SocketAddr) {
    match begin(acceptor, permit, tcp, peer) {
        // A panic of the handler is logged, and ends only this connection.
        Ok(Some((mut ws, permit))) => ws.carry(&Calls::new(Conversation::server(permit))),
        Ok(None) => {}
        Err(error) => {
            debug!("no connection with {peer}: {error}");
            acceptor.report(Some(peer), &error);
        }
    }
}

/// Refuses a connection without a thread of its own: the warden writes the response.
fn refuse(acceptor: &Arc<Acceptor>, endpoint: Endpoint<Server>, tcp: TcpStream, peer: SocketAddr) {
    let acceptor = Some(Arc::clone(acceptor));
    let connection = BlockingDriver::begin(acceptor, None, endpoint, tcp.into(), Some(peer));
    let mut held = connection.lock();
    held.begin_work();
    connection.driver().write_and_plan(&mut held, usize::MAX);
    drop(held);
    let mut conversation = Conversation::refused();
    conversation.react(&connection, &connection.handle(), now(), &mut &mut [][..]);
    linger(&connection);
}

/// Returns an address that reaches a listener on `address`: loopback if that is unspecified.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
