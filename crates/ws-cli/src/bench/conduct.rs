//! The course of a run: connections open, send, and close.

use std::io;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ws_mio::wsproto::CloseCode;
use ws_mio::{EventLoop, WebSocketConnection};

use super::client::{Client, Shared, reason};
use super::totals::{Counts, Latencies, Totals};
use crate::connection::Prepared;

/// How many connections are opened at once: a backlog of the smallest servers.
const OPENING: u64 = 64;

/// How long to wait for the last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// How often to look at the clock.
const TICK: Duration = Duration::from_millis(20);

/// A second of the run, or the rest of one.
#[derive(Debug)]
pub(super) struct Interval<'a> {
    /// How long the run has counted.
    pub(super) at: Duration,
    pub(super) took: Duration,
    pub(super) counts: Counts,
    pub(super) latencies: &'a Latencies,
}

/// The result of a run.
#[derive(Debug)]
pub(super) struct Outcome {
    /// How long the run has counted.
    pub(super) took: Duration,
    /// The counts of that time: neither while warming up nor while waiting for the last answers.
    pub(super) counts: Counts,
    /// The latencies of the messages that were due in that time.
    pub(super) latencies: Latencies,
    /// The whole run.
    pub(super) totals: Totals,
}

/// Runs a load; `each` is called about once a second.
///
/// # Errors
///
/// [`io::Error`] if there is no event loop or no thread for it.
pub(super) fn conduct(
    prepared: &Prepared,
    shared: &Arc<Shared>,
    patience: Duration,
    mut each: impl FnMut(&Interval<'_>),
) -> io::Result<Outcome> {
    let event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let looping = thread::Builder::new().name("load".into()).spawn(move || event_loop.run())?;

    let mut connections: Vec<WebSocketConnection> = Vec::new();
    for number in 0..shared.plan.connections {
        shared.await_begun((number + 1).saturating_sub(OPENING));
        if shared.is_stopping() {
            break;
        }
        let client = Client::new(Arc::clone(shared), number);
        match handle.connect(prepared.request.clone(), prepared.options.clone(), client) {
            Ok(connection) => connections.push(connection),
            Err(error) => shared.totals().failed.add(reason(&error)),
        }
    }
    shared.await_begun(shared.plan.connections);
    let has_opened = shared.totals().opened > 0;
    let (took, counts, mut latencies) = match has_opened {
        true => measure(shared, &connections, patience, &mut each),
        false => (Duration::ZERO, Counts::default(), Latencies::new()),
    };

    for connection in &connections {
        // Fails if it has ended.
        let _ = connection.terminate(CloseCode::NORMAL, "");
    }
    drop(handle);
    match looping.join() {
        Ok(ended) => ended?,
        Err(_) => return Err(io::Error::other("the event loop has panicked")),
    }
    let mut totals = mem::replace(&mut *shared.totals(), Totals::new());
    latencies.take(&mut totals.latencies);
    Ok(Outcome { took, counts, latencies, totals })
}

/// Lets the open connections send, and counts. Returns the time, the counts and the latencies.
fn measure(
    shared: &Shared,
    connections: &[WebSocketConnection],
    patience: Duration,
    each: &mut impl FnMut(&Interval<'_>),
) -> (Duration, Counts, Latencies) {
    let start = shared.start();
    for connection in connections {
        connection.set_timer(Duration::ZERO);
    }
    let alive = || {
        let totals = shared.totals();
        let silent = totals.counts.answered == 0 && start.elapsed() > patience;
        totals.opened > totals.lost.count() && !silent && !shared.is_stopping()
    };
    let wait = |until: Duration| {
        while alive() && start.elapsed() < until {
            thread::sleep(TICK.min(until.saturating_sub(start.elapsed())));
        }
    };
    let (warm_up, whole) = (shared.plan.warm_up, shared.plan.whole());
    wait(warm_up);
    let (mut all, mut latest) = (Latencies::new(), Latencies::new());
    let first = shared.totals().counts;
    let from = start.elapsed();
    let (mut before, mut last) = (first, from);
    loop {
        wait((last + Duration::from_secs(1)).min(whole));
        let mut totals = shared.totals();
        let counts = totals.counts;
        latest.take(&mut totals.latencies);
        drop(totals);
        let now = start.elapsed();
        let interval = Interval {
            at: now - from,
            took: now - last,
            counts: counts.since(before),
            latencies: &latest,
        };
        each(&interval);
        all.take(&mut latest);
        (before, last) = (counts, now);
        if !alive() || now >= whole {
            break;
        }
    }
    shared.stop();
    let counted = before.since(first);
    let late = Instant::now() + LAST_ANSWERS;
    let missing = || {
        let totals = shared.totals();
        let Counts { sent, answered, .. } = totals.counts;
        // Lost connections get no answers any more.
        sent > answered && totals.opened > totals.lost.count()
    };
    while missing() && Instant::now() < late {
        thread::sleep(TICK);
    }
    (last - from, counted, all)
}
