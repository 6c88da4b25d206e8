//! The counts of a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::{Mutex, MutexGuard};

use crate::adapter::Traffic;
use crate::admission::Refusal;

/// The counts of a server, from [`ServerHandle::stats`](crate::ServerHandle::stats). Counts that only grow
/// begin with the server. While the server is at work, they may be some messages apart from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStats {
    /// The number of connections now, including those in the opening handshake; see
    /// [`ServerOptions::max_connections`](crate::ServerOptions::max_connections).
    pub connections: usize,
    /// The number of open connections now, up to the end of their handlers' last calls.
    pub open: usize,
    /// How many connections have opened.
    pub opened: u64,
    /// How many clients were refused, by reason.
    pub refused: RefusedStats,
    /// How many messages were received.
    pub messages_in: u64,
    /// How many messages were sent, including those that could not be written before the connection ended.
    pub messages_out: u64,
    /// How many bytes were received: requests and frames, without TLS and without the headers of the PROXY
    /// protocol. Bytes that arrive after the end of a connection, or from a client that was not admitted, are
    /// discarded and do not count.
    pub bytes_in: u64,
    /// How many bytes were written: responses and frames, without TLS.
    pub bytes_out: u64,
    /// How often a broadcast or a publication has skipped a connection that had no room; see
    /// [`Broadcast::refused`](crate::Broadcast::refused).
    pub broadcasts_refused: u64,
}

/// How many clients a server has refused, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedStats {
    /// There were [too many connections](crate::ServerOptions::max_connections).
    pub full: u64,
    /// There were [too many of the client's address](crate::ServerOptions::max_connections_per_address).
    pub address: u64,
    /// The client's address has [connected too often](crate::ServerOptions::max_attempts_per_address).
    pub attempts: u64,
    /// The [path](crate::ServerOptions::path) or the [origin](crate::ServerOptions::origins) is not allowed.
    pub options: u64,
    /// The application has declined an opening handshake, or answered it with a response.
    pub application: u64,
    /// The opening handshake was invalid, late, or could not be accepted as decided; or TLS has failed.
    /// These are reported to [`on_error`](crate::ServerHandler::on_error).
    pub failed: u64,
}

/// The counters of a server. They are independent of each other, so relaxed ordering is enough.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    opened: AtomicU64,
    full: AtomicU64,
    address: AtomicU64,
    attempts: AtomicU64,
    options: AtomicU64,
    application: AtomicU64,
    failed: AtomicU64,
    broadcasts_refused: AtomicU64,
    traffic: Mutex<TrafficPool>,
}

/// An event that is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counted {
    Opened,
    Refused(Refusal),
    Application,
    Failed,
}

/// The traffic of all loops or connections, past and present. Later ones reuse the counters of past ones.
#[derive(Debug, Default)]
struct TrafficPool {
    all: Vec<Arc<Traffic>>,
    idle: Vec<Arc<Traffic>>,
}

impl Counters {
    pub(crate) fn count(&self, counted: Counted) {
        let counter = match counted {
            Counted::Opened => &self.opened,
            Counted::Refused(Refusal::Full) => &self.full,
            Counted::Refused(Refusal::Address) => &self.address,
            Counted::Refused(Refusal::Attempts(_)) => &self.attempts,
            Counted::Refused(Refusal::Path | Refusal::Origin) => &self.options,
            Counted::Application => &self.application,
            Counted::Failed => &self.failed,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_refused(&self, connections: usize) {
        self.broadcasts_refused.fetch_add(connections as u64, Relaxed);
    }

    pub(crate) fn begin_traffic(&self) -> Arc<Traffic> {
        let mut pool = self.pool();
        if let Some(traffic) = pool.idle.pop() {
            return traffic;
        }
        let traffic = Arc::<Traffic>::default();
        pool.all.push(Arc::clone(&traffic));
        traffic
    }

    pub(crate) fn end_traffic(&self, traffic: &Arc<Traffic>) {
        self.pool().idle.push(Arc::clone(traffic));
    }

    pub(crate) fn snapshot(&self) -> ServerStats {
        let mut stats = ServerStats {
            opened: self.opened.load(Relaxed),
            refused: RefusedStats {
                full: self.full.load(Relaxed),
                address: self.address.load(Relaxed),
                attempts: self.attempts.load(Relaxed),
                options: self.options.load(Relaxed),
                application: self.application.load(Relaxed),
                failed: self.failed.load(Relaxed),
            },
            broadcasts_refused: self.broadcasts_refused.load(Relaxed),
            ..ServerStats::default()
        };
        for traffic in &self.pool().all {
            traffic.add_to(&mut stats);
        }
        stats
    }

    fn pool(&self) -> MutexGuard<'_, TrafficPool> {
        self.traffic.lock()
    }
}
