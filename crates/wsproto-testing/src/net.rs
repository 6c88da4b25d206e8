//! Two endpoints, joined by a transport of bounded capacity.
use std::fmt;
use std::time::Duration;

use crate::{Cuts, Node, Pipe};
use wsproto::handshake::{Accept, ClientRequest, Request, Response};
use wsproto::{Client, CloseInfo, Config, Server};

/// A client and a server, each in its own [loop](Node), joined by two [`Pipe`]s of bounded
/// capacity, under a virtual clock.
///
/// The time advances by [`TURN`](Self::TURN) with each turn in which something happens, and otherwise to the next
/// deadline: of an endpoint, or of an [application](Node::app_deadline). An application that has deadlines and does
/// not tell them is called in time only if the test stops there with [`run_for`](Self::run_for).
///
/// ```
/// use wsproto::{Config, Event, SessionEvent};
/// use wsproto_testing::{Cuts, Net};
///
/// let mut net = Net::new(&Config::default(), 64 << 10, Cuts::every(1000));
/// net.server.app = Box::new(|server, event, _now| match event {
///     Some(SessionEvent::Received(Event::Text(text))) => {
///         server.send_text(text.to_string()).expect("open");
///     }
///     _ => {}
/// });
/// net.client.app = Box::new(|client, event, now| match event {
///     Some(SessionEvent::Open) => client.send_text("Hello").expect("open"),
///     Some(SessionEvent::Received(Event::Text(text))) => {
///         assert_eq!(text, "Hello");
///         client.close(None, now).expect("open");
///     }
///     _ => {}
/// });
/// let (client, server) = net.run_to_the_end();
/// assert!(client.was_clean && server.was_clean);
/// ```
pub struct Net {
    /// The end that connects.
    pub client: Node<Client>,
    /// The end that accepts.
    pub server: Node<Server>,
    /// The bytes on their way to the client.
    pub to_client: Pipe,
    /// The bytes on their way to the server.
    pub to_server: Pipe,
    /// The time passed to both ends.
    pub now: Duration,
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Net {
    /// The duration of a turn of both loops, 20 µs.
    pub const TURN: Duration = Duration::from_micros(20);

    /// Begins with an open transport and no handshake, at time zero. Each direction holds at most
    /// `size` bytes, which are written and read in parts given by `cuts`.
    #[must_use]
    pub fn new(config: &Config, size: usize, cuts: Cuts) -> Self {
        Self {
            client: Node::begin(config.clone(), cuts.clone()),
            server: Node::begin(config.clone(), cuts),
            to_client: Pipe::new(size),
            to_server: Pipe::new(size),
            now: Duration::ZERO,
        }
    }

    /// Sets the client's request and configuration, before the first step.
    #[must_use]
    pub fn with_client(mut self, request: ClientRequest, config: Config) -> Self {
        self.client.restart(request, config);
        self
    }

    /// Sets the server's configuration and its answer to the request, before the first step.
    #[must_use]
    pub fn with_server(
        mut self,
        config: Config,
        answer: impl FnMut(&Request) -> Result<Accept, Response> + 'static,
    ) -> Self {
        self.server.restart(Box::new(answer), config);
        self
    }

    /// Runs one turn of each loop, or advances the time to the next deadline if nothing else
    /// happens. Returns whether anything happened.
    pub fn step(&mut self) -> bool {
        if self.turn() {
            return true;
        }
        let next = self.deadline();
        self.now = next.map_or(self.now, |next| next.max(self.now));
        next.is_some()
    }

    /// Runs for that long: what happens until then happens at its time. Turns that are due at the end still happen,
    /// and each takes a [`TURN`](Self::TURN). So a duration of zero runs until both ends wait for a deadline. Returns
    /// whether anything happened.
    ///
    /// # Panics
    ///
    /// If the ends never wait.
    pub fn run_for(&mut self, passed: Duration) -> bool {
        let end = self.now + passed;
        let mut happened = false;
        for _ in 0..10_000_000 {
            if self.turn() {
                happened = true;
            } else if self.now >= end {
                return happened;
            } else {
                self.now = self.deadline().map_or(end, |next| next.clamp(self.now, end));
            }
        }
        panic!("the ends never wait");
    }

    /// Runs one turn of each loop. Returns whether anything happened.
    fn turn(&mut self) -> bool {
        let client = self.client.turn(self.now, &mut self.to_client, &mut self.to_server);
        let server = self.server.turn(self.now, &mut self.to_server, &mut self.to_client);
        if client || server {
            self.now += Self::TURN;
        }
        client || server
    }

    fn deadline(&self) -> Option<Duration> {
        [self.client.deadline(), self.server.deadline()].into_iter().flatten().min()
    }

    /// Runs until `until` holds, or until nothing happens any more and there is no deadline. Returns whether `until`
    /// holds.
    ///
    /// # Panics
    ///
    /// If it does not end within ten million steps.
    pub fn run(&mut self, until: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..10_000_000 {
            if until(self) {
                return true;
            }
            if !self.step() {
                return false;
            }
        }
        panic!("it never ends");
    }

    /// Runs until both ends have dropped their transport, and returns how the connection ended for
    /// the client and for the server.
    ///
    /// # Panics
    ///
    /// If an end waits forever: no bytes are in transit, and there is no deadline, perhaps because the application has
    /// [told none](Node::app_deadline). Or if a promise is broken.
    #[must_use]
    pub fn run_to_the_end(&mut self) -> (CloseInfo, CloseInfo) {
        assert!(self.run(|net| net.client.dropped && net.server.dropped), "an end waits forever");
        let (client, server) = (self.client.closed(), self.server.closed());
        (client.expect("I10: Closed").clone(), server.expect("I10: Closed").clone())
    }
}
