//! New connections of a server with several loops: one thread accepts them, and the loops take them.
//!
//! A newcomer never waits for a loop that is busy. All loops take newcomers out of one queue, between their
//! turns; of those that sleep, the one with the fewest connections is woken for each.
//!
//! No newcomer is overlooked. The accepting thread puts it into the queue, then looks for a loop that
//! sleeps. A loop marks itself as asleep, then looks into the queue before it waits; and after a wait, it
//! marks itself as awake, then looks into the queue before it gives any turn. These steps are `SeqCst`, so
//! either the thread finds the loop asleep, and wakes it, or the loop finds the newcomer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mio::net::TcpStream;

use crate::newcomers::Newcomers;
use crate::origin::LoopServer;

/// The maximum number of newcomers in the queue. Further ones stay in the backlog of the operating system.
const MOST: usize = 1024;

/// The newcomers of a server, and its loops.
pub(crate) struct Handover {
    loops: Vec<Arc<LoopServer>>,
    newcomers: Newcomers<Newcomer>,
}

type Newcomer = (TcpStream, Option<SocketAddr>);

impl Handover {
    pub(crate) fn new(loops: Vec<Arc<LoopServer>>) -> Self {
        Self { loops, newcomers: Newcomers::new(MOST) }
    }

    /// Hands over a newcomer. Waits for room in the queue; drops the newcomer if the queue is closed.
    pub(crate) fn put(&self, newcomer: Newcomer) {
        if !self.newcomers.put(newcomer) {
            return;
        }
        let asleep = self.loops.iter().filter(|server| server.shared.is_asleep());
        if let Some(least) =
            asleep.min_by_key(|server| server.counts.carried.load(Ordering::Relaxed))
        {
            least.shared.wake();
        }
    }

    /// Takes the newcomer that has waited longest.
    pub(crate) fn take(&self) -> Option<Newcomer> {
        self.newcomers.take()
    }

    /// Drops all newcomers, because the server is ending, and all later ones.
    pub(crate) fn close(&self) {
        self.newcomers.close();
    }

    pub(crate) fn has_newcomers(&self) -> bool {
        !self.newcomers.is_empty()
    }
}
