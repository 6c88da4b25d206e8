//! A server with a runtime for each of its threads.

use std::io;
use std::net::ToSocketAddrs;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use ws_common::adapter::{Acceptor, listen_shared, spawn_server};
use ws_common::{RunningServer, ServerHandler, ServerOptions, ServerSocket};

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
/// ```
/// use ws_tokio::{Decision, Message, ServerOptions, WebSocketConnection, serve_per_core};
///
/// let running = serve_per_core("127.0.0.1:0", 2, ServerOptions::new(), |_: &_, _: &_| {
///     Decision::accept(|ws: &WebSocketConnection, message: Message| {
///         // Fails if the peer is gone.
///         let _ = ws.send(message);
///     })
/// })?;
/// println!("listening on {:?}", running.handle().local_addr());
///
/// running.handle().terminate(None);
/// running.join();
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// [`io::Error`] if no address can be bound, or a runtime or a thread cannot be created: then no thread is left. It is of
/// kind [`Unsupported`](io::ErrorKind::Unsupported) for several threads on systems other than Unix.
pub fn serve_per_core(
    address: impl ToSocketAddrs,
    threads: usize,
    options: ServerOptions,
    handler: impl ServerHandler,
) -> io::Result<RunningServer> {
    serve(address, threads, options, handler, |run| thread::Builder::new().spawn(run))
}

/// The work of a thread.
type Run = Box<dyn FnOnce() + Send>;

fn serve(
    address: impl ToSocketAddrs,
    threads: usize,
    options: ServerOptions,
    handler: impl ServerHandler,
    mut spawn: impl FnMut(Run) -> io::Result<JoinHandle<()>>,
) -> io::Result<RunningServer> {
    let threads = threads.max(1);
    let listeners = listen_shared(address, threads)?.into_iter().map(ServerSocket::from);
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
    let (started, all) = mpsc::channel();
    let running = spawn_server(server.clone(), move || {
        join_all(all);
        Ok(())
    })?;
    acceptor.announce();
    let mut left = loops.len();
    for (runtime, accepting) in loops {
        match spawn(Box::new(move || runtime.block_on(accepting))) {
            // The thread that receives it waits for the sender.
            Ok(thread) => drop(started.send(thread)),
            Err(error) => {
                // It must not go on with fewer threads.
                server.terminate(Some(Duration::ZERO));
                (0..left).for_each(|_| acceptor.leave());
                drop(started);
                running.join();
                return Err(error);
            }
        }
        left -= 1;
    }
    Ok(running)
}

/// Waits for all threads, then resumes the panic of one.
fn join_all(threads: mpsc::Receiver<JoinHandle<()>>) {
    let panics: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().err()).collect();
    if let Some(panic) = panics.into_iter().next() {
        std::panic::resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{SocketAddr, TcpStream};
    use std::sync::Mutex;

    use ws_common::{Decision, IncomingRequest, ServerHandle};

    use super::*;

    /// Records its calls, and the address of the server.
    struct Recorded(Arc<Mutex<(Vec<&'static str>, Option<SocketAddr>)>>);

    impl ServerHandler for Recorded {
        type Handler = ();

        fn on_open(&mut self, server: &ServerHandle) {
            *self.0.lock().expect("no panic") = (vec!["on_open"], server.local_addr());
        }

        fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<()> {
            Decision::accept(())
        }

        fn on_terminate(&mut self, _: &ServerHandle) {
            self.0.lock().expect("no panic").0.push("on_terminate");
        }
    }

    #[test]
    fn if_a_thread_cannot_start_all_others_end() {
        for fails_at in 0..3 {
            let calls = Arc::<Mutex<_>>::default();
            let ended = Arc::<Mutex<usize>>::default();
            let mut started = 0;
            let spawn = |run: Run| {
                if started == fails_at {
                    return Err(ErrorKind::OutOfMemory.into());
                }
                started += 1;
                let ended = Arc::clone(&ended);
                thread::Builder::new().spawn(move || {
                    run();
                    *ended.lock().expect("no panic") += 1;
                })
            };
            let handler = Recorded(Arc::clone(&calls));
            let served = serve("127.0.0.1:0", 3, ServerOptions::new(), handler, spawn);
            assert_eq!(served.expect_err("no thread").kind(), ErrorKind::OutOfMemory);
            assert_eq!((started, *ended.lock().expect("no panic")), (fails_at, fails_at));
            let (calls, address) = calls.lock().expect("no panic").clone();
            assert_eq!(calls, ["on_open", "on_terminate"]);
            assert!(TcpStream::connect(address.expect("an address")).is_err(), "nobody listens");
        }
    }
}
