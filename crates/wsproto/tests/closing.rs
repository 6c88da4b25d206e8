//! The closing handshake: the full matrix of state, cause and role, as a table and on connections
//! driven into each state (RFC 6455 section 7).

mod support;

use wsproto::close::MAX_REASON_LEN;
use wsproto::closing::{Cause, Reply};
use wsproto::frame::Opcode;
use wsproto::{
    Advice, Client, CloseCode, CloseError, CloseFrame, Closing, Connection, Error, Event,
    PreparedMessage, SendError, Server,
};
use wsproto_testing::{End, Frame, Side, closes};

use support::{VIOLATION, feed};

/// State, cause, next state, frame sent.
const MATRIX: [(Closing, Cause, Closing, Reply); 12] = [
    (Closing::Open, Cause::Local, Closing::Sent, Reply::Close),
    (Closing::Open, Cause::Peer, Closing::Exchanged, Reply::Close),
    (Closing::Open, Cause::Violation, Closing::Failed, Reply::Close),
    (Closing::Sent, Cause::Local, Closing::Sent, Reply::Nothing),
    (Closing::Sent, Cause::Peer, Closing::Exchanged, Reply::Nothing),
    (Closing::Sent, Cause::Violation, Closing::Failed, Reply::Nothing),
    (Closing::Exchanged, Cause::Local, Closing::Exchanged, Reply::Nothing),
    (Closing::Exchanged, Cause::Peer, Closing::Exchanged, Reply::Nothing),
    (Closing::Exchanged, Cause::Violation, Closing::Exchanged, Reply::Nothing),
    (Closing::Failed, Cause::Local, Closing::Failed, Reply::Nothing),
    (Closing::Failed, Cause::Peer, Closing::Failed, Reply::Nothing),
    (Closing::Failed, Cause::Violation, Closing::Failed, Reply::Nothing),
];

/// The advice on the transport: by state, for a server and for a client.
const TRANSPORT: [(Closing, Advice, Advice); 4] = [
    (Closing::Open, Advice::KeepOpen, Advice::KeepOpen),
    (Closing::Sent, Advice::KeepOpen, Advice::KeepOpen),
    (Closing::Exchanged, Advice::Shutdown, Advice::AwaitEnd),
    (Closing::Failed, Advice::Shutdown, Advice::Shutdown),
];

/// All paths into a state of the closing handshake.
const WAYS: [(Closing, &[Cause]); 6] = [
    (Closing::Open, &[]),
    (Closing::Sent, &[Cause::Local]),
    (Closing::Exchanged, &[Cause::Peer]),
    (Closing::Exchanged, &[Cause::Local, Cause::Peer]),
    (Closing::Failed, &[Cause::Violation]),
    (Closing::Failed, &[Cause::Local, Cause::Violation]),
];

fn bring<R: End>(ws: &mut Connection<R>, cause: Cause, out: &mut Vec<u8>) {
    match cause {
        Cause::Local => ws.close(None, out).expect("an empty Close may always be asked for"),
        // A state that no longer receives discards both, or repeats the old error.
        Cause::Peer => drop(feed(ws, &R::from_peer(0x88, &[]), out)),
        Cause::Violation => drop(feed(ws, &VIOLATION, out)),
    }
}

fn open<R: End>(way: &[Cause], out: &mut Vec<u8>) -> Connection<R> {
    let mut ws = R::connect();
    for cause in way {
        bring(&mut ws, *cause, out);
    }
    ws
}

/// R6455-7.1.3-1, R6455-7.1.7-4.
#[test]
fn the_table_has_these_rows_and_no_others() {
    for (state, cause, next, reply) in MATRIX {
        assert_eq!(state.next(cause), (next, reply), "{state:?}, {cause:?}");
    }
    let mut rows = MATRIX.map(|(state, cause, ..)| format!("{state:?} {cause:?}"));
    rows.sort();
    assert!(rows.windows(2).all(|pair| pair[0] != pair[1]), "a row is repeated, another missing");
}

/// The transport is ended first by the server, and after a violation by the end that detected it.
#[test]
fn the_table_gives_the_advice_on_the_transport() {
    for (state, server, client) in TRANSPORT {
        assert_eq!(state.advice::<Server>(), server, "{state:?}");
        assert_eq!(state.advice::<Client>(), client, "{state:?}");
    }
}

fn connections_follow_the_table<R: End>() {
    for (state, cause, next, reply) in MATRIX {
        for (_, way) in WAYS.iter().filter(|(reached, _)| *reached == state) {
            let place = format!("{:?}: {way:?}, then {cause:?}", R::SIDE);
            let mut out = Vec::new();
            let mut ws = open::<R>(way, &mut out);
            assert_eq!(ws.closing(), state, "{place}");
            let before = closes(&out);

            bring(&mut ws, cause, &mut out);

            assert_eq!(ws.closing(), next, "{place}");
            assert_eq!(closes(&out) - before, usize::from(reply == Reply::Close), "{place}");
            let (_, server, client) = TRANSPORT[next as usize];
            let advice = if R::SIDE == Side::Server { server } else { client };
            assert_eq!(ws.advice(), advice, "{place}");
        }
    }
}

/// R6455-7.1.3-1, R6455-7.1.7-3, R6455-7.1.7-4, I10: both roles, every state, every cause.
#[test]
fn connections_in_both_roles_follow_the_table() {
    connections_follow_the_table::<Server>();
    connections_follow_the_table::<Client>();
}

type Call<R> = fn(&mut Connection<R>, &mut Vec<u8>);

fn calls<R: End>() -> Vec<Call<R>> {
    vec![
        |ws, out| assert_eq!(ws.send_text("late", out), Err(SendError::Closed)),
        |ws, out| assert_eq!(ws.send_binary(&[1], out), Err(SendError::Closed)),
        |ws, out| assert_eq!(ws.ping(b"late", out), Err(SendError::Closed)),
        |ws, out| assert_eq!(ws.sender().pong(b"late", out), Err(SendError::Closed)),
        |ws, out| {
            let result = ws.sender().send_text_fragment("late", false, out);
            assert_eq!(result, Err(SendError::Closed));
        },
        |ws, out| {
            let result = ws.sender().send_binary_fragment(&[1], true, out);
            assert_eq!(result, Err(SendError::Closed));
        },
        |ws, out| assert_eq!(ws.sender().send_text_header("late", out), Err(SendError::Closed)),
        |ws, out| assert_eq!(ws.sender().send_binary_header(9, out), Err(SendError::Closed)),
        |ws, out| {
            let late = PreparedMessage::text("late");
            assert_eq!(ws.sender().send_prepared(&late, out), Err(SendError::Closed));
        },
        |ws, out| assert_eq!(ws.close(CloseFrame::normal("again").ok().as_ref(), out), Ok(())),
        |ws, out| drop(feed(ws, &R::from_peer(0x89, b"ping"), out)),
        |ws, out| drop(feed(ws, &R::from_peer(0x81, b"text"), out)),
        |ws, out| bring(ws, Cause::Peer, out),
        |ws, out| bring(ws, Cause::Violation, out),
    ]
}

fn nothing_follows_a_close<R: End>() {
    for (_, way) in &WAYS[1..] {
        for first in calls::<R>() {
            for second in calls::<R>() {
                let mut out = Vec::new();
                let mut ws = open::<R>(way, &mut out);
                assert_eq!(closes(&out), 1);
                let before = out.clone();
                first(&mut ws, &mut out);
                second(&mut ws, &mut out);
                assert_eq!(out, before, "something was sent after the Close: {way:?}");
            }
        }
    }
}

/// A40, I10, R6455-5.5.1-5: for any order of calls, not one further byte.
#[test]
fn nothing_is_sent_after_a_close() {
    nothing_follows_a_close::<Server>();
    nothing_follows_a_close::<Client>();
}

/// I10, R6455-5.5.1-11: after the peer's Close, neither events nor errors.
#[test]
fn nothing_is_delivered_after_the_close_of_the_peer() {
    fn check<R: End>(way: &[Cause]) {
        let mut ws = open::<R>(way, &mut Vec::new());
        let late = [&R::from_peer(0x81, b"x")[..], &R::from_peer(0x88, b"\x03\xE8"), &VIOLATION];
        assert_eq!(feed(&mut ws, &late.concat(), &mut Vec::new()), Ok(vec![]));
    }
    for way in [&[Cause::Peer][..], &[Cause::Local, Cause::Peer]] {
        check::<Server>(way);
        check::<Client>(way);
    }
}

/// R6455-5.5.1-10: two Closes that cross in transit are a clean end for both.
#[test]
fn simultaneous_closes_are_a_clean_end() {
    let (mut server, mut client) = (Server::connect(), Client::connect());
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    let away = CloseFrame::new(CloseCode::GOING_AWAY, "maintenance").expect("a body");
    server.close(Some(&away), &mut to_client).expect("open");
    client.close(CloseFrame::normal("done").ok().as_ref(), &mut to_server).expect("open");

    let at_server = feed(&mut server, &to_server.clone(), &mut to_client);
    let at_client = feed(&mut client, &to_client.clone(), &mut to_server);

    assert_eq!(at_server, Ok(vec![Event::Close(CloseFrame::normal("done").ok())]));
    assert_eq!(at_client, Ok(vec![Event::Close(Some(away))]));
    assert_eq!((closes(&to_client), closes(&to_server)), (1, 1));
    assert_eq!((server.closing(), client.closing()), (Closing::Exchanged, Closing::Exchanged));
    assert_eq!(server.advice(), Advice::Shutdown);
    assert_eq!(client.advice(), Advice::AwaitEnd);
}

/// R6455-7.1.2-1, R6455-7.3-1, R6455-5.5.1-4: either end may begin, with or without a body; the
/// client's Close is masked.
#[test]
fn either_end_begins_with_or_without_a_body() {
    let body = CloseFrame::new(CloseCode::from(4001), "bye").expect("a body");
    for (frame, payload) in [(None, &b""[..]), (Some(&body), b"\x0F\xA1bye")] {
        let mut out = Vec::new();
        Server::connect().close(frame, &mut out).expect("open");
        assert_eq!(out, [&[0x88, payload.len() as u8][..], payload].concat());

        let mut out = Vec::new();
        Client::connect().close(frame, &mut out).expect("open");
        let [close] = &Frame::read_all(&out)[..] else { panic!("one frame") };
        assert_eq!((close.first, &close.payload[..]), (0x88, payload));
        assert!(close.key.is_some());
    }
}

/// R6455-5.5.1-6: the answer repeats the code and the reason; an empty Close is answered by an
/// empty one; an end that has sent a Close sends no answer.
#[test]
fn a_close_is_answered_with_the_same_body() {
    fn check<R: End>() {
        for payload in [&b""[..], b"\x03\xE8", b"\x03\xE9going", b"\x0F\xA0", b"\x03\xF6\xC3\xA9"] {
            let close = R::from_peer(0x88, payload);
            let mut out = Vec::new();
            feed(&mut R::connect(), &close, &mut out).expect("a legal Close");
            let [answer] = &Frame::read_all(&out)[..] else { panic!("one frame") };
            assert_eq!((answer.first, &answer.payload[..]), (0x88, payload));

            let mut out = Vec::new();
            let mut ws = R::connect();
            ws.close(None, &mut out).expect("open");
            let before = out.clone();
            feed(&mut ws, &close, &mut out).expect("a legal Close");
            assert_eq!(out, before);
        }
    }
    check::<Server>();
    check::<Client>();
}

/// Invariant 5: data sent before the Close goes out before it, in order.
#[test]
fn messages_sent_before_the_close_precede_it() {
    let mut ws = Client::connect();
    let mut out = Vec::new();
    ws.send_text("one", &mut out).expect("open");
    ws.ping(b"two", &mut out).expect("open");
    ws.sender().send_binary_fragment(b"three", false, &mut out).expect("open");
    ws.close(None, &mut out).expect("open");
    let firsts: Vec<_> = Frame::read_all(&out).iter().map(|frame| frame.first).collect();
    assert_eq!(firsts, [0x81, 0x89, 0x02, 0x88]);
}

/// R6455-6.1-1, R6455-5.5.1-7: after the peer's Close, the rest of a half-sent message is refused;
/// the answer does not wait for it.
#[test]
fn the_peers_close_ends_a_half_sent_message() {
    let mut ws = Server::connect();
    let mut out = Vec::new();
    ws.sender().send_text_fragment("half", false, &mut out).expect("open");
    feed(&mut ws, &Server::from_peer(0x88, b"\x03\xE8"), &mut out).expect("a legal Close");
    let closed = out.clone();
    assert_eq!(ws.sender().send_text_fragment("", true, &mut out), Err(SendError::Closed));
    assert_eq!(out, closed);
    assert_eq!(out, b"\x01\x04half\x88\x02\x03\xE8");
}

/// Returns whether the code may appear in a frame, and whether applications may set it.
fn table_e(code: u16) -> (bool, bool) {
    match code {
        1000 | 3000..=4999 => (true, true),
        1001..=1003 | 1007..=1014 => (true, false),
        _ => (false, false),
    }
}

/// R6455-7.4.1-1, R6455-7.4.1-2, R6455-7.4.1-3, R6455-7.4.2-1, A30, A35: all 65536 codes; 1005,
/// 1006 and 1015 can be neither created nor received, so no echo writes them either.
#[test]
fn only_the_codes_of_the_table_can_be_sent_or_received() {
    for number in 0..=u16::MAX {
        let code = CloseCode::from(number);
        let (in_frames, by_applications) = table_e(number);
        assert_eq!(code.is_sendable(), in_frames, "{number}");
        assert_eq!(code.is_application(), by_applications, "{number}");
        assert_eq!(u16::from(code), number);

        let made = CloseFrame::new(code, "");
        let bytes = number.to_be_bytes();
        let parsed = CloseFrame::parse(&bytes);
        if in_frames {
            assert_eq!(parsed, Ok(made.ok()), "{number}");
        } else {
            assert_eq!(made, Err(CloseError::CodeNotAllowed(code)), "{number}");
            assert_eq!(parsed, Err(Error::InvalidCloseCode), "{number}");
        }
    }
}

/// R6455-7.4.1-4: 1010 is for clients; a server refused it may still close with another code.
#[test]
fn a_server_does_not_send_1010() {
    let body = CloseFrame::new(CloseCode::MANDATORY_EXTENSION, "permessage-deflate");
    let body = body.expect("a body");
    let mut out = Vec::new();
    let mut server = Server::connect();
    assert_eq!(server.close(Some(&body), &mut out), Err(SendError::ClientOnlyCode));
    assert!(out.is_empty());
    assert_eq!(server.closing(), Closing::Open);
    assert_eq!(server.close(None, &mut out), Ok(()));
    assert_eq!(out, [0x88, 0]);

    let mut out = Vec::new();
    assert_eq!(Client::connect().close(Some(&body), &mut out), Ok(()));
    assert_eq!(Frame::read_all(&out)[0].close_code(), Some(1010));
}

/// Every sendable code is written unchanged, in both roles.
#[test]
fn every_sendable_code_is_written_unchanged() {
    for number in (1000..=4999).filter(|code| table_e(*code).0 && *code != 1010) {
        let body = CloseFrame::new(CloseCode::from(number), "").expect("a code of the table");
        let (mut by_server, mut by_client) = (Vec::new(), Vec::new());
        Server::connect().close(Some(&body), &mut by_server).expect("open");
        assert_eq!(by_server, [&[0x88, 2][..], &number.to_be_bytes()].concat());
        Client::connect().close(Some(&body), &mut by_client).expect("open");
        assert_eq!(Frame::read_all(&by_client)[0].close_code(), Some(number));
    }
}

/// A34, I11, R6455-5.5.1-2: 123 bytes fit, 124 do not, and no reason is truncated silently.
#[test]
fn a_reason_holds_123_bytes_and_is_never_cut() {
    let fitting = ["r".repeat(123), format!("{}é", "r".repeat(121)), "é".repeat(61) + "r"];
    for reason in fitting {
        assert_eq!(reason.len(), MAX_REASON_LEN);
        let body = CloseFrame::normal(&*reason).expect("123 bytes fit");
        let mut out = Vec::new();
        Server::connect().close(Some(&body), &mut out).expect("open");
        assert_eq!(out, [b"\x88\x7D\x03\xE8", reason.as_bytes()].concat());
        assert_eq!(Frame::read_all(&out)[0].first & 0x0F, Opcode::Close as u8);
    }
    for reason in ["r".repeat(124), format!("{}é", "r".repeat(122)), "é".repeat(62)] {
        assert_eq!(reason.len(), 124);
        let refused = Err(CloseError::ReasonTooLong { len: 124 });
        assert_eq!(CloseFrame::normal(&*reason), refused);
        assert_eq!(CloseFrame::new(CloseCode::from(3000), reason), refused);
    }
}

/// R6455-5.5-1: the body of a Close has at most 125 bytes, also when it is parsed on its own.
#[test]
fn a_close_body_holds_125_bytes() {
    let body = [&[0x03, 0xE8][..], &[b'r'; MAX_REASON_LEN]].concat();
    let frame = CloseFrame::parse(&body).expect("125 bytes").expect("a body");
    assert_eq!(frame.reason().len(), MAX_REASON_LEN);
    for more in [1, 2, 1000] {
        let longer = [&body[..], &vec![b'r'; more]].concat();
        assert_eq!(CloseFrame::parse(&longer), Err(Error::ControlTooLong));
    }
}
