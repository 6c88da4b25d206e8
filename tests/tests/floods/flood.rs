//! A server that is flooded, and what has to be so before and after it.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use conformance::adapters::{Adapter, Mio, Std};
use ws_common::{Decision, Message, RunningServer, ServerHandle, WebSocketConnection};

use crate::heap::{self, Meter};
use crate::peer::{LONG, Peer};

/// What threads and sockets take here and there, and the least room for a message.
pub(crate) const SMALL: usize = 4 << 10;

/// The bytes that one read takes at most, with either adapter.
pub(crate) const READ: usize = 64 << 10;

/// More than all sockets on the way take: if as much is sent, somebody reads for ever.
pub(crate) const FLOOD: usize = 64 << 20;

/// How long somebody makes no progress who counts as stuck. Too short a time only weakens a flood.
const STUCK: Duration = Duration::from_millis(300);

/// How much a block of so many bytes takes while it grows: it doubles, and is moved.
pub(crate) const fn grown(bytes: usize) -> usize {
    3 * bytes
}

/// An adapter, as its floods need to know it.
pub(crate) trait Flooded: Adapter {
    const NAME: &'static str;

    /// How much a connection has to read into.
    const BUFFER: usize;

    /// How much may be kept of what a connection took, once for all that come.
    const KEEPS: usize;
}

impl Flooded for Std {
    const NAME: &'static str = "ws-std";
    const BUFFER: usize = READ;
    // The list of sockets that linger, 1024 at most, of the one thread for the process that waits for them.
    const KEEPS: usize = 24 << 10;
}

impl Flooded for Mio {
    const NAME: &'static str = "ws-mio";
    const BUFFER: usize = 0;
    const KEEPS: usize = 2 * READ;
}

/// A server of an adapter that echoes, with the default limits, and a connection of somebody else.
pub(crate) struct Flood<S> {
    server: RunningServer,
    bystander: Peer,
    /// What was allocated before there was a server.
    before: usize,
    /// What was allocated when nobody but the bystander was connected.
    idle: usize,
    adapter: PhantomData<fn(S)>,
}

impl<S: Flooded> Flood<S> {
    pub(crate) fn new() -> Self {
        // What a process allocates once.
        end(serve::<S>());
        let before = heap::live();
        let server = serve::<S>();
        let mut bystander = Peer::open(address(&server));
        bystander.echo();
        bystander.ping();
        let idle = heap::live();
        Self { server, bystander, before, idle, adapter: PhantomData }
    }

    pub(crate) fn handle(&self) -> &ServerHandle {
        self.server.handle()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        address(&self.server)
    }

    /// Returns the newest connection.
    pub(crate) fn newest(&self) -> WebSocketConnection {
        self.handle().connections().pop().expect("the bystander at least")
    }

    /// Waits until nobody but the bystander is connected, and nothing is left of the others.
    pub(crate) fn settle(&self) {
        settle("a connection left", self.idle + S::KEEPS);
    }

    /// Others are served as if nothing had happened, and nothing is left of anybody.
    pub(crate) fn end(mut self) {
        self.bystander.echo();
        let mut fresh = Peer::open(self.address());
        fresh.echo();
        fresh.close();
        self.settle();
        end(self.server);
        // What is kept for all connections may be the process's.
        settle("the server left", self.before + S::KEEPS);
    }
}

fn serve<S: Adapter>() -> RunningServer {
    let echo = |ws: &WebSocketConnection, message: Message| {
        // Its peer may be gone.
        let _ = ws.send(message);
    };
    let server = S::serve(Default::default(), move |_: &_, _: &_| Decision::accept(echo));
    server.expect("a free port")
}

fn address(server: &RunningServer) -> SocketAddr {
    server.handle().local_addr().expect("an address")
}

fn end(server: RunningServer) {
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

/// Waits until no more than so many bytes are allocated.
pub(crate) fn settle(what: &str, most: usize) {
    wait_until(
        || heap::live() <= most + SMALL,
        || format!("{what} {}", heap::live().saturating_sub(most)),
    );
}

pub(crate) fn wait_until(is_so: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < until, "{}", otherwise());
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until no more is sent, and no more answers come to wait, although some do; returns how
/// many bytes were sent.
pub(crate) fn stuck(sent: &AtomicUsize, connection: &WebSocketConnection) -> Result<usize, String> {
    let (until, mut last) = (Instant::now() + LONG, (0, 0));
    loop {
        thread::sleep(STUCK);
        let (sent, waiting) = (sent.load(Ordering::SeqCst), connection.buffered_amount());
        if (sent, waiting) == last && waiting > 0 {
            return Ok(sent);
        }
        last = (sent, waiting);
        if Instant::now() > until {
            return Err(format!("{sent} sent, {waiting} wait, and it goes on"));
        }
    }
}

/// Asserts the bound of a flood, and prints a row of the table: what it is, the adapter, and how
/// many bytes were sent, taken at most, and allowed to be taken.
pub(crate) fn assert_within<S: Flooded>(name: &str, sent: usize, meter: &Meter, bound: usize) {
    let peak = meter.peak();
    println!("| {name} | {} | {sent} | {peak} | {bound} |", S::NAME);
    assert!(peak <= bound, "{name}: {peak} taken, of {bound} allowed");
}
