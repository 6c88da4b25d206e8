//! A server with a runtime for each of its threads.

use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use ws_common::adapter::{Acceptor, listen_shared, spawn_server};
use ws_common::{Listener, RunningServer, ServerHandler, ServerOptions};

use super::accepting::Accepting;
use super::listening::Listening;
use super::{handle, local_addr};
use crate::tasks::Tasks;

/// Runs a server on several threads, at least one, each of which has a `current_thread` runtime and a listener
/// (`SO_REUSEPORT`). A connection stays where it was accepted; the operating system distributes them. This is the
/// fastest server of this crate. The threads share the handler, and call it one at a time.
///
/// Other programs of the same user can bind the address, too. Runs in the background: this needs no runtime.
///
/// # Errors
///
/// [`io::Error`] if no address can be bound, or if a runtime or a thread cannot be created; of kind
/// [`Unsupported`](io::ErrorKind::Unsupported) for several threads on systems other than Unix.
pub fn serve_per_core(
    address: impl ToSocketAddrs,
    threads: usize,
    options: ServerOptions,
    handler: impl ServerHandler,
) -> io::Result<RunningServer> {
    let threads = threads.max(1);
    let listeners = listen_shared(address, threads)?.into_iter().map(Listener::from);
    let listeners: Vec<_> = listeners.collect();
    let wakes: Vec<_> = listeners.iter().map(|_| Arc::<Tasks>::default()).collect();
    let server = handle(options, local_addr(&listeners)?, wakes.clone());
    let acceptor = Arc::new(Acceptor::new(server.clone(), handler));
    let mut loops = Vec::new();
    for (listener, wake) in listeners.into_iter().zip(wakes) {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let sources = Listening::register([listener])?;
        drop(entered);
        loops.push((runtime, Accepting::new(Arc::clone(&acceptor), sources, wake)));
    }
    acceptor.announce();
    let ending = server.clone();
    spawn_server(server, move || {
        thread::scope(|scope| {
            let started = loops.into_iter().try_for_each(|(runtime, accepting)| {
                let run = move || runtime.block_on(accepting);
                thread::Builder::new().spawn_scoped(scope, run).map(drop)
            });
            // It must not go on with fewer threads. The scope waits for those that have started.
            started.inspect_err(|_| ending.terminate(Some(Duration::ZERO)))
        })
    })
}
