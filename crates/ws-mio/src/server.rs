//! A server, before it is started.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::panic;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use log::error;
use socket2::{Domain, Protocol, Socket, Type};
use ws_common::{RunningServer, ServerHandle, ServerHandler, ServerOptions};
use wsproto::Config;
use wsproto::handshake::AllowedOrigins;

use crate::EventLoop;
use crate::door::Door;
use crate::registry::Loops;
use crate::shared::Shared;

/// How many connections the system keeps for a loop that does not accept at the moment.
const BACKLOG: i32 = 4096;

/// A WebSocket server that is bound to an address, and not started yet.
///
/// ```
/// use ws_mio::{Accepted, Message, WebSocketConnection, WebSocketServer};
///
/// let server = WebSocketServer::bind("127.0.0.1:0")?;
/// let running = server.spawn(|_: &_, _: &_| {
///     Ok(Accepted::new(|ws: &WebSocketConnection, message: Message| {
///         // Whoever is gone meanwhile gets no echo.
///         let _ = ws.send(message);
///     }))
/// })?;
/// running.handle().terminate(None);
/// running.join();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct WebSocketServer {
    listeners: Vec<TcpListener>,
    options: ServerOptions,
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
        Ok(Self::from_listener(bind_any(address, false)?))
    }

    /// Binds an address for so many threads, at least one, each with a loop and a listener of its own; the system
    /// distributes the connections among them (`SO_REUSEPORT`). Other programs of the same user can bind
    /// the address as well then.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the address cannot be bound, or the system does not have listeners that share
    /// a port.
    pub fn bind_threads(address: impl ToSocketAddrs, threads: usize) -> io::Result<Self> {
        let first = bind_any(address, true)?;
        let address = first.local_addr()?;
        let mut server = Self::from_listener(first);
        for _ in 1..threads {
            server.listeners.push(bind(address, true)?);
        }
        Ok(server)
    }

    /// Takes over a listener.
    #[must_use]
    pub fn from_listener(listener: TcpListener) -> Self {
        Self {
            listeners: vec![listener],
            options: ServerOptions::default(),
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
        self.listeners[0].local_addr()
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
    /// or over TLS no answer.
    #[must_use]
    pub fn max_connections(mut self, most: usize) -> Self {
        self.options.max_connections = Some(most);
        self
    }

    /// Sets how many bytes may be unsent when a message is taken; see
    /// [`ServerOptions::high_water_mark`].
    #[must_use]
    pub fn high_water_mark(mut self, bytes: usize) -> Self {
        self.options.high_water_mark = bytes;
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
    /// [`io::Error`] if the operating system has no thread, or no means to wait for events.
    pub fn spawn(self, handler: impl ServerHandler) -> io::Result<RunningServer> {
        let (server, loops) = self.start(handler)?;
        let handle = server.clone();
        let thread = thread::Builder::new().spawn(move || {
            if let Err(error) = run_all(loops, &handle) {
                error!("the event loop has failed: {error}");
            }
        })?;
        Ok(RunningServer::new(server, thread))
    }

    /// Starts the server in this thread, and in others if it was bound for several, until
    /// [`ServerHandle::terminate`] is called, which the handler can do.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system has no thread, or cannot wait for events.
    pub fn run(self, handler: impl ServerHandler) -> io::Result<()> {
        let (server, loops) = self.start(handler)?;
        run_all(loops, &server)
    }

    fn start(self, handler: impl ServerHandler) -> io::Result<(ServerHandle, Vec<EventLoop>)> {
        let mut loops =
            self.listeners.iter().map(|_| EventLoop::new()).collect::<io::Result<Vec<_>>>()?;
        let shared = loops.iter().map(|event_loop| Arc::clone(event_loop.shared())).collect();
        let (door, listeners) = self.open(handler, shared)?;
        for (event_loop, listener) in loops.iter_mut().zip(listeners) {
            event_loop.listen(listener, &door)?;
        }
        door.opened();
        Ok((door.server.clone(), loops))
    }

    /// Makes the door to the server, which those loops will serve.
    pub(crate) fn open(
        self,
        handler: impl ServerHandler,
        loops: Vec<Arc<Shared>>,
    ) -> io::Result<(Arc<Door>, Vec<TcpListener>)> {
        let address = self.local_addr()?;
        let registry = Loops(loops.clone());
        let wake = move || {
            for shared in &loops {
                shared.post(|inbox| inbox.ending = true);
            }
        };
        let server = ServerHandle::new(self.options, Some(address), registry, wake);
        let door = Door::new(
            server,
            handler,
            #[cfg(feature = "tls")]
            self.tls,
        );
        Ok((Arc::new(door), self.listeners))
    }
}

/// Runs the first loop in this thread, and the others in threads of their own. If one fails, the
/// server ends.
fn run_all(mut loops: Vec<EventLoop>, server: &ServerHandle) -> io::Result<()> {
    let others = loops.split_off(1);
    let end =
        |result: io::Result<()>| result.inspect_err(|_| server.terminate(Some(Duration::ZERO)));
    thread::scope(|scope| {
        let (mut threads, mut result) = (Vec::new(), Ok(()));
        for event_loop in others {
            match thread::Builder::new().spawn_scoped(scope, move || end(event_loop.run())) {
                Ok(thread) => threads.push(thread),
                Err(error) => result = end(Err(error)),
            }
        }
        for event_loop in loops {
            result = end(event_loop.run()).and(result);
        }
        for thread in threads {
            let ended = thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
            result = ended.and(result);
        }
        result
    })
}

/// Binds the first of several addresses that can be.
fn bind_any(address: impl ToSocketAddrs, share: bool) -> io::Result<TcpListener> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in address.to_socket_addrs()? {
        result = bind(address, share);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn bind(address: SocketAddr, share: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that is started again need not wait for what is left of its connections.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if share {
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
        #[cfg(not(unix))]
        return Err(io::ErrorKind::Unsupported.into());
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
