//! A server in memory.

use std::cell::RefCell;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use wsproto::handshake::ClientRequest;
use wsproto::{Config, Endpoint};

use super::TestClient;
use super::pair::{Clock, Origin, Pair};
use super::wire::Wire;
use crate::adapter::{
    Acceptor, Connection, Connections, Link, TrafficLease, TurnContext, TurnOutcome, end_deadline,
    server_handle,
};
use crate::{ServerHandle, ServerHandler, ServerOptions, WebSocketConnection};

/// The most turns without time passing.
const MOST_TURNS: usize = 100_000;

/// A server in memory, for tests of its handlers. Clones refer to the same server.
///
/// Handlers are called by the calls of this type and of [`TestClient`], in the same thread, one after the
/// other, until nothing is left to do. Nothing listens: clients come from [`connect`](Self::connect), each from
/// another port of 127.0.0.1, and TLS is not spoken. All times are virtual, those of the server and of
/// [`ServerHandle::terminate`] included. A decision that was postponed takes effect at the next call, for example
/// `advance(Duration::ZERO)`.
///
/// As on any server, a handler that panics does not end the test: the client is closed with code 1011.
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
    clock: Clock,
    /// The system's time at the virtual time zero.
    start: Instant,
    traffic: Arc<TrafficLease>,
    context: TurnContext,
    pairs: Vec<Pair>,
}

impl TestServer {
    /// Starts a server with the default options, of at most 1000 connections.
    pub fn new(handler: impl ServerHandler) -> Self {
        Self::with_options(ServerOptions::new(), handler)
    }

    /// Starts a server with these options; [`ServerHandler::on_open`] is called.
    pub fn with_options(options: ServerOptions, handler: impl ServerHandler) -> Self {
        let (clock, start) = (Clock::default(), Instant::now());
        let time = clock.clone();
        let now = move || start + time.now();
        let handle = server_handle(options, 1000, None, Connections::default(), |_| {}, now);
        let acceptor = Arc::new(Acceptor::new(handle.clone(), handler));
        acceptor.announce();
        acceptor.join();
        let context = TurnContext::new(Duration::ZERO);
        let traffic = Arc::new(acceptor.traffic());
        let shared = Shared { acceptor, clock, start, traffic, context, pairs: Vec::new() };
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
    /// If a server with TLS is full: it drops the transport.
    #[must_use]
    pub fn connect_with(&self, request: ClientRequest) -> TestClient {
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
        let mut shared = self.shared.borrow_mut();
        shared.run();
        shared.pairs.iter_mut().for_each(Pair::abandon);
        shared.acceptor.leave();
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
            if !moved && self.acceptor.next_timer().is_none_or(|at| at > self.now()) {
                return;
            }
            if !moved {
                self.acceptor.call_timers();
            }
        }
        panic!("the handlers keep each other busy forever");
    }

    fn advance(&mut self, passed: Duration) {
        let end = self.clock.now().saturating_add(passed);
        self.run();
        while let Some(next) = self.deadline()
            && next <= end
        {
            self.set_time(next.max(self.clock.now()));
            self.abort_late();
            self.run();
        }
        self.set_time(end);
        self.run();
    }

    /// Returns when something is due: at a connection, or of the server itself.
    fn deadline(&self) -> Option<Duration> {
        let server = self.acceptor.deadline().map(|at| at.saturating_duration_since(self.start));
        let server = server.filter(|at| *at > self.clock.now());
        self.pairs.iter().filter_map(Pair::deadline).chain(server).min()
    }

    /// Returns the time of the server's clock.
    fn now(&self) -> Instant {
        self.start + self.clock.now()
    }

    /// Aborts the remaining connections of a server that has ended for long enough.
    fn abort_late(&self) {
        if end_deadline(self.acceptor.server()).is_some_and(|at| at <= self.now()) {
            self.acceptor.server().connections().iter().for_each(WebSocketConnection::abort);
        }
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
