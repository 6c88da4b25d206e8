//! What holds for any input and any order of calls: the receiving engine against itself, cut
//! differently, and against naive code (promises I1 to I3, I6 to I10).

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wsproto::{Client, CloseCode, CloseFrame, Config, Connection, Error, Event, Piece, Server};

use support::{End, Side, VIOLATION, closes, config, sent};

/// Something that a peer might send, right or wrong.
#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Binary(Vec<u8>),
    /// A message in fragments, a Ping behind each.
    Fragments(Vec<Vec<u8>>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    /// A frame with whatever first byte.
    Odd(u8, Vec<u8>),
    /// No frame at all.
    Noise(Vec<u8>),
}

impl Part {
    fn encode<R: End>(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => R::from_peer(0x81, text.as_bytes()),
            Self::Binary(bytes) => R::from_peer(0x82, bytes),
            Self::Fragments(parts) => {
                let mut wire = Vec::new();
                for (index, part) in parts.iter().enumerate() {
                    let fin = if index + 1 == parts.len() { 0x80 } else { 0 };
                    wire.extend(R::from_peer(fin | if index == 0 { 2 } else { 0 }, part));
                    wire.extend(R::from_peer(0x89, part.get(..3).unwrap_or_default()));
                }
                wire
            }
            Self::Ping(payload) => R::from_peer(0x89, payload),
            Self::Pong(payload) => R::from_peer(0x8A, payload),
            Self::Close(code, reason) => {
                R::from_peer(0x88, &[&code.to_be_bytes()[..], reason.as_bytes()].concat())
            }
            Self::Odd(first, payload) => R::from_peer(*first, payload),
            Self::Noise(bytes) => bytes.clone(),
        }
    }
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=most)
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        6 => "\\PC{0,60}".prop_map(Part::Text),
        4 => bytes(150).prop_map(Part::Binary),
        6 => vec(bytes(40), 1..6).prop_map(Part::Fragments),
        4 => bytes(125).prop_map(Part::Ping),
        2 => bytes(125).prop_map(Part::Pong),
        1 => (select(vec![1000, 1001, 1005, 2000, 4000]), "\\PC{0,20}")
            .prop_map(|(code, reason)| Part::Close(code, reason)),
        2 => (any::<u8>(), bytes(130)).prop_map(|(first, payload)| Part::Odd(first, payload)),
        1 => bytes(30).prop_map(Part::Noise),
    ]
}

/// What arrives, and the lengths of the parts in which it does.
fn wire<R: End>() -> impl Strategy<Value = Vec<u8>> {
    vec(part(), 0..12).prop_map(|parts| parts.iter().flat_map(Part::encode::<R>).collect())
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![1]), vec(1..50_usize, 1..20)]
}

fn cut<'a>(mut bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    for len in cuts.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (front, back) = bytes.split_at(bytes.len().min(*len));
        parts.push(front);
        bytes = back;
    }
    parts
}

/// Limits that what is generated here can exceed.
fn limits() -> Config {
    config(|config| {
        config.max_message_size = 120;
        config.max_frame_size = 110;
        config.max_fragments = 4;
    })
}

/// Everything that came of some bytes.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event<'static>>,
    out: Vec<u8>,
    error: Option<Error>,
}

/// Runs an engine over parts, and checks on the way what holds for every call: I1, I3, I6 and A56.
fn run<R: End>(parts: &[&[u8]]) -> Outcome {
    let (mut ws, mut out) = (R::connect_with(limits()), Vec::new());
    let mut events = Vec::new();
    let mut error = None;
    let mut consumed = 0;
    for part in parts {
        let mut bytes = part.to_vec();
        let mut input = &mut bytes[..];
        loop {
            let before = input.len();
            let result = ws.next_event(&mut input, &mut out);
            consumed += before - input.len();
            assert_output_bound(R::SIDE, consumed, &out);
            match result {
                Ok(Some(event)) => {
                    assert!(input.len() < before, "A56: an event without a byte");
                    events.push(event.into_owned());
                }
                Ok(None) => break assert!(input.is_empty(), "I1: input was left over"),
                Err(new) => {
                    assert_eq!(*error.get_or_insert(new), new, "I6: an error is final");
                    break;
                }
            }
        }
    }
    assert!(closes(&out) <= 1);
    Outcome { events, out, error }
}

/// I3: a server answers with at most as many bytes as came, a client with three times as many; and
/// one Close.
fn assert_output_bound(side: Side, consumed: usize, out: &[u8]) {
    let (factor, close) = if side == Side::Server { (1, 4) } else { (3, 8) };
    assert!(out.len() <= factor * consumed + close, "{} for {consumed}", out.len());
}

fn assert_split_invariance<R: End>(wire: &[u8], cuts: &[usize]) {
    let whole = run::<R>(&[wire]);
    assert_eq!(run::<R>(&cut(wire, cuts)), whole);
    assert_eq!(run::<R>(&[wire]), whole, "I8: the same again");
}

/// Takes messages in pieces, and joins them.
fn run_pieces<R: End>(parts: &[&[u8]]) -> Outcome {
    let (mut ws, mut out) = (R::connect_with(limits()), Vec::new());
    let (mut events, mut error) = (Vec::new(), None);
    let mut message = Vec::new();
    for part in parts {
        let mut bytes = part.to_vec();
        let mut input = &mut bytes[..];
        loop {
            let event = match ws.next_piece(&mut input, &mut out) {
                Ok(None) => break assert!(input.is_empty(), "I1: input was left over"),
                Err(new) => {
                    assert_eq!(*error.get_or_insert(new), new, "I6: an error is final");
                    break;
                }
                Ok(Some(Piece::Text { text, fin })) => {
                    assert!(fin || !text.is_empty(), "an empty piece says nothing");
                    message.extend_from_slice(text.as_bytes());
                    if !fin {
                        continue;
                    }
                    let text = String::from_utf8(std::mem::take(&mut message));
                    Event::Text(text.expect("pieces of text are text").into())
                }
                Ok(Some(Piece::Binary { bytes, fin })) => {
                    assert!(fin || !bytes.is_empty(), "an empty piece says nothing");
                    message.extend_from_slice(&bytes);
                    if !fin {
                        continue;
                    }
                    Event::Binary(std::mem::take(&mut message).into())
                }
                Ok(Some(Piece::Ping(payload))) => Event::Ping(payload.into_owned().into()),
                Ok(Some(Piece::Pong(payload))) => Event::Pong(payload.into_owned().into()),
                Ok(Some(Piece::Close(frame))) => Event::Close(frame.map(CloseFrame::into_owned)),
            };
            events.push(event);
        }
    }
    Outcome { events, out, error }
}

proptest! {
    /// I1, I2, I6, I8, R6455-2-2, R6455-10.7-1: arbitrary bytes.
    #[test]
    fn any_bytes_however_cut(wire in bytes(300), cuts in cuts()) {
        assert_split_invariance::<Server>(&wire, &cuts);
        assert_split_invariance::<Client>(&wire, &cuts);
    }

    /// I1, I2, I3, I6, I9, A12, A56: frames that are mostly right.
    #[test]
    fn frames_to_a_server_however_cut(wire in wire::<Server>(), cuts in cuts()) {
        assert_split_invariance::<Server>(&wire, &cuts);
    }

    /// I1, I2, I3, I6, I9, A12, A56: frames that are mostly right.
    #[test]
    fn frames_to_a_client_however_cut(wire in wire::<Client>(), cuts in cuts()) {
        assert_split_invariance::<Client>(&wire, &cuts);
    }

    /// I2: pieces are the events, taken apart.
    #[test]
    fn pieces_join_to_events(wire in wire::<Server>(), cuts in cuts()) {
        let whole = run::<Server>(&[&wire]);
        prop_assert_eq!(&run_pieces::<Server>(&[&wire]), &whole);
        prop_assert_eq!(&run_pieces::<Server>(&cut(&wire, &cuts)), &whole);
    }

    /// I3: what one call appends is at most what the frame that asked for it brought.
    #[test]
    fn a_call_appends_no_more_than_its_frame(payload in bytes(125), reason in "[a-z]{0,123}") {
        fn check<R: End>(mut frame: Vec<u8>) {
            let (mut ws, mut out) = (R::connect(), Vec::new());
            let event = ws.next_event(&mut &mut frame[..], &mut out).expect("legal");
            assert!(event.is_some());
            let factor = if R::SIDE == Side::Server { 1 } else { 3 };
            assert!(!out.is_empty() && out.len() <= factor * frame.len());
        }
        let body = [b"\x03\xE8", reason.as_bytes()].concat();
        check::<Server>(Server::from_peer(0x89, &payload));
        check::<Client>(Client::from_peer(0x89, &payload));
        check::<Server>(Server::from_peer(0x88, &body));
        check::<Client>(Client::from_peer(0x88, &body));
    }
}

/// What one end asks of its engine.
#[derive(Clone, Debug)]
enum Ask {
    Text(String),
    Binary(Vec<u8>),
    Fragments(Vec<String>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        "\\PC{0,200}".prop_map(Ask::Text),
        bytes(300).prop_map(Ask::Binary),
        vec("\\PC{0,30}", 1..6).prop_map(Ask::Fragments),
        bytes(125).prop_map(Ask::Ping),
        bytes(125).prop_map(Ask::Pong),
    ]
}

/// Asks for it, and returns what the other end must see.
fn do_ask<R: End>(ws: &mut Connection<R>, ask: &Ask, out: &mut Vec<u8>) -> Vec<Event<'static>> {
    match ask {
        Ask::Text(text) => {
            ws.send_text(text, out).expect("open");
            vec![Event::Text(text.clone().into())]
        }
        Ask::Binary(bytes) => {
            ws.send_binary(bytes, out).expect("open");
            vec![Event::Binary(bytes.clone().into())]
        }
        Ask::Fragments(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let fin = index + 1 == parts.len();
                ws.sender().send_text_fragment(part, fin, out).expect("open");
                if !fin {
                    ws.ping(b"between", out).expect("open");
                }
            }
            let pings = (1..parts.len()).map(|_| Event::Ping(b"between"[..].into()));
            pings.chain([Event::Text(parts.concat().into())]).collect()
        }
        Ask::Ping(payload) => {
            ws.ping(payload, out).expect("short");
            vec![Event::Ping(payload.clone().into())]
        }
        Ask::Pong(payload) => {
            ws.sender().pong(payload, out).expect("short");
            vec![Event::Pong(payload.clone().into())]
        }
    }
}

fn round_trip<A: End, B: End>(asks: &[Ask], cuts: &[usize]) {
    let (mut a, mut wire) = (A::connect(), Vec::new());
    let expected: Vec<_> = asks.iter().flat_map(|ask| do_ask(&mut a, ask, &mut wire)).collect();
    let (mut b, mut back) = (B::connect(), Vec::new());
    let mut seen = Vec::new();
    for part in cut(&wire, cuts) {
        seen.extend(support::feed(&mut b, part, &mut back).expect("what we send is legal"));
    }
    assert_eq!(seen, expected);

    // The Pongs find their way back, with the payload of the Pings, in order.
    let pings = expected.iter().filter_map(|event| match event {
        Event::Ping(payload) => Some(Event::Pong(payload.clone())),
        _ => None,
    });
    let pongs = support::feed(&mut a, &back, &mut Vec::new()).expect("what we send is legal");
    assert_eq!(pongs, pings.collect::<Vec<_>>());
}

proptest! {
    /// I11, R6455-5.4-5, R6455-5.5.3-1, R6455-6.2-3: what one end sends is what the other sees.
    #[test]
    fn what_is_sent_is_received(asks in vec(ask(), 0..10), cuts in cuts()) {
        round_trip::<Client, Server>(&asks, &cuts);
        round_trip::<Server, Client>(&asks, &cuts);
    }
}

/// A call of the interface.
#[derive(Clone, Debug)]
enum Call {
    Ask(Ask),
    /// A fragment: of text, the last.
    Fragment(bool, bool),
    Header(u64),
    LongPing,
    Close(Option<u16>),
    Event(Part),
    Piece(Part),
    Fail,
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        2 => ask().prop_map(Call::Ask),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(text, fin)| Call::Fragment(text, fin)),
        1 => (0..1_u64 << 62).prop_map(Call::Header),
        1 => Just(Call::LongPing),
        1 => proptest::option::of(1000..5000_u16).prop_map(Call::Close),
        4 => part().prop_map(Call::Event),
        4 => part().prop_map(Call::Piece),
        1 => Just(Call::Fail),
    ]
}

/// Makes a call; an error must have written nothing. Returns whether what was written is a frame.
fn make<R: End>(ws: &mut Connection<R>, call: &Call, out: &mut Vec<u8>) -> bool {
    let before = out.len();
    let sender = ws.sender();
    let result = match call {
        Call::Ask(Ask::Text(text)) => sender.send_text(text, out),
        Call::Ask(Ask::Binary(bytes)) => sender.send_binary(bytes, out),
        Call::Ask(Ask::Ping(payload)) => sender.ping(payload, out),
        Call::Ask(Ask::Pong(payload)) => sender.pong(payload, out),
        Call::Ask(Ask::Fragments(parts)) => sender.send_text_fragment(&parts.concat(), true, out),
        Call::Fragment(true, fin) => sender.send_text_fragment("part", *fin, out),
        Call::Fragment(false, fin) => sender.send_binary_fragment(b"part", *fin, out),
        Call::Header(len) => {
            let result = sender.send_binary_header(*len, out).map(drop);
            if result.is_ok() {
                // Its payload is the caller's business.
                out.truncate(before);
                return false;
            }
            result
        }
        Call::LongPing => sender.ping(&[0; 126], out),
        Call::Close(code) => {
            let frame = code.and_then(|code| CloseFrame::new(CloseCode::from(code), "").ok());
            sender.close(frame.as_ref(), out)
        }
        Call::Event(part) => {
            let mut bytes = part.encode::<R>();
            let mut input = &mut bytes[..];
            while let Ok(Some(_)) = ws.next_event(&mut input, out) {}
            return true;
        }
        Call::Piece(part) => {
            let mut bytes = part.encode::<R>();
            let mut input = &mut bytes[..];
            while let Ok(Some(_)) = ws.next_piece(&mut input, out) {}
            return true;
        }
        Call::Fail => {
            let mut bytes = VIOLATION;
            let _ = ws.next_event(&mut &mut bytes[..], out);
            return true;
        }
    };
    assert!(result.is_ok() || out.len() == before, "an error that wrote");
    true
}

fn any_order<R: End>(calls: &[Call]) {
    let (mut ws, mut out) = (R::connect_with(limits()), Vec::new());
    for call in calls {
        make(&mut ws, call, &mut out);
        assert!(closes(&out) <= 1, "I10: a second Close, or something after the first");
    }
    let masked = R::SIDE == Side::Client;
    let (mut open, mut frames) = (false, sent(&out).into_iter());
    assert!(frames.all(|frame| {
        let (data, first) = (frame.first & 0x0F < 8, frame.first & 0x0F != 0);
        let legal = frame.first & 0x70 == 0 && (!data || first != open);
        open = if data { frame.first & 0x80 == 0 } else { open };
        legal && frame.key.is_some() == masked && (data || frame.payload.len() <= 125)
    }));
}

proptest! {
    /// I7, I10, I11: whatever is called in whatever order, nothing panics, nothing is written on an
    /// error, and what is written is legal.
    #[test]
    fn any_order_of_calls(calls in vec(call(), 0..30)) {
        any_order::<Server>(&calls);
        any_order::<Client>(&calls);
    }
}

proptest! {
    /// A message that is taken with `next_event` and `next_piece` in turns: pieces first hand out
    /// what was assembled, events skip what is left, and nothing comes twice or out of order.
    #[test]
    fn events_and_pieces_mixed(
        parts in vec("\\PC{0,12}", 1..5), cuts in cuts(), pieces in vec(any::<bool>(), 1..9),
    ) {
        let text = parts.concat();
        let mut wire = Vec::new();
        let (mut client, mut ws) = (Client::connect(), Server::connect());
        let last = do_ask(&mut client, &Ask::Fragments(parts), &mut wire).pop();
        let mut turns = pieces.iter().cycle();
        let (mut taken, mut begun, mut skipped, mut ended) = (String::new(), false, false, false);
        for part in cut(&wire, &cuts) {
            let mut bytes = part.to_vec();
            let mut input = &mut bytes[..];
            loop {
                let before = input.len();
                if *turns.next().expect("endless") {
                    match ws.next_piece(&mut input, &mut Vec::new()).expect("legal") {
                        Some(Piece::Text { text, fin }) => {
                            taken.push_str(&text);
                            (begun, ended) = (true, fin);
                        }
                        Some(other) => prop_assert!(matches!(other, Piece::Ping(_))),
                        None => break,
                    }
                } else {
                    let event = ws.next_event(&mut input, &mut Vec::new()).expect("legal");
                    skipped |= begun && input.len() < before;
                    match event {
                        Some(Event::Ping(_)) => {}
                        Some(event) => {
                            prop_assert!(!begun, "a message twice");
                            prop_assert_eq!(Some(&event), last.as_ref());
                            ended = true;
                            taken.clone_from(&text);
                        }
                        None => break,
                    }
                }
            }
        }
        prop_assert!(ended || skipped);
        if skipped {
            let mut rest = text.chars();
            prop_assert!(taken.chars().all(|c| rest.any(|other| other == c)), "out of order");
        } else {
            prop_assert_eq!(taken, text);
        }
    }
}
