//! A server in memory.

use std::cell::RefCell;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use wsproto::handshake::ClientRequest;
use wsproto::{Config, Endpoint};

use super::TestClient;
use super::pair::{Clock, Origin, Pair};
use super::wire::Wire;
use crate::adapter::{
    Acceptor, Connection, Connections, Link, TrafficLease, TurnContext, TurnOutcome, server_handle,
};
use crate::{ServerHandle, ServerHandler, ServerOptions, WebSocketConnection};

/// The most turns without time passing.
const MOST_TURNS: usize = 100_000;

/// A server in memory, for tests of its handlers. Clones refer to the same server.
///
/// Handlers are called by the calls of this type and of [`TestClient`], in the same thread, one after the
/// other, until nothing is left to do. Nothing listens: clients come from [`connect`](Self::connect), each from
/// another port of 127.0.0.1, and neither TLS nor the PROXY protocol is spoken. All times are virtual, but for the
/// `Date` of responses. A decision that was postponed takes effect at the next call, such as `advance` by zero.
/// As on any server, a handler that panics does not end the test: its client is closed with code 1011.
///
/// ```
/// use ws_common::testing::TestServer;
/// use ws_common::wsproto::handshake::{ClientRequest, Response};
/// use ws_common::{Decision, IncomingRequest, Message, WebSocketConnection};
///
/// let server = TestServer::new(|_: &_, request: &IncomingRequest| match request.bearer() {
///     Some("secret") => Decision::accept(|ws: &WebSocketConnection, message: Message| {
///         ws.broadcast(message);
///     }),
///     _ => Decision::respond(Response::text(401, "Log in first\n")),
/// });
/// let request = ClientRequest::parse("ws://localhost/")?.bearer("secret")?;
/// let (alice, bob) = (server.connect_with(request.clone()), server.connect_with(request));
/// alice.send("Hello");
/// assert_eq!((alice.received(), bob.received()), (vec![], vec!["Hello".into()]));
///
/// let stranger = server.connect();
/// assert_eq!(stranger.refusal().unwrap().status(), 401);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TestServer {
    handle: ServerHandle,
    shared: Rc<RefCell<Shared>>,
}

struct Shared {
    acceptor: Arc<Acceptor>,
    /// The server's time when the clock was at zero.
    start: Instant,
    clock: Clock,
    traffic: Arc<TrafficLease>,
    context: TurnContext,
    pairs: Vec<Pair>,
    /// Whether the handler's last call was made.
    left: bool,
}

impl TestServer {
    /// Starts a server with the default options, of at most 1000 connections.
    pub fn new(handler: impl ServerHandler) -> Self {
        Self::with_options(ServerOptions::new(), handler)
    }

    /// Starts a server with these options; [`ServerHandler::on_open`] is called.
    pub fn with_options(options: ServerOptions, handler: impl ServerHandler) -> Self {
        let (start, clock) = (Instant::now(), Clock::default());
        let time = clock.clone();
        // A time that the system cannot express is never reached.
        let now = move || start.checked_add(time.now()).unwrap_or(start);
        let handle = server_handle(options, 1000, None, Connections::default(), |_| {}, now);
        let acceptor = Arc::new(Acceptor::new(handle.clone(), handler));
        acceptor.announce();
        acceptor.join();
        let context = TurnContext::new(Duration::ZERO);
        let traffic = Arc::new(acceptor.traffic());
        let pairs = Vec::new();
        let shared = Shared { acceptor, start, clock, traffic, context, pairs, left: false };
        Self { handle, shared: Rc::new(RefCell::new(shared)) }
    }

    /// Returns the server's handle.
    #[must_use]
    pub const fn handle(&self) -> &ServerHandle {
        &self.handle
    }

    /// Connects a client to `ws://localhost/`.
    ///
    /// # Panics
    ///
    /// As [`connect_with`](Self::connect_with).
    #[must_use]
    pub fn connect(&self) -> TestClient {
        self.connect_with(ClientRequest::parse("ws://localhost/").expect("a URL"))
    }

    /// Connects a client with this request. It is open, or [refused](TestClient::refusal), unless the decision is
    /// postponed.
    ///
    /// # Panics
    ///
    /// If the server is ending, because nothing listens any more; or if a server with TLS is full, because it drops
    /// the transport.
    #[must_use]
    pub fn connect_with(&self, request: ClientRequest) -> TestClient {
        assert!(!self.handle.is_ending(), "the server is ending: nothing listens");
        let mut shared = self.shared.borrow_mut();
        let number = shared.pairs.len();
        // The dynamic ports (RFC 6335 section 6).
        let port = 49_152 + (number % 16_384) as u16;
        let peer = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let (now, acceptor) = (shared.clock.now(), Arc::clone(&shared.acceptor));
        let (endpoint, conversation) = acceptor.accept(now, peer).expect("a response, without TLS");
        let (changed, wire) = (Arc::new(AtomicBool::new(true)), Wire::default());
        let (clock, notice) = (shared.clock.clone(), Arc::clone(&changed));
        let traffic = Arc::clone(&shared.traffic);
        let origin = Origin { acceptor, traffic, clock, changed: notice };
        let connection = Arc::new(Connection::new(origin, Link::new(endpoint, wire.clone()), peer));
        connection.lock().set_key(0);
        let ws = connection.handle();
        // Seeds need not be secret in a test: nobody guesses masks.
        let client = Endpoint::client(request, Config::new(), [number as u8; 32], now);
        let outcome = TurnOutcome::default();
        let (received, refusal, closed) = (Vec::new(), None, None);
        shared.pairs.push(Pair {
            connection,
            conversation,
            outcome,
            changed,
            wire,
            client,
            received,
            refusal,
            closed,
        });
        shared.run();
        drop(shared);
        TestClient::new(self.clone(), number, ws)
    }

    /// Lets time pass: timers, keep-alives and timeouts that are due meanwhile act at their time.
    ///
    /// # Panics
    ///
    /// If the handlers keep each other busy forever.
    pub fn advance(&self, passed: Duration) {
        self.shared.borrow_mut().advance(passed);
    }

    /// Ends the server: all connections are aborted, and [`ServerHandler::on_terminate`] is called.
    pub fn terminate(self) {
        self.handle.terminate(Some(Duration::ZERO));
        self.shared.borrow_mut().run();
    }

    /// Calls `act` with a connection and the time. Calls the handlers for all events before it, and for those
    /// that it causes.
    pub(super) fn act<T>(&self, number: usize, act: impl FnOnce(&mut Pair, Duration) -> T) -> T {
        let mut shared = self.shared.borrow_mut();
        shared.run();
        let now = shared.clock.now();
        let result = act(&mut shared.pairs[number], now);
        shared.run();
        result
    }
}

impl Shared {
    /// Gives turns until nobody needs one.
    fn run(&mut self) {
        for _ in 0..MOST_TURNS {
            let (context, mut moved) = (&mut self.context, false);
            for pair in &mut self.pairs {
                moved |= pair.turn(context);
            }
            if !(moved || self.server_turn()) {
                return;
            }
        }
        panic!("the handlers keep each other busy forever");
    }

    /// Does what is due for the server as a whole: timers, and the end. Returns whether anything was.
    fn server_turn(&mut self) -> bool {
        let (now, server) = (self.clock.now(), self.acceptor.server());
        if self.since_start(self.acceptor.next_timer()).is_some_and(|at| at <= now) {
            self.acceptor.call_timers();
            return true;
        }
        if self.left || !server.is_ending() {
            return false;
        }
        if self.acceptor.poll_ends(&Context::from_waker(Waker::noop())).is_ready() {
            self.acceptor.leave();
            self.left = true;
            return true;
        }
        let late = self.since_start(self.acceptor.end_deadline()).is_some_and(|at| at <= now);
        if late {
            server.connections().iter().for_each(WebSocketConnection::abort);
        }
        late
    }

    fn since_start(&self, at: Option<Instant>) -> Option<Duration> {
        at.map(|at| at.saturating_duration_since(self.start))
    }

    /// Returns when the next turn of a connection or of the server is due.
    fn deadline(&self) -> Option<Duration> {
        let server = self.since_start(self.acceptor.deadline()).filter(|_| !self.left);
        self.pairs.iter().filter_map(Pair::deadline).chain(server).min()
    }

    fn advance(&mut self, passed: Duration) {
        let end = self.clock.now().saturating_add(passed);
        self.run();
        while let Some(next) = self.deadline().filter(|next| *next <= end) {
            self.set_time(next.max(self.clock.now()));
            self.run();
        }
        self.set_time(end);
        self.run();
    }

    fn set_time(&mut self, now: Duration) {
        self.clock.set(now);
        self.context.now = now;
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer").field("handle", &self.handle).finish_non_exhaustive()
    }
}
