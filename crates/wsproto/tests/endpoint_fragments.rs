//! Long messages leave in fragments, and control frames between them (`Config::fragment_size`).

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use wsproto::frame::Opcode;
use wsproto::{
    Advice, Client, CloseCode, CloseFrame, Config, Endpoint, Event, KeepAlive, PreparedMessage,
    SendError, Server, SessionEvent,
};
use wsproto_testing::model::{self, Limits, Seen};
use wsproto_testing::{Cuts, End, Frame, Node, Side};

const NOW: Duration = Duration::from_secs(1);

fn open<R: End>(size: usize) -> Node<R> {
    // A mark that nothing here reaches.
    let config = Config::new().fragment_size(Some(size)).high_water_mark(1 << 30);
    Node::open(config, Cuts::every(usize::MAX))
}

/// Writes at most `most` of the pending bytes.
fn write<R: End>(ws: &mut Endpoint<R>, most: usize, wire: &mut Vec<u8>) {
    let pending = ws.pending_slices::<3>().concat();
    let len = pending.len().min(most);
    wire.extend(&pending[..len]);
    ws.wrote(len, NOW);
}

fn drain<R: End>(ws: &mut Endpoint<R>, wire: &mut Vec<u8>) {
    while ws.unwritten() > 0 {
        write(ws, usize::MAX, wire);
    }
}

fn payload(len: usize) -> Vec<u8> {
    (0..251).cycle().take(len).collect()
}

// M15: a Pong that is owed leaves behind the fragments that were pending, before the next one.
#[test]
fn a_pong_leaves_between_two_fragments() {
    fn check<R: End>() {
        let (mut node, mut wire) = (open::<R>(20_000), Vec::new());
        node.endpoint.send_binary(payload(100_000)).expect("open");
        node.endpoint.send_text("behind").expect("open");
        write(&mut node.endpoint, 1000, &mut wire);
        node.read(&mut R::from_peer(0x89, b"are you there?"), NOW);
        node.endpoint.ping(b"and you?").expect("open");
        drain(&mut node.endpoint, &mut wire);
        let frames = Frame::read_all(&wire);
        let firsts: Vec<u8> = frames.iter().map(|frame| frame.first).collect();
        assert_eq!(firsts, [0x02, 0x8A, 0x89, 0, 0, 0, 0x80, 0x81]);
        assert_eq!(
            (&frames[1].payload[..], &frames[2].payload[..]),
            (&b"are you there?"[..], &b"and you?"[..])
        );
        let lens: Vec<usize> = frames.iter().map(|frame| frame.payload.len()).collect();
        assert_eq!(lens, [20_000, 14, 8, 20_000, 20_000, 20_000, 20_000, 6]);
        // Each frame has a key of its own (RFC 6455 section 5.3).
        let mut keys: Vec<_> = frames.iter().filter_map(|frame| frame.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), if R::SIDE == Side::Client { 8 } else { 0 });
    }
    check::<Server>();
    check::<Client>();
}

// M15: however small the fragments are, a control frame waits for 16 KiB at most; and there are few
// writes.
#[test]
fn small_fragments_leave_together() {
    let (mut node, mut wire) = (open::<Server>(0), Vec::new());
    node.endpoint.send_binary(payload(1 << 20)).expect("open");
    let mut writes = 0;
    while node.endpoint.unwritten() > 0 {
        let before = wire.len();
        write(&mut node.endpoint, usize::MAX, &mut wire);
        assert!(wire.len() - before <= (16 << 10) + 127);
        writes += 1;
    }
    assert!(writes < 70, "{writes}");
    let frames = Frame::read_all(&wire);
    assert_eq!(frames.len(), (1_usize << 20).div_ceil(125));
    assert!(frames.iter().all(|frame| frame.payload.len() <= 125));
}

// M15: no data may follow a Close, so it leaves behind the messages.
#[test]
fn a_close_leaves_last() {
    let (mut node, mut wire) = (open::<Server>(1000), Vec::new());
    node.endpoint.send_binary(payload(50_000)).expect("open");
    let going_away = CloseFrame::new(CloseCode::GOING_AWAY, "").expect("short");
    node.endpoint.close(Some(&going_away), NOW).expect("open");
    drain(&mut node.endpoint, &mut wire);
    let frames = Frame::read_all(&wire);
    assert_eq!(frames.last().and_then(Frame::close_code), Some(1001));
    assert_eq!(frames.iter().map(|frame| frame.payload.len()).sum::<usize>(), 50_000 + 2);
}

// M15: a client's session may be over before everything is written.
#[test]
fn fragments_leave_after_the_end_of_the_input() {
    let (mut node, mut wire) = (open::<Client>(1000), Vec::new());
    node.endpoint.send_binary(payload(50_000)).expect("open");
    node.endpoint.end_of_input(NOW);
    node.read(&mut [], NOW);
    assert_eq!(node.endpoint.advice(), Advice::Flush);
    drain(&mut node.endpoint, &mut wire);
    let frames = Frame::read_all(&wire);
    let received: Vec<u8> = frames.into_iter().flat_map(|frame| frame.payload).collect();
    assert!(received == payload(50_000));
}

// M15: the patience for a Pong begins when the Ping has left, wherever it was inserted.
#[test]
fn the_patience_begins_when_the_ping_has_left() {
    const SECOND: Duration = Duration::from_secs(1);
    let config =
        Config::new().fragment_size(Some(20_000)).keep_alive(Some(KeepAlive::new(SECOND, SECOND)));
    let mut node = Node::<Server>::open(config, Cuts::every(usize::MAX));
    let ws = &mut node.endpoint;
    ws.send_binary(payload(1 << 20)).expect("open");
    let mut wire = Vec::new();
    write(ws, 10_000, &mut wire);
    ws.handle_timeout(SECOND);
    let mut now = SECOND;
    let mut ping = None;
    while ws.unwritten() > 0 {
        let pending = ws.pending().len().min(5000);
        let piece = ws.pending()[..pending].to_vec();
        // A server's payload here never has this byte in front of that length.
        ping =
            ping.or(piece.windows(2).position(|ping| ping == [0x89, 4]).map(|_| now + SECOND / 10));
        wire.extend(piece);
        now += SECOND / 10;
        ws.wrote(pending, now);
        let since = ping.unwrap_or(now);
        assert_eq!(ws.deadline(), Some(since + SECOND), "{} bytes", wire.len());
        if now + SECOND / 10 >= since + SECOND {
            break;
        }
    }
    assert!(ping.is_some() && ws.unwritten() > 900_000);
}

// M15: a client answers Pings between the fragments of a reply that is longer than the mark, too; of a flood that
// fills the mark in front of the next fragment, the newest.
#[test]
fn a_client_with_a_long_reply_answers_pings() {
    let config = Config::new().fragment_size(Some(20_000)).high_water_mark(1000);
    let (mut node, mut wire) = (Node::<Client>::open(config, Cuts::every(usize::MAX)), Vec::new());
    node.app = Box::new(|ws, event, _| {
        if let Some(SessionEvent::Received(Event::Text(_))) = event {
            ws.send_binary(payload(100_000)).expect("open");
        }
    });
    node.read(&mut Client::from_peer(0x81, b"a question"), NOW);
    write(&mut node.endpoint, 20_000, &mut wire);
    for number in 0..30 {
        node.read(&mut Client::from_peer(0x89, &[number; 100]), NOW);
    }
    assert!(node.endpoint.unwritten() < 100_000 - 20_000 + 1200);
    write(&mut node.endpoint, 10, &mut wire);
    node.read(&mut Client::from_peer(0x89, b"once more"), NOW);
    drain(&mut node.endpoint, &mut wire);
    let frames = Frame::read_all(&wire);
    let last = frames.iter().rposition(|frame| frame.first == 0x80).expect("the last fragment");
    let pongs: Vec<_> = frames[..last].iter().filter(|frame| frame.first == 0x8A).collect();
    assert!(frames[..2].iter().any(|frame| frame.first == 0x8A), "behind the first fragment");
    assert!((9..13).contains(&pongs.len()), "{}", pongs.len());
    assert_eq!(pongs.last().map(|pong| &pong.payload[..]), Some(&b"once more"[..]));
    assert_eq!(frames.len(), last + 1);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let mut node = open::<Server>(1000);
    let ws = &mut node.endpoint;
    ws.send_with(|sender, out| sender.send_text_fragment("begun", false, out)).expect("open");
    let before = ws.unwritten();
    assert_eq!(ws.send_text("x".repeat(5000)), Err(SendError::UnfinishedMessage));
    assert_eq!(ws.send_binary(&[0; 100][..]), Err(SendError::UnfinishedMessage));
    assert_eq!(ws.ping(&[0; 126]), Err(SendError::ControlTooLong { len: 126 }));
    assert_eq!(ws.unwritten(), before);
    ws.close(None, NOW).expect("open");
    assert_eq!(ws.send_prepared(&PreparedMessage::binary(&[0; 5000])), Err(SendError::Closed));
    assert_eq!(ws.ping(b""), Err(SendError::Closed));
    ws.write_failed();
    assert_eq!((ws.unwritten(), ws.lost()), (0, before + 2));
}

/// An operation.
#[derive(Clone, Debug)]
enum Step {
    /// A text of this length, owned or not.
    Text(usize, bool),
    Binary(usize, bool),
    Prepared(usize),
    Ping,
    /// A Ping of the peer.
    Pinged,
    /// At most that many bytes are written.
    Write(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let len = || prop_oneof![0..300_usize, 0..3000_usize, Just(16 << 10), 0..70_000_usize];
    prop_oneof![
        (len(), any::<bool>()).prop_map(|(len, owned)| Step::Text(len, owned)),
        (len(), any::<bool>()).prop_map(|(len, owned)| Step::Binary(len, owned)),
        len().prop_map(Step::Prepared),
        Just(Step::Ping),
        Just(Step::Pinged),
        len().prop_map(Step::Write),
    ]
}

/// Performs all steps, and compares what the naive model receives with what was sent.
fn run<R: End>(size: usize, steps: &[Step]) {
    let (mut node, mut wire) = (open::<R>(size), Vec::new());
    let (mut messages, mut controls) = (Vec::new(), Vec::new());
    for (number, step) in steps.iter().enumerate() {
        let ws = &mut node.endpoint;
        let (before, unwritten) = (ws.pending_slices::<3>().concat(), ws.unwritten());
        let mut written = 0;
        match *step {
            Step::Text(len, owned) => {
                // Characters of two bytes are cut by odd sizes.
                let text = "x".repeat(len % 2) + &"\u{e9}".repeat(len / 2);
                messages.push(Seen::Text(text.clone()));
                if owned { ws.send_text(text) } else { ws.send_text(text.as_str()) }.expect("open");
            }
            Step::Binary(len, owned) => {
                messages.push(Seen::Binary(payload(len)));
                let bytes = payload(len);
                if owned { ws.send_binary(bytes) } else { ws.send_binary(&bytes[..]) }
                    .expect("open");
            }
            Step::Prepared(len) => {
                messages.push(Seen::Binary(payload(len)));
                ws.send_prepared(&PreparedMessage::binary(&payload(len))).expect("open");
            }
            Step::Ping => {
                controls.push(Seen::Ping(vec![number as u8]));
                ws.ping(&[number as u8]).expect("open");
            }
            Step::Pinged => {
                controls.push(Seen::Pong(vec![number as u8]));
                node.read(&mut R::from_peer(0x89, &[number as u8]), NOW);
            }
            Step::Write(most) => {
                written = before.len().min(most);
                write(ws, most, &mut wire);
                assert_eq!(ws.unwritten(), unwritten - written);
            }
        }
        // Pending bytes may have been copied: they leave unchanged.
        let pending = node.endpoint.pending_slices::<3>().concat();
        assert!(pending.starts_with(&before[written..]));
    }
    let (sent, unwritten) = (wire.len(), node.endpoint.unwritten());
    drain(&mut node.endpoint, &mut wire);
    assert_eq!(wire.len(), sent + unwritten);

    let receiver = if R::SIDE == Side::Server { model::Role::Client } else { model::Role::Server };
    let events = model::run(receiver, &Limits::default(), &wire).events;
    let is_message = |seen: &Seen| matches!(seen, Seen::Text(_) | Seen::Binary(_));
    let (received, others): (Vec<Seen>, Vec<Seen>) = events.into_iter().partition(is_message);
    assert!(received == messages, "{size} {steps:?}");
    // Control frames keep their order among themselves, too.
    assert_eq!(others, controls);
    for frame in Frame::read_all(&wire) {
        assert!(frame.payload.len() <= size.max(125) && frame.first & 0x70 == 0);
        assert!(!frame.is(Opcode::Continuation) || !frame.payload.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // M15: the peer receives the same messages in the same order, whatever leaves between.
    #[test]
    fn fragments_make_the_same_messages(
        size in prop_oneof![Just(0), Just(126), 125..3000_usize, Just(16 << 10), Just(65_536)],
        steps in vec(step(), 0..30),
    ) {
        run::<Server>(size, &steps);
        run::<Client>(size, &steps);
    }
}
