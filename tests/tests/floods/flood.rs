//! A flooded server, and its conditions before and after the flood.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use conformance::adapters::{Adapter, Mio, Std, Tokio};
use ws_common::{
    Decision, Message, RunningServer, ServerHandle, ServerOptions, WebSocketConnection,
};

use crate::heap::{self, Meter};
use crate::peer::{LONG, Peer};

/// Tolerance for allocations of threads and sockets, and the smallest buffer of a message.
pub(crate) const SMALL: usize = 4 << 10;

/// The most bytes that one read takes, with any adapter.
pub(crate) const READ: usize = 64 << 10;

/// More than all socket buffers hold: if this much is sent, an end still reads.
pub(crate) const FLOOD: usize = 64 << 20;

/// The time without progress after which a connection counts as stuck. A shorter time only weakens a flood.
const STUCK: Duration = Duration::from_millis(300);

/// Returns the peak of a buffer that grows to `bytes`: it doubles, and is copied.
pub(crate) const fn grown(bytes: usize) -> usize {
    3 * bytes
}

/// The memory constants of an adapter.
pub(crate) trait Flooded: Adapter {
    const NAME: &'static str;

    /// The read buffer of a connection, in bytes: it has one only while it holds input.
    const BUFFER: usize;

    /// The input that a connection may hold until its next turn, in bytes.
    const DEFERS: usize;

    /// The memory that the adapter may keep for later connections, in bytes, once for all.
    const KEEPS: usize;

    /// The same for its clients.
    const CLIENTS_KEEP: usize = 0;
}

impl Flooded for Std {
    const NAME: &'static str = "ws-std";
    const BUFFER: usize = READ;
    const DEFERS: usize = 0;
    // The list of sockets that linger, 1024 at most, of the one thread for the process that waits for them.
    const KEEPS: usize = 24 << 10;
}

impl Flooded for Mio {
    const NAME: &'static str = "ws-mio";
    const BUFFER: usize = 0;
    // The rest of a read.
    const DEFERS: usize = READ;
    const KEEPS: usize = 2 * READ;
}

impl Flooded for Tokio {
    const NAME: &'static str = "ws-tokio";
    const BUFFER: usize = 0;
    // The rest of a read.
    const DEFERS: usize = READ;
    const KEEPS: usize = 2 * READ;
    // The buffers of the thread of the runtime, and a read buffer of that of the test.
    const CLIENTS_KEEP: usize = 3 * READ;
}

/// An echo server with the default limits, which pauses a connection after the text "pause", and a bystander's
/// connection.
pub(crate) struct Flood<S> {
    server: RunningServer,
    bystander: Peer,
    /// The allocated bytes before the server was started.
    before: usize,
    /// The allocated bytes while only the bystander was connected.
    idle: usize,
    /// The memory that may be kept for later connections.
    keeps: usize,
    adapter: PhantomData<fn(S)>,
}

impl<S: Flooded> Flood<S> {
    pub(crate) fn new() -> Self {
        Self::with(ServerOptions::default(), S::KEEPS)
    }

    /// A server with other options, which may keep `keeps` bytes for later connections.
    pub(crate) fn with(options: ServerOptions, keeps: usize) -> Self {
        // Trigger the allocations that a process makes only once.
        end(serve::<S>(options.clone()));
        let before = heap::live();
        let server = serve::<S>(options);
        let mut bystander = Peer::open(address(&server));
        bystander.echo();
        bystander.ping();
        let idle = heap::live();
        Self { server, bystander, before, idle, keeps, adapter: PhantomData }
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

    /// Waits until only the bystander is connected, and the memory of other connections is freed.
    pub(crate) fn settle(&self) {
        settle("a connection left", self.idle + self.keeps);
    }

    /// Checks that the bystander is still served, ends the server, and checks that all memory is freed.
    pub(crate) fn end(mut self) {
        self.bystander.echo();
        let mut fresh = Peer::open(self.address());
        fresh.echo();
        fresh.close();
        self.settle();
        end(self.server);
        // Memory that serves all connections may stay.
        settle("the server left", self.before + self.keeps);
    }
}

fn serve<S: Adapter>(options: ServerOptions) -> RunningServer {
    let echo = |ws: &WebSocketConnection, message: Message| {
        let pauses = message.as_text() == Some("pause");
        // Fails if the peer is gone.
        let _ = ws.send(message);
        if pauses {
            ws.pause();
        }
    };
    let server = S::serve(options, move |_: &_, _: &_| Decision::accept(echo));
    server.expect("a free port")
}

fn address(server: &RunningServer) -> SocketAddr {
    server.handle().local_addr().expect("an address")
}

fn end(server: RunningServer) {
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

/// Waits until at most `most` bytes are allocated, within the tolerance.
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

/// Waits until sending is stuck, and the queue of replies is not empty and does not change; returns how
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

/// Asserts the bound of a flood, and prints a table row: name, adapter, and the bytes sent, allocated at
/// most, and allowed.
pub(crate) fn assert_within<S: Flooded>(name: &str, sent: usize, meter: &Meter, bound: usize) {
    let peak = meter.peak();
    println!("| {name} | {} | {sent} | {peak} | {bound} |", S::NAME);
    assert!(peak <= bound, "{name}: {peak} taken, of {bound} allowed");
}
