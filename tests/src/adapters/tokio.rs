//! `ws-tokio` on a runtime with two threads.

use std::io;
use std::net::ToSocketAddrs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Runtime};
use ws_common::adapter::spawn_server;
use ws_common::{ClientOptions, ConnectionHandler, RunningServer, ServerHandler, ServerOptions};
use ws_tokio::WebSocketServer;
use wsproto::handshake::ClientRequest;

use super::{Adapter, Client, Refused, Tcp};

/// `ws-tokio`: a task per connection.
#[derive(Debug)]
pub enum Tokio {}

/// The number of threads of the runtime.
static THREADS: AtomicUsize = AtomicUsize::new(2);

/// Gives the runtime one thread, for tests that count memory: each thread keeps buffers. Call it before the
/// first server or client.
pub fn use_one_thread() {
    THREADS.store(1, Ordering::Relaxed);
}

/// Returns the runtime of all servers and clients.
#[must_use]
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let threads = THREADS.load(Ordering::Relaxed);
        let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build();
        runtime.expect("threads")
    })
}

impl Tokio {
    /// Runs a server.
    ///
    /// # Errors
    ///
    /// If the runtime cannot register its listener, or there is no thread.
    pub fn spawn(
        server: WebSocketServer,
        handler: impl ServerHandler,
    ) -> io::Result<RunningServer> {
        let entered = runtime().enter();
        let serving = server.spawn(handler)?;
        drop(entered);
        let handle = serving.handle().clone();
        spawn_server(handle, || {
            runtime().block_on(serving);
            Ok(())
        })
    }

    /// Binds an address.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    pub fn bind(
        address: impl ToSocketAddrs,
        options: ServerOptions,
    ) -> io::Result<WebSocketServer> {
        let addresses: Vec<_> = address.to_socket_addrs()?.collect();
        runtime().block_on(WebSocketServer::bind(&addresses[..], options))
    }
}

impl Adapter for Tokio {
    type Network = Tcp;

    fn serve(options: ServerOptions, handler: impl ServerHandler) -> io::Result<RunningServer> {
        Self::spawn(Self::bind("127.0.0.1:0", options)?, handler)
    }

    fn connect(
        request: ClientRequest,
        options: ClientOptions,
        handler: impl ConnectionHandler,
    ) -> Result<Client, Refused> {
        let ws = runtime()
            .block_on(ws_tokio::connect_with(request, options))
            .map_err(|error| Refused::from(&error))?;
        let handle = ws.handle().clone();
        let thread = thread::Builder::new().spawn(move || {
            runtime().block_on(ws.run(handler));
        })?;
        Ok(Client { ws: handle, thread })
    }
}
