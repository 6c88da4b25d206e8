//! Two sessions wired to each other: bytes cut anywhere, time that passes only when nothing else
//! happens, and each end doing to the transport what the session advises.

mod support;

use core::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use wsproto::{
    Client, CloseCode, CloseFrame, CloseInfo, Config, Event, Initiator, KeepAlive, ReadyState,
    Server, SessionError, SessionEvent, Transport,
};

use support::config;
use support::life::{Life, SessionEnd};

/// What it takes for some bytes to get from one end to the other.
const LATENCY: Duration = Duration::from_micros(20);

/// One end and its half of the transport.
struct Half<R: SessionEnd> {
    life: Life<R>,
    /// Whether this end has written its last byte.
    shut: bool,
    /// Whether this end was told that the other has.
    told: bool,
    /// How many of the events were looked at.
    seen: usize,
}

impl<R: SessionEnd> Half<R> {
    fn new(config: &Config) -> Self {
        Self { life: Life::begin(config.clone()), shut: false, told: false, seen: 0 }
    }

    /// Does what an adapter does, once everything is written.
    fn follow_advice(&mut self) {
        if self.life.out.is_empty() {
            match self.life.session.transport() {
                Transport::KeepOpen | Transport::AwaitEnd => {}
                Transport::Shutdown | Transport::Drop => self.shut = true,
            }
        }
    }

    fn is_over(&self) -> bool {
        self.life.session.transport() == Transport::Drop
    }
}

/// Whether there is something to move from one end to the other: bytes, or the end of them.
fn is_due<A: SessionEnd, B: SessionEnd>(from: &Half<A>, to: &Half<B>) -> bool {
    !from.life.out.is_empty() || from.shut && !to.told
}

/// Moves some of what one end wrote to the other.
fn carry<A: SessionEnd, B: SessionEnd>(
    from: &mut Half<A>,
    to: &mut Half<B>,
    most: usize,
    react: fn(&mut Life<B>, &Event<'_>),
) {
    if from.shut && from.life.out.is_empty() && !to.told {
        to.told = true;
        to.life.end_of_input();
        return;
    }
    let len = from.life.out.len().min(most);
    let part: Vec<u8> = from.life.out.drain(..len).collect();
    to.life.read(&part);
    // Who sees an event may answer it.
    while let Some(event) = to.life.log.get(to.seen).cloned() {
        to.seen += 1;
        if let SessionEvent::Received(event) = event {
            react(&mut to.life, &event);
        }
    }
}

struct Pair {
    client: Half<Client>,
    server: Half<Server>,
    now: Duration,
    cuts: StdRng,
    /// The most bytes that arrive at once.
    most: u32,
    cut_off: bool,
}

impl Pair {
    fn new(config: &Config, seed: u64, most: u32) -> Self {
        Self {
            client: Half::new(config),
            server: Half::new(config),
            now: Duration::ZERO,
            cuts: StdRng::seed_from_u64(seed),
            most,
            cut_off: false,
        }
    }

    fn cut(&mut self) -> usize {
        (self.cuts.next_u32() % self.most + 1) as usize
    }

    /// Lets one thing happen: bytes arrive, or else the next deadline does. Returns whether any did.
    fn step(&mut self, server_reacts: fn(&mut Life<Server>, &Event<'_>)) -> bool {
        let (client, server) = (&self.client, &self.server);
        let moves = !self.cut_off && (is_due(client, server) || is_due(server, client));
        let deadlines = [client.life.session.deadline(), server.life.session.deadline()];
        self.now = match deadlines.into_iter().flatten().min() {
            _ if moves => self.now + LATENCY,
            Some(next) => self.now.max(next),
            None => return false,
        };
        self.client.life.at(self.now);
        self.server.life.at(self.now);
        if moves {
            let (there, back) = (self.cut(), self.cut());
            carry(&mut self.client, &mut self.server, there, server_reacts);
            carry(&mut self.server, &mut self.client, back, |_, _| {});
        }
        self.client.follow_advice();
        self.server.follow_advice();
        true
    }

    /// Runs until `until`, or until nothing happens any more.
    fn run(
        &mut self,
        server_reacts: fn(&mut Life<Server>, &Event<'_>),
        until: impl Fn(&Self) -> bool,
    ) {
        for _ in 0..1_000_000 {
            if until(self) || !self.step(server_reacts) {
                return;
            }
        }
        panic!("it never ends");
    }

    fn run_to_the_end(mut self) -> (CloseInfo, CloseInfo) {
        self.run(echo, |pair| pair.client.is_over() && pair.server.is_over());
        self.client.life.read(&[]);
        self.server.life.read(&[]);
        (self.client.life.ended(), self.server.life.ended())
    }
}

fn echo(server: &mut Life<Server>, event: &Event<'_>) {
    let Ok(sender) = server.session.sender() else { return };
    // An echo that comes after a Close is refused, and not missed.
    let _ = match event {
        Event::Text(text) => sender.send_text(text, &mut server.out),
        Event::Binary(bytes) => sender.send_binary(bytes, &mut server.out),
        _ => Ok(()),
    };
}

fn is_open(pair: &Pair) -> bool {
    pair.client.life.session.ready_state() == ReadyState::Open
}

fn received(life: &[support::life::Seen]) -> Vec<Event<'static>> {
    let events = life.iter().filter_map(|event| match event {
        SessionEvent::Received(event @ (Event::Text(_) | Event::Binary(_))) => Some(event.clone()),
        _ => None,
    });
    events.collect()
}

fn messages() -> Vec<Event<'static>> {
    vec![
        Event::Text("grüße".into()),
        Event::Binary(vec![7; 300].into()),
        Event::Text("".into()),
        Event::Text("€".repeat(25_000).into()),
        Event::Binary(vec![9; 126].into()),
    ]
}

fn send_all(client: &mut Life<Client>) {
    let sender = client.session.sender().expect("open");
    for message in messages() {
        match message {
            Event::Text(text) => sender.send_text(&text, &mut client.out).expect("open"),
            Event::Binary(bytes) => {
                let (front, back) = bytes.split_at(bytes.len() / 2);
                sender.send_binary_fragment(front, false, &mut client.out).expect("open");
                sender.ping(b"between", &mut client.out).expect("open");
                sender.send_binary_fragment(back, true, &mut client.out).expect("open");
            }
            _ => {}
        }
    }
}

const CUTS: [u32; 4] = [1, 7, 1460, 1 << 20];

fn clean(code: u16, reason: &str, initiator: Initiator) -> CloseInfo {
    let (code, reason) = (CloseCode::from(code), reason.to_owned());
    CloseInfo { code, reason, was_clean: true, initiator }
}

fn lost(initiator: Initiator) -> CloseInfo {
    CloseInfo { was_clean: false, ..clean(1006, "", initiator) }
}

/// R6455-2-2, R6455-6.2-2, invariants 1 to 4: everything arrives once, in order, however it is cut,
/// and the end is clean for both.
#[test]
fn messages_there_and_back_and_a_clean_end() {
    for (seed, most) in (0_u64..).zip(CUTS) {
        let mut pair = Pair::new(&Config::default(), seed, most);
        pair.run(echo, is_open);
        send_all(&mut pair.client.life);
        pair.run(echo, |pair| received(&pair.client.life.log).len() == messages().len());
        assert_eq!(received(&pair.server.life.log), messages(), "cuts up to {most}");
        assert_eq!(received(&pair.client.life.log), messages(), "cuts up to {most}");

        pair.client.life.close(CloseFrame::normal("done").ok().as_ref()).expect("open");
        let (client, server) = pair.run_to_the_end();
        assert_eq!(client, clean(1000, "done", Initiator::Local));
        assert_eq!(server, clean(1000, "done", Initiator::Remote));
    }
}

/// Invariant 5: what was sent before the Close arrives before it, although the client closes
/// without waiting for anything; what the server answers before the Close reaches it does arrive.
#[test]
fn a_close_right_behind_the_messages_loses_none_of_them() {
    for (seed, most) in (10_u64..).zip(CUTS) {
        let mut pair = Pair::new(&Config::default(), seed, most);
        pair.run(echo, is_open);
        send_all(&mut pair.client.life);
        pair.client.life.close(None).expect("open");
        pair.run(echo, |pair| pair.client.is_over() && pair.server.is_over());
        assert_eq!(received(&pair.server.life.log), messages());
        // X6: what the peer sent before its Close is delivered, although we have closed.
        let echoed = received(&pair.client.life.log);
        assert_eq!(echoed, messages()[..echoed.len()]);
        let (client, server) = pair.run_to_the_end();
        assert_eq!(client, clean(1005, "", Initiator::Local));
        assert_eq!(server, clean(1005, "", Initiator::Remote));
    }
}

/// R6455-5.5.1-10: both close before either hears of it; each reports the other's code.
#[test]
fn simultaneous_closes_end_cleanly_in_both_directions() {
    for (seed, most) in (20_u64..).zip(CUTS) {
        let mut pair = Pair::new(&Config::default(), seed, most);
        pair.run(echo, is_open);
        let away = CloseFrame::new(CloseCode::GOING_AWAY, "restart").expect("a body");
        pair.server.life.close(Some(&away)).expect("open");
        pair.client.life.close(CloseFrame::normal("done").ok().as_ref()).expect("open");
        let (client, server) = pair.run_to_the_end();
        assert_eq!(client, clean(1001, "restart", Initiator::Local));
        assert_eq!(server, clean(1000, "done", Initiator::Local));
    }
}

/// R6455-7.1.1-3: the server's end of the transport comes first; the client has only waited.
#[test]
fn the_server_ends_the_transport_first() {
    let mut pair = Pair::new(&Config::default(), 30, 7);
    pair.run(echo, is_open);
    pair.client.life.close(None).expect("open");
    pair.run(echo, |pair| pair.server.shut);
    assert!(!pair.client.shut, "the client must not be first");
    assert_eq!(pair.run_to_the_end().0, clean(1005, "", Initiator::Local));
}

/// R6455-7.2.2-1: a refusal arrives whole before the transport ends.
#[test]
fn a_refusal_arrives_before_the_end() {
    let mut pair = Pair::new(&config(|config| config.max_headers = 3), 40, 5);
    pair.run(echo, |pair| pair.client.is_over() && pair.server.is_over());
    let response = pair.client.life.session.take_response().expect("it arrived");
    assert_eq!(response.status(), 431);
    assert!(!response.body_bytes().is_empty());
    let (client, server) = pair.run_to_the_end();
    assert_eq!((client.code, client.was_clean), (CloseCode::ABNORMAL, false));
    assert_eq!((server.code, server.was_clean), (CloseCode::ABNORMAL, false));
}

fn keep_alive() -> Config {
    let (interval, patience) = (Duration::from_secs(30), Duration::from_secs(5));
    config(|config| config.keep_alive = Some(KeepAlive { interval, patience }))
}

/// Keep-alives of both ends at once answer each other for a day, and measure the way there and back.
#[test]
fn a_quiet_connection_stays_open() {
    let mut pair = Pair::new(&keep_alive(), 50, 1 << 20);
    pair.run(echo, |pair| pair.now > Duration::from_secs(86_400));
    assert!(is_open(&pair));
    for trip in [pair.client.life.session.round_trip(), pair.server.life.session.round_trip()] {
        let trip = trip.expect("measured");
        assert!(trip > Duration::ZERO && trip <= 3 * LATENCY, "{trip:?}");
    }
}

/// I10, A36, A39: nothing arrives any more, and neither end learns why: both end by their deadlines.
#[test]
fn a_dead_line_is_found_out_by_both() {
    let mut pair = Pair::new(&keep_alive(), 60, 1 << 20);
    pair.run(echo, is_open);
    pair.cut_off = true;
    pair.run(echo, |pair| pair.client.is_over() && pair.server.is_over());
    assert!(pair.now < Duration::from_secs(60));
    for log in [&pair.client.life.log, &pair.server.life.log] {
        assert!(log.contains(&SessionEvent::Error(SessionError::KeepAliveTimeout)));
    }
    let (client, server) = pair.run_to_the_end();
    assert_eq!((client, server), (lost(Initiator::Local), lost(Initiator::Local)));
}

/// The same while we wait for the answer to our Close.
#[test]
fn a_dead_line_after_our_close_is_not_clean() {
    let mut pair = Pair::new(&Config::default(), 70, 1 << 20);
    pair.run(echo, is_open);
    pair.cut_off = true;
    pair.client.life.close(None).expect("open");
    pair.run(echo, |pair| pair.client.is_over());
    let log = &pair.client.life.log;
    assert!(log.contains(&SessionEvent::Error(SessionError::CloseTimeout)));
    assert_eq!(pair.client.life.ended(), lost(Initiator::Local));
    pair.server.life.end_of_input();
    assert_eq!(pair.server.life.ended(), lost(Initiator::Remote));
}
