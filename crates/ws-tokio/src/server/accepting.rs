//! The task that accepts connections for a server's handler.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use ws_common::adapter::logging::debug;
use ws_common::adapter::{Acceptor, Admission};

use super::listening::Listening;
use super::newcomer::Newcomer;
use crate::alarm::{Alarm, now};
use crate::tasks::Tasks;

/// The maximum number of connections accepted before other tasks have their turns.
const BATCH: usize = 64;

/// Accepts connections, each of which gets a task of its own, until the server has ended. Dropping it ends them.
pub(crate) struct Accepting {
    acceptor: Arc<Acceptor>,
    sources: Vec<Listening>,
    /// The server's handle wakes this task through it.
    wake: Arc<Tasks>,
    connections: JoinSet<()>,
    /// Whether the connections were ended at the deadline of the server's end.
    aborted: bool,
    alarm: Alarm,
    /// Whether it was polled, and has not left the server.
    at_work: bool,
}

impl Accepting {
    /// Begins to accept; `wake` is what the server's handle wakes.
    pub(crate) fn new(acceptor: Arc<Acceptor>, sources: Vec<Listening>, wake: Arc<Tasks>) -> Self {
        acceptor.join();
        Self {
            acceptor,
            sources,
            wake,
            connections: JoinSet::new(),
            aborted: false,
            alarm: Alarm::default(),
            at_work: false,
        }
    }

    /// Accepts waiting clients. Returns whether there may be more.
    fn accept(&mut self, context: &mut Context<'_>) -> bool {
        let (acceptor, connections) = (&self.acceptor, &mut self.connections);
        let mut more = false;
        for listening in &mut self.sources {
            more |= (0..BATCH).all(|_| match listening.poll_accept(context) {
                Poll::Pending => false,
                Poll::Ready(Ok((tcp, peer))) => {
                    begin(acceptor, connections, tcp, peer);
                    true
                }
                Poll::Ready(Err(error)) => {
                    acceptor.report_pause(error);
                    false
                }
            });
        }
        more
    }

    /// Continues the end of a server. Returns whether it has ended.
    fn end(&mut self, context: &Context<'_>) -> bool {
        self.sources.clear();
        if !self.aborted && self.acceptor.end_deadline().is_some_and(|at| at <= now()) {
            self.aborted = true;
            self.connections.abort_all();
        }
        if self.acceptor.poll_ends(context).is_pending() {
            return false;
        }
        // Their transports may linger.
        self.connections.detach_all();
        self.at_work = false;
        self.acceptor.leave();
        true
    }

    /// Returns when to continue at the latest.
    fn due(&self) -> Option<Instant> {
        let timer = match self.aborted {
            true => self.acceptor.next_timer(),
            false => self.acceptor.deadline(),
        };
        let pauses = self.sources.iter().filter_map(Listening::retry_at);
        pauses.chain(timer.map(Instant::from_std)).min()
    }
}

/// Begins the connection of a client that was just accepted, or refuses it.
fn begin(
    acceptor: &Arc<Acceptor>,
    connections: &mut JoinSet<()>,
    tcp: TcpStream,
    peer: Option<SocketAddr>,
) {
    debug!("accepted {peer:?}");
    let newcomer = Newcomer { acceptor: Arc::clone(acceptor), tcp, peer, start: Instant::now() };
    match acceptor.admit(Duration::ZERO, peer) {
        Admission::Admitted(permit) => drop(connections.spawn(newcomer.serve(permit))),
        Admission::Refused(endpoint, _) => drop(connections.spawn(newcomer.refuse(*endpoint))),
        Admission::Dropped(_) => {}
    }
}

impl Future for Accepting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.wake.register_carrier(context);
        self.at_work = true;
        loop {
            while let Poll::Ready(Some(_)) = self.connections.poll_join_next(context) {}
            self.acceptor.call_timers();
            if self.acceptor.server().is_ending() && self.end(context) {
                return Poll::Ready(());
            }
            if self.accept(context) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let due = self.due();
            if !self.alarm.poll(context, due) {
                return Poll::Pending;
            }
        }
    }
}

/// A runtime drops its tasks when it shuts down.
impl Drop for Accepting {
    fn drop(&mut self) {
        if self.at_work {
            self.acceptor.abandon();
        }
    }
}
