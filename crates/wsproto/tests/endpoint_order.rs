//! Any order of calls on an endpoint (promises I7, I8, I10 and I11), and its exact byte counts.

use core::time::Duration;
use std::mem;

use proptest::collection::vec;
use proptest::prelude::*;
use wsproto::{
    Advice, Client, CloseCode, CloseFrame, Config, Endpoint, KeepAlive, Outbox, PreparedMessage,
    Server, SessionEvent,
};
use wsproto_testing::{
    Call, End, Frame, Part, Seen, Side, assert_order, call, closes, limits, part,
};

/// An operation on an endpoint.
#[derive(Clone, Debug)]
enum Happening {
    /// The next bytes of the opening handshake arrive.
    Handshake(usize),
    Arrival(Part),
    Call(Call),
    /// An owned message of that many bytes, or a prepared one.
    Large(usize, bool),
    Close(Option<u16>),
    /// At most that many bytes are written, and the events taken or not.
    Write(usize, bool),
    /// The transport accepts nothing more at the moment.
    Blocked,
    WriteFailed,
    /// Time passes, in milliseconds.
    Time(u64),
    Deadline,
    EndOfInput,
    Abort,
    Pause(bool),
    AwaitDrained,
    Reclaim,
}

fn happening() -> impl Strategy<Value = Happening> {
    let lens = prop_oneof![4 => 0..300_usize, 1 => Just(70_000), 1 => Just(usize::MAX)];
    let large = prop_oneof![0..300_usize, Just(65_535), Just(65_536), Just(150_000)];
    prop_oneof![
        4 => (1..400_usize).prop_map(Happening::Handshake),
        8 => part().prop_map(Happening::Arrival),
        4 => call().prop_map(Happening::Call),
        2 => (large, any::<bool>()).prop_map(|(len, owned)| Happening::Large(len, owned)),
        1 => proptest::option::of(1000..5000_u16).prop_map(Happening::Close),
        6 => (lens, any::<bool>()).prop_map(|(most, events)| Happening::Write(most, events)),
        1 => Just(Happening::Blocked),
        1 => Just(Happening::WriteFailed),
        2 => (0..3000_u64).prop_map(Happening::Time),
        2 => Just(Happening::Deadline),
        1 => Just(Happening::EndOfInput),
        1 => Just(Happening::Abort),
        1 => any::<bool>().prop_map(Happening::Pause),
        1 => Just(Happening::AwaitDrained),
        3 => Just(Happening::Reclaim),
    ]
}

/// An endpoint and its observed state.
struct Life<R: End> {
    ws: Endpoint<R>,
    now: Duration,
    log: Vec<Seen>,
    written: Vec<u8>,
    spare: Option<Box<Outbox>>,
    /// Whether it looks at the clock for a write, and the events after it, only when that matters.
    spares_clock: bool,
    deadlines: Vec<Option<Duration>>,
}

/// The state of an endpoint that its outbox may hold.
#[derive(Debug, PartialEq)]
struct State {
    unwritten: usize,
    lost: usize,
    has_failed: bool,
    is_paused: bool,
    is_drained: bool,
    wants_read: bool,
    has_input: bool,
    has_room: bool,
    advice: Advice,
    deadline: Option<Duration>,
}

impl State {
    fn of<R: End>(ws: &Endpoint<R>) -> Self {
        Self {
            unwritten: ws.unwritten(),
            lost: ws.lost(),
            has_failed: ws.has_failed(),
            is_paused: ws.is_paused(),
            is_drained: ws.is_drained(),
            wants_read: ws.wants_read(),
            has_input: ws.has_input(),
            has_room: ws.has_room(),
            advice: ws.advice(),
            deadline: ws.deadline(),
        }
    }
}

impl<R: End> Life<R> {
    /// Returns the time for a write, or for events without input.
    fn time_for_write(&self) -> Duration {
        if self.spares_clock && !self.ws.needs_time() { Duration::ZERO } else { self.now }
    }

    fn read(&mut self, bytes: Vec<u8>) {
        self.read_at(self.now, bytes);
    }

    fn read_at(&mut self, now: Duration, mut bytes: Vec<u8>) {
        let mut input = &mut bytes[..];
        while let Some(event) = self.ws.next_event(now, &mut input) {
            if matches!(event, SessionEvent::Upgrade) {
                R::answer_at(&mut R::opening(), &mut self.ws, self.now);
            }
            self.log.push(event.into_owned());
            assert_order(&self.log);
        }
        assert!(input.is_empty(), "I1: input was left over");
    }

    /// Writes some of the pending bytes, and checks the counts.
    fn write(&mut self, most: usize) {
        let before = self.ws.unwritten();
        let first = self.ws.pending().to_vec();
        let pending = self.ws.pending_slices::<3>().concat();
        assert!(pending.starts_with(&first) && first.is_empty() == pending.is_empty());
        assert_eq!(pending.is_empty(), before == 0);
        let len = pending.len().min(most);
        self.written.extend_from_slice(&pending[..len]);
        // The slices may be part of the pending bytes. A count beyond all of them is clamped.
        let told = if pending.len() == before && most > before { most } else { len };
        self.ws.wrote(told, self.time_for_write());
        let more = self.ws.unwritten() - (before - len);
        assert!(more == 0 || R::SIDE == Side::Client && more <= 131, "{more} bytes of a Pong");
    }

    fn serve_deadline(&mut self) {
        for _ in 0..8 {
            if self.ws.deadline().is_none_or(|at| self.now < at) {
                return;
            }
            self.ws.handle_timeout(self.now);
        }
        panic!("a deadline stays in the past");
    }

    /// Takes the buffer, or lends the one taken before. Neither changes the state, whatever the buffer has been used for.
    fn reclaim(&mut self) {
        let before = State::of(&self.ws);
        match self.ws.reclaim() {
            Some(outbox) => {
                assert_eq!(before.unwritten, 0, "it holds data");
                assert!(self.ws.outbox_memory() <= size_of::<Outbox>(), "it keeps memory");
                assert!(self.ws.reclaim().is_none(), "there is no more");
                self.spare = Some(outbox);
            }
            None => self.ws.lend(&mut self.spare),
        }
        assert_eq!(State::of(&self.ws), before);
    }

    fn perform(&mut self, happening: &Happening, handshake: &mut Vec<u8>) {
        match happening {
            Happening::Handshake(len) => {
                let rest = handshake.split_off(handshake.len().min(*len));
                self.read(mem::replace(handshake, rest));
            }
            Happening::Arrival(part) => self.read(part.encode(R::peer_key())),
            Happening::Call(call) => {
                let before = self.ws.unwritten();
                let result = self.ws.send_with(|sender, out| call.make(sender, out));
                assert!(result.is_ok() || self.ws.unwritten() == before, "I11");
            }
            Happening::Large(len, owned) => {
                let (before, lost) = (self.ws.unwritten(), self.ws.lost());
                let result = match owned {
                    true => self.ws.send_binary(vec![7; *len]),
                    false => self.ws.send_prepared(&PreparedMessage::binary(&vec![7; *len])),
                };
                let grown = self.ws.unwritten() + self.ws.lost() - before - lost;
                assert!(if result.is_ok() { grown > *len } else { grown == 0 }, "I11: {result:?}");
            }
            Happening::Close(code) => {
                let frame = code.and_then(|code| CloseFrame::new(CloseCode::from(code), "").ok());
                let _ = self.ws.close(frame.as_ref(), self.now);
            }
            Happening::Write(most, events) => {
                self.write(*most);
                if *events {
                    self.read_at(self.time_for_write(), Vec::new());
                }
            }
            Happening::Blocked => {
                if self.ws.unwritten() > 0 {
                    self.ws.write_blocked();
                }
            }
            Happening::WriteFailed => {
                self.ws.write_failed();
                assert_eq!(self.ws.unwritten(), 0);
            }
            Happening::Time(passed) => {
                self.now += Duration::from_millis(*passed);
                self.serve_deadline();
            }
            Happening::Deadline => {
                self.now = self.ws.deadline().unwrap_or_default().max(self.now);
                self.serve_deadline();
            }
            Happening::EndOfInput => self.ws.end_of_input(self.now),
            Happening::Abort => self.ws.abort(),
            Happening::Pause(true) => self.ws.pause(),
            Happening::Pause(false) => {
                self.ws.resume(self.now);
                self.read(Vec::new());
            }
            Happening::AwaitDrained => self.ws.await_drained(),
            Happening::Reclaim => self.reclaim(),
        }
        let _ = (self.ws.wants_read(), self.ws.has_room(), self.ws.advice());
        if let Happening::Write(_, true) = happening {
            self.deadlines.push(self.ws.deadline());
        }
    }
}

/// The events and the written bytes of an endpoint, and its deadline after each write and its events.
type Lived = (Vec<Seen>, Vec<u8>, Vec<Option<Duration>>);

/// Performs all operations.
fn live<R: End>(
    opened: bool,
    config: &Config,
    happenings: &[Happening],
    spares_clock: bool,
) -> Lived {
    let config = config.clone();
    let mut out = Vec::new();
    let session = R::session(&R::opening(), config, &mut out);
    let mut handshake = R::handshake(&out);
    let mut life = Life {
        ws: Endpoint::new(session, out),
        now: Duration::ZERO,
        log: Vec::new(),
        written: Vec::new(),
        spare: None,
        spares_clock,
        deadlines: Vec::new(),
    };
    if opened {
        life.read(mem::take(&mut handshake));
    }
    for happening in happenings {
        life.perform(happening, &mut handshake);
    }

    // A pause hides the end of the input.
    life.ws.resume(life.now);
    // In any state, writing, deadlines and the end of the input lead to the end.
    life.ws.end_of_input(life.now);
    life.read(Vec::new());
    while life.ws.unwritten() > 0 {
        life.write(usize::MAX);
        life.read(Vec::new());
    }
    assert!(matches!(life.log.last(), Some(SessionEvent::Closed(_))), "I10: {:?}", life.log);
    assert_eq!((life.ws.advice(), life.ws.deadline()), (Advice::Drop, None));
    let (log, written, deadlines) =
        (life.log.clone(), life.written.clone(), life.deadlines.clone());
    life.read(R::from_peer(0x81, b"late"));
    life.perform(&Happening::Close(None), &mut handshake);
    life.perform(&Happening::Deadline, &mut handshake);
    life.read(Vec::new());
    assert_eq!((life.log, life.ws.unwritten()), (log.clone(), 0), "I10: nothing follows");

    if !life.ws.has_failed() && log.contains(&SessionEvent::Open) {
        let end = written.windows(4).position(|end| end == b"\r\n\r\n").expect("a head");
        assert!(closes(&written[end + 4..]) <= 1, "I10: a second Close");
        let _ = Frame::read_all(&written[end + 4..]);
    }
    (log, written, deadlines)
}

proptest! {
    // I7, I8, I10, I11: no order of calls panics, exactly the bytes counted as unwritten are
    // written later, the end is reported exactly once, and the run is reproducible.
    #[test]
    fn any_order_of_calls(
        opened in prop::bool::weighted(0.8),
        mark in prop_oneof![Just(0), Just(200), Just(64 << 10)],
        fragments in prop::option::of(prop_oneof![Just(0), Just(200), Just(70_000)]),
        happenings in vec(happening(), 0..40),
    ) {
        let keep_alive = KeepAlive::new(Duration::from_secs(4), Duration::from_secs(2));
        let config = limits().high_water_mark(mark).keep_alive(Some(keep_alive));
        let config = config.fragment_size(fragments);
        prop_assert_eq!(
            live::<Server>(opened, &config, &happenings, false),
            live::<Server>(opened, &config, &happenings, false)
        );
        prop_assert_eq!(
            live::<Client>(opened, &config, &happenings, false),
            live::<Client>(opened, &config, &happenings, false)
        );
    }

    // What `needs_time` says: otherwise, an earlier time changes no event, no output and no deadline.
    #[test]
    fn a_write_needs_the_time_only_if_a_deadline_follows(
        opened in prop::bool::weighted(0.9),
        mark in prop_oneof![Just(0), Just(200), Just(64 << 10)],
        mut happenings in vec(happening(), 0..40),
    ) {
        // It closes at the last time that was told.
        happenings.retain(|it| !matches!(it, Happening::Call(Call::Close(_))));
        let keep_alive = KeepAlive::new(Duration::from_secs(4), Duration::from_secs(2));
        let config = limits().high_water_mark(mark).keep_alive(Some(keep_alive));
        prop_assert_eq!(
            live::<Server>(opened, &config, &happenings, true),
            live::<Server>(opened, &config, &happenings, false)
        );
        prop_assert_eq!(
            live::<Client>(opened, &config, &happenings, true),
            live::<Client>(opened, &config, &happenings, false)
        );
    }

    // A buffer that is taken and lent between any calls changes neither the events nor the bytes.
    #[test]
    fn a_loop_that_takes_the_buffer_makes_no_difference(
        fragments in prop::option::of(prop_oneof![Just(0), Just(200), Just(70_000)]),
        happenings in vec(happening(), 0..40),
    ) {
        let config = limits().high_water_mark(200).fragment_size(fragments);
        let is_other = |happening: &&Happening| !matches!(happening, Happening::Reclaim);
        let others: Vec<_> = happenings.iter().filter(is_other).cloned().collect();
        let often: Vec<_> =
            others.iter().flat_map(|other| [other.clone(), Happening::Reclaim]).collect();
        prop_assert_eq!(
            live::<Server>(true, &config, &often, false),
            live::<Server>(true, &config, &others, false)
        );
        prop_assert_eq!(
            live::<Client>(true, &config, &often, false),
            live::<Client>(true, &config, &others, false)
        );
    }
}
