//! A server of connections that a web server hands over.

use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once, OnceLock, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use ws_common::adapter::{Acceptor, Connections, server_handle};
use ws_common::{ServerHandle, ServerOptions};

use crate::alarm::{Alarm, now};
use crate::server::MAX_CONNECTIONS;

/// The connections of a web server, whatever its routes: their options and limits, their handles and topics, and
/// their end. Dereferences to the [`ServerHandle`]; clones refer to the same connections.
///
/// The options [`tls`](ServerOptions) and those of the listener concern the web server, and have no effect here.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ws_tokio::wsproto::handshake::AllowedOrigins;
/// use ws_tokio::{ServerOptions, UpgradeServer};
///
/// let origins = AllowedOrigins::new(["https://example.com"])?;
/// let server = UpgradeServer::new(ServerOptions::new().origins(origins).max_connections(1000));
/// server.broadcast("to all connections of all routes");
/// // When the web server ends:
/// server.terminate(None).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct UpgradeServer(Arc<Shared>);

struct Shared {
    acceptor: Arc<Acceptor>,
    /// The runtime in which the end is carried out: that of the first connection.
    runtime: OnceLock<Handle>,
    /// Tells the tasks of connections that the deadline of the end has passed.
    over: Notify,
    left: Once,
    /// The number of tasks that have been spawned to call timers. Only the newest one calls them.
    callers: AtomicU64,
}

impl UpgradeServer {
    /// Creates a server without connections.
    #[must_use]
    pub fn new(options: ServerOptions) -> Self {
        Self(Arc::new_cyclic(|shared: &Weak<Shared>| {
            let shared = Weak::clone(shared);
            let wake = move |server: &ServerHandle| {
                if let Some(this) = shared.upgrade()
                    && let Some(runtime) = this.runtime.get()
                {
                    match server.is_ending() {
                        true => drop(runtime.spawn(Arc::clone(&this).end())),
                        false => {
                            let caller = this.callers.fetch_add(1, Ordering::Relaxed) + 1;
                            drop(runtime.spawn(Shared::call_timers(Weak::clone(&shared), caller)));
                        }
                    }
                }
            };
            let connections = Connections::default();
            let server = server_handle(options, MAX_CONNECTIONS, None, connections, wake, now);
            let acceptor = Acceptor::without_handler(server);
            acceptor.join();
            let (acceptor, runtime) = (Arc::new(acceptor), OnceLock::new());
            Shared {
                acceptor,
                runtime,
                over: Notify::new(),
                left: Once::new(),
                callers: AtomicU64::new(0),
            }
        }))
    }

    pub(super) fn acceptor(&self) -> &Arc<Acceptor> {
        if let Ok(runtime) = Handle::try_current() {
            let _ = self.0.runtime.set(runtime);
        }
        &self.0.acceptor
    }

    /// Ends the server, as [`ServerHandle::terminate`] does: refuses further requests, and closes all connections with
    /// code 1001. Then waits until they are closed, at most until the deadline, at which they are aborted.
    ///
    /// A web server's own graceful end does not reach connections that it has handed over. Call this beside it.
    ///
    /// # Cancel safety
    ///
    /// If the future was polled and is dropped, the server ends all the same.
    ///
    /// # Panics
    ///
    /// Outside of a runtime of tokio.
    pub async fn terminate(&self, timeout: Option<Duration>) {
        let _ = self.0.runtime.set(Handle::current());
        ServerHandle::terminate(self, timeout);
        self.0.ended(false).await;
    }

    /// Runs a task of a connection, at most until the deadline of the end.
    pub(super) async fn until_over(&self, mut task: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        let mut over = pin!(self.0.over.notified());
        over.as_mut().enable();
        let aborted = || self.0.acceptor.end_deadline().is_some_and(|at| at <= now());
        poll_fn(|context| match aborted() || over.as_mut().poll(context).is_ready() {
            true => Poll::Ready(()),
            false => task.as_mut().poll(context),
        })
        .await;
    }
}

impl Shared {
    /// Calls the timers at their times, until there are none, or until there is a newer caller, which knows of an earlier
    /// timer. Meanwhile, it does not keep the server alive.
    async fn call_timers(shared: Weak<Self>, caller: u64) {
        let next = || {
            let shared = shared.upgrade()?;
            let is_newest = shared.callers.load(Ordering::Relaxed) == caller;
            shared.acceptor.next_timer().filter(|_| is_newest)
        };
        while let Some(at) = next() {
            sleep_until(Instant::from_std(at)).await;
            if let Some(shared) = shared.upgrade() {
                shared.acceptor.call_timers();
            }
        }
    }

    /// Carries out the end of the server.
    async fn end(self: Arc<Self>) {
        self.ended(true).await;
        // It does not wait any more.
        self.left.call_once(|| self.acceptor.leave());
    }

    /// Waits until all connections have ended, and aborts them at the deadline. Without `all`, waits no longer than
    /// that: an application may hold on to a connection.
    async fn ended(&self, all: bool) {
        let server = self.acceptor.server();
        let (mut alarm, mut aborted) = (Alarm::default(), false);
        poll_fn(|context| {
            loop {
                if self.acceptor.poll_ends(context).is_ready() || aborted && !all {
                    return Poll::Ready(());
                }
                let due = self.acceptor.end_deadline().map(Instant::from_std);
                if aborted || !alarm.poll(context, due) {
                    return Poll::Pending;
                }
                aborted = true;
                self.over.notify_waiters();
                server.connections().iter().for_each(ws_common::WebSocketConnection::abort);
            }
        })
        .await;
    }
}

impl Deref for UpgradeServer {
    type Target = ServerHandle;

    fn deref(&self) -> &ServerHandle {
        self.0.acceptor.server()
    }
}

impl fmt::Debug for UpgradeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpgradeServer").field(self.0.acceptor.server()).finish()
    }
}
