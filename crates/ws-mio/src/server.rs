//! A server, before it is started.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::panic;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use log::error;
use ws_common::adapter::{Acceptor, listen};
use ws_common::{RunningServer, ServerHandle, ServerHandler, ServerOptions};

use crate::EventLoop;
use crate::registry::Loops;
use crate::shared::Shared;

/// The most connections at a time by default: more than the descriptors of most processes.
const MAX_CONNECTIONS: usize = 100_000;

/// A WebSocket server that is bound to an address, and not started yet.
///
/// ```
/// use ws_mio::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};
///
/// let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?;
/// let running = server.spawn(|_: &_, _: &_| {
///     Decision::accept(|ws: &WebSocketConnection, message: Message| {
///         // A peer that is gone meanwhile gets no echo.
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
    /// Binds an address; port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the address cannot be bound.
    pub fn bind(address: impl ToSocketAddrs, options: ServerOptions) -> io::Result<Self> {
        Ok(Self::from_listener(listen(address, false)?, options))
    }

    /// Binds an address for so many threads, at least one, each with a loop and a listener of its own; the
    /// system distributes the connections among them (`SO_REUSEPORT`). Other programs of the same user can
    /// bind the address as well then.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the address cannot be bound, or the system does not have listeners that share
    /// a port.
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

    /// Takes over a listener.
    #[must_use]
    pub fn from_listener(listener: TcpListener, options: ServerOptions) -> Self {
        Self { listeners: vec![listener], options }
    }

    /// Returns the address it listens on.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listeners[0].local_addr()
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
        let (acceptor, listeners) = self.open(handler, shared)?;
        for (event_loop, listener) in loops.iter_mut().zip(listeners) {
            event_loop.listen(listener, &acceptor)?;
        }
        acceptor.opened();
        Ok((acceptor.server().clone(), loops))
    }

    /// Makes the acceptor of the server, which those loops will serve.
    pub(crate) fn open(
        self,
        handler: impl ServerHandler,
        loops: Vec<Arc<Shared>>,
    ) -> io::Result<(Arc<Acceptor>, Vec<TcpListener>)> {
        let address = self.local_addr()?;
        let options = self.options.or_max_connections(MAX_CONNECTIONS);
        let registry = Loops(loops.clone());
        let wake = move || {
            for shared in &loops {
                shared.post(|mailbox| mailbox.look = true);
            }
        };
        let server = ServerHandle::new(options, Some(address), registry, wake);
        Ok((Arc::new(Acceptor::new(server, handler)), self.listeners))
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
