//! Two sessions joined: bytes cut anywhere, time that passes only when nothing else happens, and
//! each end following the session's advice.
use std::fmt;
use std::mem;
use std::time::Duration;

use crate::{Answer, Cuts, End, Life, Seen, Step, closes};
use wsproto::handshake::{Accept, ClientRequest, Request, Response};
use wsproto::{Advice, Client, Config, Event, Server, SessionEvent};

/// One end and its half of the transport.
#[derive(Debug)]
pub struct Half<R: End> {
    /// The session and its reports.
    pub life: Life<R>,
    /// Whether this end has written its last byte.
    pub shut: bool,
    /// Whether the end of the input was reported to this end.
    end_reported: bool,
    /// The position of the byte to change in the next part that leaves.
    pub(crate) damage: Option<usize>,
    /// All output that was taken, to be delivered or lost.
    sent: Vec<u8>,
    /// Whether the output begins with the head of a request or a response.
    has_head: bool,
}

impl<R: End> Half<R> {
    fn new(life: Life<R>, has_head: bool) -> Self {
        Self { life, shut: false, end_reported: false, damage: None, sent: Vec::new(), has_head }
    }

    /// Returns whether the session is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.life.session.advice() == Advice::Drop
    }

    /// Takes the first `len` bytes of the output.
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let rest = self.life.out.split_off(len);
        let part = mem::replace(&mut self.life.out, rest);
        self.sent.extend_from_slice(&part);
        part
    }

    /// Follows the advice, as an adapter does, once everything is written.
    fn follow_advice(&mut self) {
        if self.life.out.is_empty() {
            self.life.flush();
            match self.life.session.advice() {
                Advice::KeepOpen | Advice::AwaitEnd => {}
                Advice::Shutdown | Advice::Flush | Advice::Drop => self.shut = true,
            }
        }
    }

    /// Checks that the session is over, and that at most one Close was sent, last (promise I10).
    /// Returns the session and its log.
    fn finish(mut self) -> Life<R> {
        let len = self.life.out.len();
        self.take(len);
        let head = match self.has_head {
            true => self.sent.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4),
            false => Some(0),
        };
        if self.life.log.contains(&SessionEvent::Open) {
            assert!(closes(&self.sent[head.expect("a head")..]) <= 1, "I10: a second Close");
        }
        self.life
    }
}

/// A client, and a server that accepts it and echoes every message, unless it is told otherwise.
///
/// The clock is virtual, and runs only when no bytes are in transit: so a whole day of keep-alive
/// takes no time, and every run is the same. An application with deadlines of its own needs a [`Net`](crate::Net).
///
/// The test is the client's application: [`Life::ask`] sends, [`Life::received`] returns the events so far, and the
/// session is [`Life::session`], whose `take_response` returns a server's refusal.
///
/// ```
/// use wsproto::handshake::{Accept, ClientRequest, Response};
/// use wsproto::{Config, Event, ReadyState, SessionEvent};
/// use wsproto_testing::{Ask, Cuts, Pair};
///
/// let request = ClientRequest::parse("ws://localhost/sums")?.bearer("secret")?;
/// let mut pair = Pair::new(&Config::new(), Cuts::every(1))
///     .with_client(request, Config::new())
///     .with_server(Config::new(), |request| match request.bearer() {
///         Some("secret") => Ok(Accept::new()),
///         _ => Err(Response::text(401, "Log in first\n")),
///     })
///     .with_app(|server, event| {
///         if let SessionEvent::Received(Event::Text(text)) = event {
///             let sum: u32 = text.split('+').flat_map(str::parse::<u32>).sum();
///             server.ask(&Ask::Text(format!("{sum} after {:?}", server.now)));
///         }
///     });
/// pair.run(|pair| pair.client.life.session.ready_state() == ReadyState::Open);
/// pair.client.life.ask(&Ask::Text("20+22".into()));
/// pair.run(|pair| !pair.client.life.received().is_empty());
/// assert!(matches!(&pair.client.life.received()[..], [Event::Text(sum)] if sum.starts_with("42")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pair {
    /// The end that connects.
    pub client: Half<Client>,
    /// The end that accepts.
    pub server: Half<Server>,
    /// The time passed to both ends.
    pub now: Duration,
    /// Whether the line is dead: neither data nor its end arrives any more.
    pub cut_off: bool,
    cuts: Cuts,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, server, now, .. } = self;
        let mut shown = f.debug_struct("Pair");
        shown.field("client", client).field("server", server).field("now", now);
        shown.finish_non_exhaustive()
    }
}

impl Pair {
    /// The time that bytes take from one end to the other, 20 µs.
    pub const LATENCY: Duration = Duration::from_micros(20);

    /// Begins with an open transport and no handshake, at time zero. Output arrives in parts given
    /// by `cuts`.
    #[must_use]
    pub fn new(config: &Config, cuts: Cuts) -> Self {
        let client = Life::begin_with(Client::opening(), config.clone());
        let server = Life::begin_with(Server::opening(), config.clone());
        Self::of(Half::new(client, true), Half::new(server, true), cuts)
    }

    /// Begins open, without an opening handshake, at time zero, as [`new`](Self::new) does otherwise.
    #[must_use]
    pub fn without_handshake(config: &Config, cuts: Cuts) -> Self {
        Self::of(
            Half::new(Life::without_handshake(config.clone()), false),
            Half::new(Life::without_handshake(config.clone()), false),
            cuts,
        )
    }

    fn of(client: Half<Client>, server: Half<Server>, cuts: Cuts) -> Self {
        let pair = Self { client, server, now: Duration::ZERO, cut_off: false, cuts };
        pair.with_app(echo)
    }

    /// Sets the client's request and configuration, before the first step.
    #[must_use]
    pub fn with_client(mut self, request: ClientRequest, config: Config) -> Self {
        self.client = Half::new(Life::begin_with(request, config), true);
        self
    }

    /// Sets the server's configuration and its answer to the request, before the first step.
    #[must_use]
    pub fn with_server(
        mut self,
        config: Config,
        answer: impl FnMut(&Request) -> Result<Accept, Response> + 'static,
    ) -> Self {
        let answer: Answer = Box::new(answer);
        let app = self.server.life.set_app(None);
        self.server = Half::new(Life::begin_with(answer, config), true);
        self.server.life.set_app(app);
        self
    }

    /// Sets the server's application, in place of the echo: it is called with each report, before the next one
    /// is taken.
    #[must_use]
    pub fn with_app(mut self, app: impl FnMut(&mut Life<Server>, &Seen) + 'static) -> Self {
        self.server.life.set_app(Some(Box::new(app)));
        self
    }

    /// Runs one step: bytes arrive, or else the next deadline does. Returns whether anything
    /// happened.
    pub fn step(&mut self) -> bool {
        let moves = !self.cut_off
            && (is_due(&self.client, &self.server) || is_due(&self.server, &self.client));
        let deadlines = [self.client.life.session.deadline(), self.server.life.session.deadline()];
        self.tell(match deadlines.into_iter().flatten().min() {
            _ if moves => self.now + Self::LATENCY,
            Some(next) => self.now.max(next),
            None => return false,
        });
        if moves {
            carry(&mut self.client, &mut self.server, self.cuts.next_len());
            carry(&mut self.server, &mut self.client, self.cuts.next_len());
        }
        self.client.follow_advice();
        self.server.follow_advice();
        true
    }

    /// Lets time pass, even if bytes are in transit.
    pub fn wait(&mut self, passed: Duration) {
        self.tell(self.now + passed);
    }

    /// Runs until `until` holds, or until nothing happens any more and there is no deadline. Returns whether `until`
    /// holds.
    ///
    /// # Panics
    ///
    /// If it does not end within a million steps.
    pub fn run(&mut self, until: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..1_000_000 {
            if until(self) {
                return true;
            }
            if !self.step() {
                return false;
            }
        }
        panic!("it never ends");
    }

    /// Performs all steps of a script.
    pub fn play(&mut self, script: &[Step]) {
        for step in script {
            step.perform(self);
        }
    }

    /// Runs until both ends are over, and returns them. An end without a deadline on a dead line is
    /// told that the transport has ended. [`Life::now`] is then later than the end of the session, after which the
    /// transport lingers for up to 2 s.
    ///
    /// # Panics
    ///
    /// If neither end closes and keep-alives answer each other forever; or if an end sent more than
    /// one Close, or anything after it (promise I10).
    #[must_use]
    pub fn run_to_the_end(mut self) -> (Life<Client>, Life<Server>) {
        self.run(|pair| pair.client.is_over() && pair.server.is_over());
        self.client.life.end_of_input();
        self.server.life.end_of_input();
        (self.client.finish(), self.server.finish())
    }

    fn tell(&mut self, now: Duration) {
        self.now = now;
        self.client.life.at(now);
        self.server.life.at(now);
    }
}

/// Returns whether data, or the end of it, is waiting to be moved from one end to the other.
fn is_due<A: End, B: End>(from: &Half<A>, to: &Half<B>) -> bool {
    !from.life.out.is_empty() || from.shut && !to.end_reported
}

/// Moves some output of one end to the other.
fn carry<A: End, B: End>(from: &mut Half<A>, to: &mut Half<B>, most: usize) {
    if from.shut && from.life.out.is_empty() && !to.end_reported {
        to.end_reported = true;
        to.life.end_of_input();
        return;
    }
    let mut part = from.take(from.life.out.len().min(most));
    if let Some(place) = from.damage.take() {
        let len = part.len().max(1);
        part.iter_mut().skip(place % len).take(1).for_each(|byte| *byte = !*byte);
    }
    to.life.read(&part);
}

/// Echoes messages.
fn echo(server: &mut Life<Server>, event: &Seen) {
    // A server that is closing refuses to echo, which is fine.
    let Ok(sender) = server.session.sender() else { return };
    let _ = match event {
        SessionEvent::Received(Event::Text(text)) => sender.send_text(text, &mut server.out),
        SessionEvent::Received(Event::Binary(data)) => sender.send_binary(data, &mut server.out),
        _ => Ok(()),
    };
}
