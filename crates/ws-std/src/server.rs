//! A server: a thread that accepts, and a thread for each connection.

use std::any::Any;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ws_objects::{
    Accepted, Answer, ConnectionHandler, ConnectionLink, Error, Message, ServerHandle,
    ServerHandler, ServerOptions, WebSocketConnection,
};
use wsproto::handshake::{AllowedOrigins, Request, RequestError, Response};
use wsproto::{CloseCode, CloseFrame, Config, PreparedMessage, ReadyState, Server};

use crate::{Stream, WebSocket, Writer, accept_with};

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
    write_patience: Option<Duration>,
    #[cfg(feature = "tls")]
    tls: Option<ws_objects::ServerTls>,
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
    /// or over TLS no answer. With [`incoming`](Self::incoming), only handshakes are counted: the
    /// connections are the loop's.
    #[must_use]
    pub fn max_connections(mut self, most: usize) -> Self {
        self.options.max_connections = Some(most);
        self
    }

    /// Limits how long sending waits for a peer that does not read, as
    /// [`WebSocket::set_write_patience`] does; by default, as long as it takes.
    #[must_use]
    pub fn write_patience(mut self, patience: Duration) -> Self {
        self.write_patience = Some(patience);
        self
    }

    /// Speaks TLS: `wss://`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: ws_objects::ServerTls) -> Self {
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
        Ok(RunningServer { server, thread })
    }

    /// Starts the server in this thread, until [`ServerHandle::terminate`] is called, which the
    /// handler can do.
    pub fn run(self, handler: impl ServerHandler) {
        let server = self.handle();
        self.serve(&server, handler);
    }

    /// Opens connections for a loop, instead of calling handlers. Each handshake has a thread of its
    /// own, so that a slow one does not hold up the others. Ordinary requests are refused.
    ///
    /// ```
    /// # let server = ws_std::WebSocketServer::bind("127.0.0.1:0")?;
    /// # let url = format!("ws://{}/", server.local_addr()?);
    /// # let client = std::thread::spawn(move || ws_std::connect(&url)?.recv());
    /// for mut ws in server.incoming()? {
    ///     std::thread::spawn(move || ws.send("welcome"));
    /// #   break;
    /// }
    /// # assert_eq!(client.join().unwrap()?, Some("welcome".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system has no thread.
    pub fn incoming(self) -> io::Result<Incoming> {
        let accept = |_: &Request| Answer::Accept(wsproto::handshake::Accept::new());
        self.incoming_with(accept)
    }

    /// As [`incoming`](Self::incoming), but `answer` decides on every request that the options allow,
    /// and on ordinary ones; it is called by several threads.
    ///
    /// # Errors
    ///
    /// As [`incoming`](Self::incoming).
    pub fn incoming_with(
        self,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Incoming> {
        let server = self.handle();
        let (handle, answer) = (server.clone(), Arc::new(answer));
        let (sender, opened) = mpsc::channel();
        thread::Builder::new().spawn(move || {
            let start = |tcp, _| {
                let (server, sender, answer) =
                    (handle.clone(), sender.clone(), Arc::clone(&answer));
                let patience = self.write_patience;
                self.start(&handle, tcp, move |stream| {
                    let config = Arc::clone(&server.options().config);
                    let answer = |request: &Request| match server.options().refusal(request) {
                        Some(refusal) if request.check_upgrade().is_ok() => {
                            Answer::Respond(refusal)
                        }
                        _ => answer(request),
                    };
                    // A handshake that fails is no connection.
                    if let Ok(Some(mut ws)) = stream
                        .map_err(Error::from)
                        .and_then(|stream| accept_with(stream, config, answer))
                    {
                        ws.set_write_patience(patience);
                        // Nobody waits for it any more if the loop has ended.
                        let _ = sender.send(Some(ws));
                    }
                })
            };
            self.accept_until_end(&handle, start, drop);
            handle.wait_terminated();
            // There may be handshakes yet, which nobody waits for.
            let _ = sender.send(None);
        })?;
        Ok(Incoming { server, opened: Some(opened) })
    }

    fn handle(&self) -> ServerHandle {
        let address = self.listener.local_addr().ok();
        // Accepting blocks until somebody connects: so somebody does, with a descriptor that was put
        // aside for it.
        let spare = Mutex::new(self.listener.try_clone().ok());
        let wake = move || {
            spare.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(address.map(|to| TcpStream::connect_timeout(&reachable(to), WAKE_PATIENCE)));
        };
        ServerHandle::new(self.options.clone(), address, wake)
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
        self.accept_until_end(server, start, |error| lock().on_error(server, &error.into()));
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
    fn accept_until_end(
        &self,
        server: &ServerHandle,
        start: impl Fn(TcpStream, SocketAddr) -> io::Result<()>,
        failed: impl Fn(io::Error),
    ) {
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
    fn start(
        &self,
        server: &ServerHandle,
        mut tcp: TcpStream,
        carry: impl FnOnce(io::Result<Stream>) + Send + 'static,
    ) -> io::Result<()> {
        if !server.admit() {
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

/// A server that runs in threads of its own. Dropping it does not end the server.
#[derive(Debug)]
pub struct RunningServer {
    server: ServerHandle,
    thread: JoinHandle<()>,
}

impl RunningServer {
    /// Returns the handle of the server.
    #[must_use]
    pub const fn handle(&self) -> &ServerHandle {
        &self.server
    }

    /// Waits until the server has ended.
    ///
    /// # Panics
    ///
    /// If the server's handler has panicked in the thread that accepts.
    pub fn join(self) {
        if let Err(panic) = self.thread.join() {
            panic::resume_unwind(panic);
        }
    }
}

/// Connections as they open; ends when the server does. Dropping it ends the server, but not the
/// connections it has given.
#[derive(Debug)]
pub struct Incoming {
    server: ServerHandle,
    /// `None` once the server has ended.
    opened: Option<Receiver<Option<WebSocket<Stream, Server>>>>,
}

impl Incoming {
    /// Returns the handle of the server, to end it. It has no connections: they are the loop's.
    #[must_use]
    pub const fn handle(&self) -> &ServerHandle {
        &self.server
    }
}

impl Iterator for Incoming {
    type Item = WebSocket<Stream, Server>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.opened.as_ref()?.recv().ok().flatten();
        if next.is_none() {
            self.opened = None;
        }
        next
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.server.terminate(None);
    }
}

/// Releases a connection's place, however its thread ends.
struct Released(ServerHandle);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// What one connection's thread works with.
struct Carrier<H> {
    server: ServerHandle,
    handler: Arc<Mutex<H>>,
    peer: SocketAddr,
    write_patience: Option<Duration>,
}

impl<H: ServerHandler> Carrier<H> {
    fn carry(&self, stream: io::Result<Stream>) {
        let mut accepted = None;
        let config = Arc::clone(&self.server.options().config);
        let opened = stream.map_err(Error::from).and_then(|stream| {
            accept_with(stream, config, |request| self.answer(request, &mut accepted))
        });
        match (opened, accepted) {
            (Ok(Some(ws)), Some(handler)) => self.converse(ws, handler),
            (Ok(_), _) => {}
            (Err(error), _) => {
                self.with_handler(|handler| handler.on_error(&self.server, &error));
            }
        }
    }

    /// Decides on a request; leaves what carries the connection in `accepted`.
    fn answer(&self, request: &Request, accepted: &mut Option<H::Connection>) -> Answer {
        if request.check_upgrade() == Err(RequestError::NoUpgrade) {
            let page = self.with_handler(|handler| handler.on_request(&self.server, request));
            return match page.flatten() {
                Some(page) => Answer::Respond(page),
                // Which is a refusal, because the request asks for no connection.
                None => Answer::Accept(wsproto::handshake::Accept::new()),
            };
        }
        if let Some(refusal) = self.server.options().refusal(request) {
            return Answer::Respond(refusal);
        }
        match self.with_handler(|handler| handler.on_connection(&self.server, request)) {
            Some(Ok(Accepted { accept, handler })) => {
                *accepted = Some(handler);
                Answer::Accept(accept)
            }
            Some(Err(refusal)) => Answer::Respond(refusal),
            None => Answer::Respond(Response::text(503, "The server has ended\n")),
        }
    }

    fn converse(&self, mut ws: WebSocket<Stream, Server>, mut handler: H::Connection) {
        ws.set_write_patience(self.write_patience);
        let (server, subprotocol) = (self.server.clone(), ws.subprotocol());
        let link = ws.writer();
        let handle =
            WebSocketConnection::new(server, Some(self.peer), subprotocol.as_deref(), link);
        if !self.server.add(&handle) {
            return;
        }
        let mut panicked = guard(|| handler.on_open(&handle)).is_err();
        loop {
            if panicked {
                // The handler is not called again; the peer learns that it was not at fault.
                let frame = CloseFrame::new(CloseCode::INTERNAL_ERROR, "").ok();
                let _ = ws.writer().close_soon(frame.as_ref());
                let _ = ws.wait_closed();
                break;
            }
            match ws.recv() {
                Ok(Some(message)) => {
                    panicked = guard(|| handler.on_message(&handle, message)).is_err();
                }
                Ok(None) => break,
                Err(error) => panicked = guard(|| handler.on_error(&handle, &error)).is_err(),
            }
        }
        self.server.remove(&handle);
        if let (false, Some(info)) = (panicked, ws.close_info()) {
            // There is nobody left to tell.
            let _ = guard(|| handler.on_terminate(&handle, info));
        }
        // Before the server ends, for what it does then, too.
        let _ = guard(|| drop(handler));
        self.server.finish();
    }

    /// Calls the server's handler, unless it was called for the last time.
    fn with_handler<T>(&self, call: impl FnOnce(&mut H) -> T) -> Option<T> {
        let mut handler = self.handler.lock().unwrap_or_else(PoisonError::into_inner);
        (!self.server.is_terminated()).then(|| call(&mut handler))
    }
}

/// Calls a handler, which may panic.
fn guard(call: impl FnOnce()) -> Result<(), Box<dyn Any + Send>> {
    panic::catch_unwind(AssertUnwindSafe(call))
}

impl ConnectionLink for Writer<Server> {
    fn ready_state(&self) -> ReadyState {
        Self::ready_state(self)
    }

    fn send(&self, message: Message) -> Result<(), Error> {
        Self::send(self, message)
    }

    fn send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        Self::send_prepared(self, message)
    }

    fn close(&self, frame: Option<CloseFrame<'_>>) -> Result<(), Error> {
        self.close_soon(frame.as_ref())
    }

    fn abort(&self) {
        Self::abort(self);
    }
}
