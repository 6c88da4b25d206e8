//! A server that is not started yet.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use ws_common::adapter::{
    Acceptor, ListenerWaker, listen, listen_shared, server_handle, spawn_server,
};
use ws_common::{RunningServer, ServerHandle, ServerHandler, ServerOptions, ServerSocket};

use crate::EventLoop;
use crate::handover::Handover;
use crate::listener::Source;
use crate::registry::Loops;
use crate::shared::Shared;

/// The default maximum of simultaneous connections; most processes may open fewer descriptors.
const MAX_CONNECTIONS: usize = 100_000;

/// A WebSocket server that is bound to an address, but not started yet.
///
/// ```
/// use ws_mio::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};
///
/// let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?;
/// let running = server.spawn(|_: &_, _: &_| {
///     Decision::accept(|ws: &WebSocketConnection, message: Message| {
///         // Sending fails only if the connection is closing.
///         let _ = ws.send(message);
///     })
/// })?;
/// running.handle().terminate(None);
/// running.join();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct WebSocketServer {
    /// At least one.
    listeners: Vec<ServerSocket>,
    threads: usize,
    /// Whether each thread has a listener of its own.
    reuses_port: bool,
    options: ServerOptions,
}

impl WebSocketServer {
    /// Binds an address; port 0 selects a free port. For a name with IPv4 and IPv6 addresses, such as
    /// `localhost`, it binds one of each, with the same port. Without [`ServerOptions::max_connections`],
    /// the limit is 100 000 simultaneous connections.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if no address can be bound.
    pub fn bind(address: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        Ok(Self::new(listen(address)?, options))
    }

    /// Binds an address for a server with several threads, at least one, each of which has a loop and a
    /// listener (`SO_REUSEPORT`). The operating system distributes the connections among the listeners,
    /// without regard to the loops: a busy loop gets new clients, too, which then wait for it. Other programs
    /// of the same user can bind the address, too.
    ///
    /// This accepts more connections per second than [`threads`](Self::threads), for servers of very short
    /// connections.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if no address can be bound; of kind [`Unsupported`](io::ErrorKind::Unsupported) on
    /// systems other than Unix.
    pub fn bind_reuse_port(
        address: impl ToSocketAddrs,
        threads: usize,
        options: ServerOptions,
    ) -> io::Result<Self> {
        let server = Self::new(listen_shared(address, threads.max(1))?, options);
        Ok(Self { reuses_port: true, ..server }.threads(threads))
    }

    /// Creates a server on a listener that is already bound: a `TcpListener`, or on Unix a `UnixListener` or
    /// the result of `ServerSocket::bind_unix`.
    #[must_use]
    pub fn from_listener(listener: impl Into<ServerSocket>, options: ServerOptions) -> Self {
        Self::new([listener], options)
    }

    fn new(
        listeners: impl IntoIterator<Item = impl Into<ServerSocket>>,
        options: ServerOptions,
    ) -> Self {
        let listeners = listeners.into_iter().map(Into::into).collect();
        Self { listeners, threads: 1, reuses_port: false, options }
    }

    /// Sets the number of threads, at least one. Each has a loop. Another thread accepts the connections,
    /// and each is taken by the loop with the fewest connections, unless that is busy.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Returns the first address the server listens on.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system does not report the address; of kind
    /// [`Unsupported`](io::ErrorKind::Unsupported) for a Unix domain socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listeners[0].local_addr()?.ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    /// Starts the server in new threads, and returns at once.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if a listener cannot be registered, or an event loop or a thread cannot be created.
    pub fn spawn(self, handler: impl ServerHandler) -> io::Result<RunningServer> {
        let started = self.start(handler)?;
        let server = started.acceptor.server().clone();
        spawn_server(server, move || started.run())
    }

    /// Runs the server in this thread, and in new ones if it has several. Returns once the handler has called
    /// [`ServerHandle::terminate`] and all connections are closed. To end it from another thread, use
    /// [`spawn`](Self::spawn), which returns the handle.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if a listener cannot be registered, an event loop or a thread cannot be created, or the
    /// operating system cannot wait for events.
    pub fn run(self, handler: impl ServerHandler) -> io::Result<()> {
        self.start(handler)?.run()
    }

    fn start(self, handler: impl ServerHandler) -> io::Result<Started> {
        let (threads, reuses_port) = (self.threads, self.reuses_port);
        let mut loops = (0..threads).map(|_| EventLoop::new()).collect::<io::Result<Vec<_>>>()?;
        let shared = loops.iter().map(|event_loop| Arc::clone(event_loop.shared())).collect();
        let (acceptor, listeners) = self.open(handler, shared)?;
        let mut started = Started { acceptor, loops: Vec::new(), accepting: None };
        let acceptor = &started.acceptor;
        if threads == 1 || reuses_port {
            let last = loops.len() - 1;
            for (index, listener) in listeners.into_iter().enumerate() {
                loops[index.min(last)].listen(listener, acceptor)?;
            }
        } else {
            let servers: Vec<_> =
                loops.iter().map(|event_loop| event_loop.server(acceptor)).collect();
            let handover = Arc::new(Handover::new(servers.clone()));
            for (event_loop, server) in loops.iter_mut().zip(servers) {
                event_loop.add_listener(Source::Handover(Arc::clone(&handover)), server);
            }
            started.accepting = Some((listeners, handover));
        }
        started.acceptor.announce();
        started.loops = loops;
        Ok(started)
    }

    /// Creates the acceptor of the server, to be run by these loops.
    pub(crate) fn open(
        self,
        handler: impl ServerHandler,
        loops: Vec<Arc<Shared>>,
    ) -> io::Result<(Arc<Acceptor>, Vec<ServerSocket>)> {
        let address = self.listeners[0].local_addr()?;
        let registry = Loops(loops.clone());
        // Several loops have a thread that accepts for them.
        let waker = (loops.len() > 1).then(|| ListenerWaker::new(&self.listeners));
        let wake = move |server: &ServerHandle| {
            for shared in &loops {
                shared.post(|mail| mail.check_end = true);
            }
            if let Some(waker) = &waker
                && server.is_ending()
            {
                waker.wake();
            }
        };
        let server =
            server_handle(self.options, MAX_CONNECTIONS, address, registry, wake, Instant::now);
        Ok((Arc::new(Acceptor::new(server, handler)), self.listeners))
    }
}

/// Ends a server at once if one of its threads panics: it must not continue with fewer loops.
struct EndOnPanic<'a>(&'a ServerHandle);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.terminate(Some(Duration::ZERO));
        }
    }
}

/// A server whose loops are ready to run.
struct Started {
    acceptor: Arc<Acceptor>,
    loops: Vec<EventLoop>,
    /// Listeners, each with a thread that accepts for all loops.
    accepting: Option<(Vec<ServerSocket>, Arc<Handover>)>,
}

impl Started {
    /// Runs the first loop in this thread, and the others in new threads. If one fails or panics, the server
    /// ends at once.
    fn run(mut self) -> io::Result<()> {
        let (others, acceptor) = (self.loops.split_off(1), &self.acceptor);
        let end = |result: io::Result<()>| {
            result.inspect_err(|_| acceptor.server().terminate(Some(Duration::ZERO)))
        };
        let run = |start: Box<dyn FnOnce() -> io::Result<()> + Send>| {
            let _end_on_panic = EndOnPanic(acceptor.server());
            end(start())
        };
        thread::scope(|scope| {
            let (mut threads, mut result) = (Vec::new(), Ok(()));
            let mut spawn =
                |start: Box<dyn FnOnce() -> io::Result<()> + Send>| match thread::Builder::new()
                    .spawn_scoped(scope, move || run(start))
                {
                    Ok(thread) => threads.push(thread),
                    Err(error) => result = end(Err(error)),
                };
            for event_loop in others {
                spawn(Box::new(|| event_loop.run()));
            }
            let (listeners, handover) = self.accepting.unzip();
            for listener in listeners.into_iter().flatten() {
                let (acceptor, handover) = (Arc::clone(acceptor), handover.clone());
                spawn(Box::new(move || {
                    accept_for_all(&listener, &acceptor, handover.as_deref());
                    Ok(())
                }));
            }
            for event_loop in self.loops {
                result = run(Box::new(|| event_loop.run())).and(result);
            }
            if let Some(handover) = handover {
                handover.close();
            }
            for thread in threads {
                let ended = thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
                result = ended.and(result);
            }
            result
        })
    }
}

/// Accepts connections for all loops, until the server is told to end.
fn accept_for_all(listener: &ServerSocket, acceptor: &Acceptor, handover: Option<&Handover>) {
    listener.accept_until_end(acceptor, |tcp, peer| {
        tcp.set_nonblocking(true)?;
        if let Some(handover) = handover {
            handover.put((TcpStream::from_std(tcp), peer));
        }
        Ok(())
    });
}
