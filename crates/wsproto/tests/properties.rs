//! Properties that hold for any input: the engine against itself, cut differently (promises I1 to
//! I3, I6, I8 and I9).

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use wsproto::{Client, CloseFrame, Error, Event, Piece, Server};
use wsproto_testing::{Ask, Cuts, End, Side, ask, bytes, closes, cuts, limits, wire};

use support::feed;

/// The result of receiving some bytes.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event<'static>>,
    out: Vec<u8>,
    error: Option<Error>,
}

/// Runs an engine over the parts, and checks for every call: I1, I3, I6 and A56.
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

/// I3: a server replies with at most as many bytes as arrived, a client with three times as many;
/// plus one Close.
fn assert_output_bound(side: Side, consumed: usize, out: &[u8]) {
    let (factor, close) = if side == Side::Server { (1, 4) } else { (3, 8) };
    assert!(out.len() <= factor * consumed + close, "{} for {consumed}", out.len());
}

fn parts<'a>(wire: &'a [u8], cuts: &Cuts) -> Vec<&'a [u8]> {
    cuts.cut(wire).collect()
}

fn assert_split_invariance<R: End>(wire: &[u8], cuts: &Cuts) {
    let whole = run::<R>(&[wire]);
    assert_eq!(run::<R>(&parts(wire, cuts)), whole);
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

    /// I1, I2, I3, I6, I9, A12, A56: mostly valid frames.
    #[test]
    fn frames_to_a_server_however_cut(wire in wire::<Server>(), cuts in cuts()) {
        assert_split_invariance::<Server>(&wire, &cuts);
    }

    /// I1, I2, I3, I6, I9, A12, A56: mostly valid frames.
    #[test]
    fn frames_to_a_client_however_cut(wire in wire::<Client>(), cuts in cuts()) {
        assert_split_invariance::<Client>(&wire, &cuts);
    }

    /// I2: joined pieces equal the events.
    #[test]
    fn pieces_join_to_events(wire in wire::<Server>(), cuts in cuts()) {
        let whole = run::<Server>(&[&wire]);
        prop_assert_eq!(&run_pieces::<Server>(&[&wire]), &whole);
        prop_assert_eq!(&run_pieces::<Server>(&parts(&wire, &cuts)), &whole);
    }

    /// I3: a call appends at most as many bytes as the frame that it answers.
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

fn round_trip<A: End, B: End>(asks: &[Ask], cuts: &Cuts) {
    let (mut a, mut wire) = (A::connect(), Vec::new());
    let expected: Vec<_> =
        asks.iter().flat_map(|ask| ask.send(a.sender(), &mut wire).expect("open")).collect();
    let (mut b, mut back) = (B::connect(), Vec::new());
    let mut seen = Vec::new();
    for part in cuts.cut(&wire) {
        seen.extend(feed(&mut b, part, &mut back).expect("sent frames are legal"));
    }
    assert_eq!(seen, expected);

    // The Pongs arrive with the payloads of the Pings, in order.
    let pings = expected.iter().filter_map(|event| match event {
        Event::Ping(payload) => Some(Event::Pong(payload.clone())),
        _ => None,
    });
    let pongs = feed(&mut a, &back, &mut Vec::new()).expect("sent frames are legal");
    assert_eq!(pongs, pings.collect::<Vec<_>>());
}

proptest! {
    /// I11, R6455-5.4-5, R6455-5.5.3-1, R6455-6.2-3: one end receives exactly the events that the
    /// other sent.
    #[test]
    fn sent_messages_are_received(asks in vec(ask(), 0..10), cuts in cuts()) {
        round_trip::<Client, Server>(&asks, &cuts);
        round_trip::<Server, Client>(&asks, &cuts);
    }
}

proptest! {
    /// Messages taken with `next_event` and `next_piece` in turns: pieces first hand out the
    /// assembled part, events skip the rest, and nothing comes twice or out of order.
    #[test]
    fn events_and_pieces_mixed(
        parts in vec("\\PC{0,12}", 1..5), cuts in cuts(), pieces in vec(any::<bool>(), 1..9),
    ) {
        let text = parts.concat();
        let mut wire = Vec::new();
        let (mut client, mut ws) = (Client::connect(), Server::connect());
        let last = Ask::Fragments(parts).send(client.sender(), &mut wire).expect("open").pop();
        let mut turns = pieces.iter().cycle();
        let (mut taken, mut begun, mut skipped, mut ended) = (String::new(), false, false, false);
        for part in cuts.cut(&wire) {
            let mut bytes = part.to_vec();
            let mut input = &mut bytes[..];
            loop {
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
                    // The rest may be an empty last frame.
                    skipped |= begun;
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

/// A message is skipped only if a piece of it was handed out, not because one was requested.
#[test]
fn a_message_without_a_handed_out_piece_is_not_skipped() {
    fn check<R: End>(asked: Vec<u8>, rest: Vec<u8>, expected: Event<'_>) {
        let (mut ws, mut out) = (R::connect(), Vec::new());
        let (mut asked, mut rest) = (asked, rest);
        assert_eq!(ws.next_piece(&mut &mut asked[..], &mut out), Ok(None));
        assert_eq!(ws.next_event(&mut &mut rest[..], &mut out), Ok(Some(expected)));
    }
    fn both<R: End>() {
        let text = Event::Text("é!".into());
        let frame = R::from_peer(0x81, "é!".as_bytes());
        let (front, back) = frame.split_at(frame.len() - 2);
        check::<R>(front.to_vec(), back.to_vec(), text.clone());
        check::<R>(R::from_peer(0x01, b""), R::from_peer(0x80, "é!".as_bytes()), text.clone());
        check::<R>(R::from_peer(0x01, b"\xC3"), R::from_peer(0x80, b"\xA9!"), text);
        check::<R>(R::from_peer(0x01, b""), R::from_peer(0x80, b""), Event::Text("".into()));
        let binary = Event::Binary(b"!"[..].into());
        check::<R>(R::from_peer(0x02, b""), R::from_peer(0x80, b"!"), binary);
    }
    both::<Server>();
    both::<Client>();
}

/// Bytes that `next_event` skips within a frame are not misread by `next_piece`.
#[test]
fn pieces_resume_after_part_of_a_frame_was_skipped() {
    fn check<R: End>(opcode: u8) {
        let (mut ws, mut out) = (R::connect(), Vec::new());
        let mut frame = R::from_peer(0x80 | opcode, b"abcdefghijkl");
        let len = frame.len();
        let (front, rest) = frame.split_at_mut(len - 8);
        let (middle, mut back) = rest.split_at_mut(5);
        assert!(ws.next_piece(&mut &mut *front, &mut out).is_ok_and(|piece| piece.is_some()));
        assert_eq!(ws.next_event(&mut &mut *middle, &mut out), Ok(None));
        let last = ws.next_piece(&mut back, &mut out);
        let expected = match opcode {
            1 => Piece::Text { text: "jkl".into(), fin: true },
            _ => Piece::Binary { bytes: b"jkl"[..].into(), fin: true },
        };
        assert_eq!(last, Ok(Some(expected)));
    }
    for opcode in [1, 2] {
        check::<Server>(opcode);
        check::<Client>(opcode);
    }
}

/// The assembled part is the first piece, even if the rest of the message is empty.
#[test]
fn the_assembled_part_is_the_first_piece() {
    fn check<R: End>() {
        let (mut ws, mut out) = (R::connect(), Vec::new());
        let mut begun = R::from_peer(0x01, b"begun \xC3");
        assert_eq!(ws.next_event(&mut &mut begun[..], &mut out), Ok(None));
        let mut rest = [R::from_peer(0x89, b"?"), R::from_peer(0x80, b"\xA9")].concat();
        let mut input = &mut rest[..];
        let mut next = || ws.next_piece(&mut input, &mut out).expect("legal");
        assert_eq!(next(), Some(Piece::Text { text: "begun ".into(), fin: false }));
        assert_eq!(next(), Some(Piece::Ping(b"?"[..].into())));
        assert_eq!(next(), Some(Piece::Text { text: "é".into(), fin: true }));
        assert_eq!(next(), None);

        let mut begun = R::from_peer(0x02, b"begun");
        assert_eq!(ws.next_event(&mut &mut begun[..], &mut out), Ok(None));
        let mut rest = R::from_peer(0x80, b"");
        let mut input = &mut rest[..];
        let mut next = || ws.next_piece(&mut input, &mut out).expect("legal");
        assert_eq!(next(), Some(Piece::Binary { bytes: b"begun"[..].into(), fin: false }));
        assert_eq!(next(), Some(Piece::Binary { bytes: b""[..].into(), fin: true }));
        assert_eq!(next(), None);
    }
    check::<Server>();
    check::<Client>();
}

/// Every event is a piece, the last of its message.
#[test]
fn an_event_is_a_piece() {
    let text = Piece::Text { text: "all".into(), fin: true };
    assert_eq!(Piece::from(Event::Text("all".into())), text);
    let binary = Piece::Binary { bytes: b"all"[..].into(), fin: true };
    assert_eq!(Piece::from(Event::Binary(b"all"[..].into())), binary);
    assert_eq!(Piece::from(Event::Close(None)), Piece::Close(None));
}
