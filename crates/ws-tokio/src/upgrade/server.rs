//! A server of connections that a web server hands over.

use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use ws_common::adapter::Acceptor;
use ws_common::{ServerHandle, ServerOptions};

use crate::alarm::now;
use crate::server::Background;

/// The connections of a web server, whatever its routes: their options and limits, their handles and topics, and
/// their end. Dereferences to the [`ServerHandle`]; clones refer to the same connections.
///
/// A task ends the interest in topics that have lingered on a bus, and aborts the connections at the deadline of
/// [`ServerHandle::terminate`]. It belongs to the runtime of one of the connections, and is late while nobody drives that.
///
/// The options [`tls`](ServerOptions) and those of the listener concern the web server, and have no effect here. Limits for
/// each address apply to the connections whose address [`Upgrade::peer_addr`](crate::Upgrade::peer_addr) has set.
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
pub struct UpgradeServer {
    acceptor: Arc<Acceptor>,
    background: Arc<Background>,
}

impl UpgradeServer {
    /// Creates a server without connections.
    #[must_use]
    pub fn new(options: ServerOptions) -> Self {
        let (background, acceptor) = Background::start(options, None);
        Self { acceptor, background }
    }

    pub(super) fn acceptor(&self) -> &Arc<Acceptor> {
        if let Ok(runtime) = Handle::try_current() {
            self.background.set_runtime(runtime);
        }
        &self.acceptor
    }

    /// Ends the server, as [`ServerHandle::terminate`] does: refuses further requests, and closes all connections with
    /// code 1001. Then waits until they are closed, at most until the deadline, at which they are aborted.
    ///
    /// A web server's own graceful end does not reach connections that it has handed over. Call this beside it.
    ///
    /// # Cancel safety
    ///
    /// If the future was polled and is dropped, the server ends all the same.
    pub async fn terminate(&self, timeout: Option<Duration>) {
        ServerHandle::terminate(self.acceptor().server(), timeout);
        self.background.ended(&self.acceptor).await;
    }

    /// Runs a task of a connection, at most until the deadline of the end.
    pub(super) async fn until_over(&self, mut task: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        let mut over = pin!(self.background.over().notified());
        over.as_mut().enable();
        let aborted = || self.acceptor.end_deadline().is_some_and(|at| at <= now());
        poll_fn(|context| match aborted() || over.as_mut().poll(context).is_ready() {
            true => Poll::Ready(()),
            false => task.as_mut().poll(context),
        })
        .await;
    }
}

impl Deref for UpgradeServer {
    type Target = ServerHandle;

    fn deref(&self) -> &ServerHandle {
        self.acceptor.server()
    }
}

impl fmt::Debug for UpgradeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpgradeServer").field(self.acceptor.server()).finish()
    }
}
