//! A server that is not started yet.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::panic;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use log::error;
use ws_common::adapter::{Acceptor, listen, running_server, server_handle};
use ws_common::{RunningServer, ServerHandle, ServerHandler, ServerOptions};

use crate::EventLoop;
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
    listeners: Vec<TcpListener>,
    options: ServerOptions,
}

impl WebSocketServer {
    /// Binds the first usable one of the addresses; port 0 selects a free port. Without
    /// [`ServerOptions::max_connections`], the limit is 100 000 simultaneous connections.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if no address can be bound.
    pub fn bind(address: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        Ok(Self::from_listener(listen(address, false)?, options))
    }

    /// Binds an address for a server with `threads` threads, at least one. Each has its own loop and its own
    /// listener; the operating system distributes the connections among the listeners (`SO_REUSEPORT`).
    /// Other programs of the same user can bind the address, too.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if no address can be bound; of kind [`Unsupported`](io::ErrorKind::Unsupported) on
    /// systems other than Unix.
    pub fn bind_threads(
        address: impl ToSocketAddrs,
        threads: usize,
        options: ServerOptions,
    ) -> io::Result<Self> {
        let first = listen(address, true)?;
        let address = first.local_addr()?;
        let mut server = Self::from_listener(first, options);
        for _ in 1..threads {
            server.listeners.push(listen(address, true)?);
        }
        Ok(server)
    }

    /// Creates a server with a listener that the caller has bound.
    #[must_use]
    pub fn from_listener(listener: TcpListener, options: ServerOptions) -> Self {
        Self { listeners: vec![listener], options }
    }

    /// Returns the address the server listens on.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system does not report the address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listeners[0].local_addr()
    }

    /// Starts the server in new threads, and returns at once.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if a listener cannot be registered, or an event loop or a thread cannot be created.
    pub fn spawn(self, handler: impl ServerHandler) -> io::Result<RunningServer> {
        let (server, loops) = self.start(handler)?;
        let handle = server.clone();
        let thread = thread::Builder::new().spawn(move || {
            if let Err(error) = run_all(loops, &handle) {
                error!("the event loop has failed: {error}");
            }
        })?;
        Ok(running_server(server, thread))
    }

    /// Runs the server in this thread, and in new ones if it was bound for several. Returns once
    /// the handler has called [`ServerHandle::terminate`] and all connections are closed. To end it from another
    /// thread, use [`spawn`](Self::spawn), which returns the handle.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if a listener cannot be registered, an event loop or a thread cannot be created, or the
    /// operating system cannot wait for events.
    pub fn run(self, handler: impl ServerHandler) -> io::Result<()> {
        let (server, loops) = self.start(handler)?;
        run_all(loops, &server)
    }

    fn start(self, handler: impl ServerHandler) -> io::Result<(ServerHandle, Vec<EventLoop>)> {
        let mut loops =
            self.listeners.iter().map(|_| EventLoop::new()).collect::<io::Result<Vec<_>>>()?;
        let shared = loops.iter().map(|event_loop| Arc::clone(event_loop.shared())).collect();
        let (acceptor, listeners) = self.open(handler, shared)?;
        for (event_loop, listener) in loops.iter_mut().zip(listeners) {
            event_loop.listen(listener, &acceptor)?;
        }
        acceptor.announce();
        Ok((acceptor.server().clone(), loops))
    }

    /// Creates the acceptor of the server, to be run by these loops.
    pub(crate) fn open(
        self,
        handler: impl ServerHandler,
        loops: Vec<Arc<Shared>>,
    ) -> io::Result<(Arc<Acceptor>, Vec<TcpListener>)> {
        let address = self.local_addr()?;
        let registry = Loops(loops.clone());
        let wake = move |_: &ServerHandle| {
            for shared in &loops {
                shared.post(|mailbox| mailbox.check_end = true);
            }
        };
        let server = server_handle(self.options, MAX_CONNECTIONS, Some(address), registry, wake);
        Ok((Arc::new(Acceptor::new(server, handler)), self.listeners))
    }
}

/// Ends a server at once if its thread panics: it must not go on with fewer loops.
struct EndOnPanic<'a>(&'a ServerHandle);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.terminate(Some(Duration::ZERO));
        }
    }
}

/// Runs the first loop in this thread, and the others in new threads. If one fails or panics, the server ends
/// at once.
fn run_all(mut loops: Vec<EventLoop>, server: &ServerHandle) -> io::Result<()> {
    let others = loops.split_off(1);
    let end =
        |result: io::Result<()>| result.inspect_err(|_| server.terminate(Some(Duration::ZERO)));
    let run = |event_loop: EventLoop| {
        let _end_on_panic = EndOnPanic(server);
        end(event_loop.run())
    };
    thread::scope(|scope| {
        let (mut threads, mut result) = (Vec::new(), Ok(()));
        for event_loop in others {
            match thread::Builder::new().spawn_scoped(scope, move || run(event_loop)) {
                Ok(thread) => threads.push(thread),
                Err(error) => result = end(Err(error)),
            }
        }
        for event_loop in loops {
            result = run(event_loop).and(result);
        }
        for thread in threads {
            let ended = thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
            result = ended.and(result);
        }
        result
    })
}
