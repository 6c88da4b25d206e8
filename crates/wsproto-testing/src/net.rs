//! Two endpoints, joined by a transport that holds only so much.
use std::time::Duration;

use crate::{Cuts, Node, Pipe};
use wsproto::{Client, CloseInfo, Config, Server};

/// A client and a server, each in a [loop of its own](Node), joined by two [`Pipe`]s that hold at most so
/// many bytes, under a virtual clock.
///
/// ```
/// use wsproto::{Config, Event, SessionEvent};
/// use wsproto_testing::{Cuts, Net};
///
/// let mut net = Net::new(&Config::default(), 64 << 10, Cuts::every(1000));
/// net.server.app = Box::new(|server, event| match event {
///     Some(SessionEvent::Received(Event::Text(text))) => {
///         server.send_text(text.to_string()).expect("open");
///     }
///     _ => {}
/// });
/// net.client.app = Box::new(|client, event| match event {
///     Some(SessionEvent::Open) => client.send_text("Hello").expect("open"),
///     Some(SessionEvent::Received(Event::Text(text))) => {
///         assert_eq!(text, "Hello");
///         client.close(None, Default::default()).expect("open");
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
    /// What is on its way to the client.
    pub to_client: Pipe,
    /// What is on its way to the server.
    pub to_server: Pipe,
    /// The time that both ends are told.
    pub now: Duration,
}

impl Net {
    /// How long a turn of both loops takes.
    pub const TURN: Duration = Duration::from_micros(20);

    /// Begins with an open transport and no handshake, at time zero. Each direction holds at most `size`
    /// bytes, and takes and gives parts that `cuts` says.
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

    /// Lets one turn of each loop happen; or the time of the next deadline come, if nothing else happens.
    /// Returns whether there was any of it.
    pub fn step(&mut self) -> bool {
        let client = self.client.turn(self.now, &mut self.to_client, &mut self.to_server);
        let server = self.server.turn(self.now, &mut self.to_server, &mut self.to_client);
        if client || server {
            self.now += Self::TURN;
            return true;
        }
        let deadlines = [
            self.client.endpoint.deadline().filter(|_| !self.client.dropped),
            self.server.endpoint.deadline().filter(|_| !self.server.dropped),
        ];
        let next = deadlines.into_iter().flatten().min();
        self.now = next.map_or(self.now, |next| next.max(self.now));
        next.is_some()
    }

    /// Runs until `until`, or until nothing happens any more. Returns whether it was the former.
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

    /// Runs until both ends have dropped their transport, and returns how the connection ended for the client
    /// and for the server.
    ///
    /// # Panics
    ///
    /// If one of them waits for ever, or a promise is broken.
    #[must_use]
    pub fn run_to_the_end(&mut self) -> (CloseInfo, CloseInfo) {
        assert!(self.run(|net| net.client.dropped && net.server.dropped), "an end waits for ever");
        let (client, server) = (self.client.closed(), self.server.closed());
        (client.expect("I10: Closed").clone(), server.expect("I10: Closed").clone())
    }
}
