//! A server: one thread that accepts, and one thread per connection.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ws_common::adapter::{
    Acceptor, Admission, Connections, Conversation, ListenerWaker, OnCancel, Permit,
    ProxyHeaderRead, WRITE_MOST, listen, server_handle, spawn_server,
};
use ws_common::{
    Cancel, Error, RunningServer, ServerHandle, ServerHandler, ServerOptions, ServerSocket,
};
use wsproto::{Endpoint, ReadyState, Server};

use crate::accept::tune;
use crate::calls::Calls;
use crate::clock::now;
use crate::driver::BlockingDriver;
use crate::proxied::read_proxy_header;
use crate::server_timers::ServerTimers;
use crate::websocket::{Opening, linger};
use crate::{Stream, WebSocket};

/// The default limit of connections. Each has a thread with several memory mappings, and Linux allows a
/// process 65 530 mappings by default (`vm.max_map_count`).
const MAX_CONNECTIONS: usize = 4096;

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
    /// At least one.
    listeners: Vec<ServerSocket>,
    options: ServerOptions,
}

impl WebSocketServer {
    /// Binds an address; port 0 chooses a free port. For a name with IPv4 and IPv6 addresses, such as
    /// `localhost`, it binds one of each, with the same port. The limit of connections is 4096 unless the
    /// options set one.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the address cannot be bound.
    pub fn bind(address: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        let listeners = listen(address)?.into_iter().map(ServerSocket::from).collect();
        Ok(Self { listeners, options })
    }

    /// Creates a server on a listener that is already bound: a `TcpListener`, or on Unix a `UnixListener` or
    /// the result of `ServerSocket::bind_unix`.
    #[must_use]
    pub fn from_listener(listener: impl Into<ServerSocket>, options: ServerOptions) -> Self {
        Self { listeners: vec![listener.into()], options }
    }

    /// Returns the first address the server listens on.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot tell; of kind
    /// [`Unsupported`](io::ErrorKind::Unsupported) for a Unix domain socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listeners[0].local_addr()?.ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    /// Runs the server in a new thread, and each connection in another.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot create the accepting thread.
    pub fn spawn(self, handler: impl ServerHandler) -> io::Result<RunningServer> {
        let acceptor = self.acceptor(handler);
        let server = acceptor.server().clone();
        spawn_server(server, move || self.serve(&acceptor))
    }

    /// Runs the server in this thread, and each connection in another. Returns once the handler has called
    /// [`ServerHandle::terminate`] and all connections are closed. To end it from another thread, use
    /// [`spawn`](Self::spawn), which returns the handle.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot create a thread for a second address.
    pub fn run(self, handler: impl ServerHandler) -> io::Result<()> {
        let acceptor = self.acceptor(handler);
        self.serve(&acceptor)
    }

    pub(crate) fn acceptor(&self, handler: impl ServerHandler) -> Arc<Acceptor> {
        let timers = ServerTimers::new();
        let acceptor = Arc::new(Acceptor::new(self.handle(Arc::clone(&timers)), handler));
        timers.set_acceptor(&acceptor);
        acceptor
    }

    fn handle(&self, timers: Arc<ServerTimers>) -> ServerHandle {
        // The end is flagged before the accepting threads are woken, so they see the flag.
        let waker = ListenerWaker::new(&self.listeners);
        let (options, address) = (self.options.clone(), self.local_addr().ok());
        let wake = move |server: &ServerHandle| {
            timers.plan();
            if server.is_ending() {
                waker.wake();
            }
        };
        server_handle(options, MAX_CONNECTIONS, address, Connections::default(), wake, Instant::now)
    }

    fn serve(self, acceptor: &Arc<Acceptor>) -> io::Result<()> {
        acceptor.announce();
        acceptor.join();
        let ended = Cancel::new();
        let result = self.accept_until_end(acceptor, |acceptor, permit, tcp, peer| {
            let (acceptor, ended) = (Arc::clone(acceptor), ended.clone());
            thread::Builder::new().spawn(move || carry(&acceptor, &ended, permit, tcp, peer))?;
            Ok(())
        });
        drop(self.listeners);
        acceptor.leave();
        ended.cancel();
        result
    }

    /// Accepts connections until the server is told to end: from the first listener in this thread, from each
    /// other one in a new thread. If a thread cannot be created, ends the server.
    pub(crate) fn accept_until_end(
        &self,
        acceptor: &Arc<Acceptor>,
        start: impl Fn(&Arc<Acceptor>, Permit, TcpStream, Option<SocketAddr>) -> io::Result<()> + Sync,
    ) -> io::Result<()> {
        thread::scope(|scope| {
            for listener in &self.listeners[1..] {
                let accept = || accept_from(listener, acceptor, &start);
                if let Err(error) = thread::Builder::new().spawn_scoped(scope, accept) {
                    acceptor.server().terminate(Some(Duration::ZERO));
                    return Err(error);
                }
            }
            accept_from(&self.listeners[0], acceptor, &start);
            Ok(())
        })
    }
}

/// Accepts connections until the server is told to end.
fn accept_from(
    listener: &ServerSocket,
    acceptor: &Arc<Acceptor>,
    start: &impl Fn(&Arc<Acceptor>, Permit, TcpStream, Option<SocketAddr>) -> io::Result<()>,
) {
    listener.accept_until_end(acceptor, |tcp, peer| match acceptor.admit(now(), peer) {
        Admission::Admitted(permit) => start(acceptor, permit, tcp, peer),
        Admission::Refused(endpoint, _) => {
            refuse(acceptor, *endpoint, tcp, peer);
            Ok(())
        }
        Admission::Dropped(_) => Ok(()),
    });
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

/// A connection that a server has begun.
pub(crate) struct Begun {
    pub(crate) ws: WebSocket<Server>,
    pub(crate) permit: Permit,
    /// Ends the connection with the server, unless it has opened.
    pub(crate) on_end: OnCancel,
}

/// Creates the connection of an accepted socket. Returns `None` if its client is not served: the proxy sent no
/// header, or the client that the header names is refused. The token `ended` is cancelled when the server has
/// ended.
pub(crate) fn begin(
    acceptor: &Arc<Acceptor>,
    ended: &Cancel,
    mut permit: Permit,
    tcp: TcpStream,
    peer: Option<SocketAddr>,
) -> Result<Option<Begun>, Error> {
    let endpoint = acceptor.endpoint(now());
    let mut client = None;
    if let Some(header) = acceptor.proxy_header(peer) {
        let waiting = tcp.try_clone()?;
        // Fails if the peer is gone.
        let on_end = ended.on_cancel(move || drop(waiting.shutdown(Shutdown::Both)));
        let read = read_proxy_header(header, &tcp, endpoint.deadline());
        drop(on_end);
        client = match read? {
            ProxyHeaderRead::Complete(client) => client,
            ProxyHeaderRead::Blocked | ProxyHeaderRead::Ended => return Ok(None),
        };
        match acceptor.admit_named(permit, now(), client.or(peer)) {
            Admission::Admitted(admitted) => permit = admitted,
            Admission::Refused(endpoint, _) => {
                refuse(acceptor, *endpoint, tcp, peer);
                return Ok(None);
            }
            Admission::Dropped(_) => return Ok(None),
        }
    }
    let stream = stream(acceptor, tcp)?;
    tune(&stream);
    let acceptor = Some(Arc::clone(acceptor));
    let connection = BlockingDriver::begin(acceptor.into(), endpoint, stream.clone(), peer);
    if let Some(client) = client {
        connection.lock().set_client(client);
    }
    let opening = Arc::downgrade(&connection);
    let on_end = ended.on_cancel(move || {
        let handle = opening.upgrade().map(|connection| connection.handle());
        if let Some(handle) = handle.filter(|ws| ws.ready_state() == ReadyState::Connecting) {
            handle.abort();
        }
    });
    let ws = WebSocket::new(connection, stream, Opening::Server { request: None });
    Ok(Some(Begun { ws, permit, on_end }))
}

/// Runs a server's connection until it is over.
fn carry(
    acceptor: &Arc<Acceptor>,
    ended: &Cancel,
    permit: Permit,
    tcp: TcpStream,
    peer: Option<SocketAddr>,
) {
    match begin(acceptor, ended, permit, tcp, peer) {
        Ok(Some(Begun { mut ws, permit, on_end: _on_end })) => {
            // A panic of the handler is logged, and ends only this connection.
            ws.carry(&Calls::new(Conversation::server(permit)));
        }
        Ok(None) => {}
        Err(error) => acceptor.report(peer, &error),
    }
}

/// Refuses a connection without a thread of its own: the warden writes the response.
fn refuse(
    acceptor: &Arc<Acceptor>,
    endpoint: Endpoint<Server>,
    tcp: TcpStream,
    peer: Option<SocketAddr>,
) {
    let acceptor = Some(Arc::clone(acceptor));
    let connection = BlockingDriver::begin(acceptor.into(), endpoint, tcp.into(), peer);
    let mut held = connection.lock();
    held.begin_work();
    connection.driver().write_and_plan(&mut held, WRITE_MOST);
    drop(held);
    let mut conversation = Conversation::refused();
    conversation.react(&connection, &connection.handle(), now(), &mut &mut [][..]);
    linger(&connection);
}
