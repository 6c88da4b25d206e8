//! Every error: how to cause it, its close code and its text.

mod support;

use core::error::Error as _;

use wsproto::utf8::{InvalidUtf8, Utf8};
use wsproto::{
    Client, CloseCode, CloseError, CloseFrame, Error, Event, Piece, SendError, Server,
    SessionError, Violation,
};
use wsproto_testing::{End, Frame, closes, header};

use support::{config, feed};

/// The input from the peer.
type Input = fn() -> Vec<u8>;

/// The error, input that causes it in a server (in a client, where only that can), the close code
/// (section 7.4.1), and the text.
const VIOLATIONS: [(Error, Input, u16, &str); 16] = [
    (Error::ReservedOpcode, || vec![0x83], 1002, "reserved opcode"),
    (Error::ReservedBit, || vec![0xC1], 1002, "reserved bit set without an extension that owns it"),
    (Error::FragmentedControl, || vec![0x09], 1002, "fragmented control frame"),
    (
        Error::UnexpectedContinuation,
        || vec![0x80],
        1002,
        "continuation frame without a message to continue",
    ),
    (
        Error::UnfinishedMessage,
        || [&Server::from_peer(0x01, b"a")[..], &[0x82]].concat(),
        1002,
        "new message before the previous one was finished",
    ),
    (
        Error::TooManyFragments,
        || [&Server::from_peer(0x01, b"a")[..], &Server::from_peer(0x00, b"b"), &[0x80]].concat(),
        1008,
        "message in too many fragments",
    ),
    (Error::UnmaskedFrame, || vec![0x81, 0x00], 1002, "unmasked frame from a client"),
    (Error::MaskedFrame, || vec![0x81, 0x80], 1002, "masked frame from a server"),
    (Error::ControlTooLong, || vec![0x89, 0xFE], 1002, "control frame longer than 125 bytes"),
    (
        Error::NonMinimalLength,
        || vec![0x82, 0xFE, 0, 125],
        1002,
        "payload length not in its shortest form",
    ),
    (
        Error::LengthTopBit,
        || vec![0x82, 0xFF, 0x80],
        1002,
        "most significant bit of the payload length is set",
    ),
    (Error::MessageTooBig, || header(0x82, Some([0; 4]), 201), 1009, "message too big"),
    (
        Error::InvalidUtf8,
        || Server::from_peer(0x81, b"\xFF"),
        1007,
        "text message is not valid UTF-8",
    ),
    (
        Error::TruncatedCloseCode,
        || Server::from_peer(0x88, b"\x03"),
        1002,
        "close frame with half a close code",
    ),
    (
        Error::InvalidCloseCode,
        || Server::from_peer(0x88, b"\x03\xED"),
        1002,
        "the peer's close code may not be sent",
    ),
    (
        Error::InvalidCloseReason,
        || Server::from_peer(0x88, b"\x03\xE8\xFF"),
        1007,
        "close reason is not valid UTF-8",
    ),
];

fn limits() -> wsproto::Config {
    config(|config| {
        config.max_fragments = 2;
        config.max_message_size = 200;
    })
}

fn check<R: End>(error: Error, bytes: &[u8], code: u16) {
    let mut out = Vec::new();
    let mut ws = R::connect_with(limits());
    assert_eq!(feed(&mut ws, bytes, &mut out), Err(error));
    assert_eq!(closes(&out), 1);
    let close = Frame::read_all(&out).pop().expect("a Close");
    assert_eq!(close.close_code(), Some(code), "{error:?}");
    assert_eq!(close.payload.len(), 2, "a Close for a violation has no reason");

    // I6: it is final, for pieces as for events.
    let mut late = R::from_peer(0x81, b"late");
    assert_eq!(ws.next_event(&mut &mut late[..], &mut out), Err(error));
    assert_eq!(ws.next_piece(&mut &mut late[..], &mut out), Err(error));
    assert_eq!(closes(&out), 1);

    // The same when messages are taken in pieces.
    let mut out = Vec::new();
    let mut ws = R::connect_with(limits());
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    let result = loop {
        match ws.next_piece(&mut input, &mut out) {
            Ok(Some(Piece::Text { .. })) => {}
            other => break other,
        }
    };
    assert_eq!(result, Err(error));
    assert_eq!(Frame::read_all(&out)[0].close_code(), Some(code), "{error:?}");
}

/// R6455-7.1.7-3, R6455-10.7-1, R6455-10.7-2, I6: one violation for each rule, and its Close on the
/// wire.
#[test]
fn every_violation_closes_with_its_code() {
    for (error, bytes, code, words) in VIOLATIONS {
        assert_eq!(error.close_code(), CloseCode::from(code), "{error:?}");
        assert_eq!(error.to_string(), words);
        assert!(error.source().is_none());
        match error {
            Error::MaskedFrame => check::<Client>(error, &bytes(), code),
            _ => check::<Server>(error, &bytes(), code),
        }
    }
    let mut variants = VIOLATIONS.map(|(error, ..)| format!("{error:?}"));
    variants.sort();
    assert!(variants.windows(2).all(|pair| pair[0] != pair[1]), "one row for each");
}

/// The details that a session reports of a violation are the same at every cut.
// T15, T16
#[test]
fn a_violation_is_reported_with_its_values() {
    fn told<R: End>(bytes: &[u8]) -> Violation {
        let run = |cut: usize| {
            let mut ws = R::connect_with(limits());
            assert_eq!(ws.violation(), None);
            let (front, back) = bytes.split_at(cut);
            let mut out = Vec::new();
            let error = [front, back].iter().find_map(|part| feed(&mut ws, part, &mut out).err());
            let violation = ws.violation().expect("a violation").clone();
            assert_eq!(violation, error.expect("an error"));
            violation
        };
        let whole = run(0);
        for cut in 1..=bytes.len() {
            assert_eq!(run(cut), whole, "cut at {cut}");
        }
        whole
    }
    let close = |payload: &[u8]| Server::from_peer(0x88, payload);
    let fragments = [Server::from_peer(0x01, b"a"), Server::from_peer(0x00, b"b")].concat();
    for (bytes, words) in [
        (
            close(b"\x03\xE7going"),
            "the peer's close code may not be sent: the peer sent code 999 and reason \"going\"",
        ),
        (
            close(b"\x03\xED"),
            "the peer's close code may not be sent: \
             the peer sent code 1005 No Status Received and reason \"\"",
        ),
        (
            close(b"\x0B\xB7a \xFF \"b\""),
            "the peer's close code may not be sent: \
             the peer sent code 2999 and reason \"a \u{FFFD} \\\"b\\\"\"",
        ),
        (
            close(b"\x03\xE8a\xFF"),
            "close reason is not valid UTF-8: \
             the peer sent code 1000 Normal Closure and reason \"a\u{FFFD}\"",
        ),
        (close(b"\x03"), "close frame with half a close code"),
        (
            header(0x82, Some([0; 4]), 201),
            "message too big: at least 201 bytes, and the limit is 200",
        ),
        // The first byte of the length decides, and gives only this lower bound.
        (
            header(0x82, Some([0; 4]), 2000),
            "message too big: at least 1792 bytes, and the limit is 200",
        ),
        (
            header(0x82, Some([0; 4]), 0x1_0203),
            "message too big: at least 65536 bytes, and the limit is 200",
        ),
        (
            [&Server::from_peer(0x01, &[b'x'; 150])[..], &header(0x80, Some([0; 4]), 51)].concat(),
            "message too big: at least 201 bytes, and the limit is 200",
        ),
        ([&fragments[..], &[0x80]].concat(), "message in too many fragments: the limit is 2"),
        (vec![0x83], "reserved opcode"),
    ] {
        let violation = told::<Server>(&bytes);
        assert_eq!(violation.to_string(), words);
        assert_eq!(SessionError::from(violation).to_string(), words);
    }
    let received = told::<Server>(&close(b"\x03\xE7going"));
    assert_eq!(received.received_close(), Some((CloseCode::from(999), "going")));

    let mut small = limits();
    small.max_frame_size = 10;
    let mut ws = Server::connect_with(small);
    let _ = feed(&mut ws, &header(0x82, Some([0; 4]), 11), &mut Vec::new());
    let words = ws.violation().map(ToString::to_string);
    assert_eq!(words.as_deref(), Some("message too big: at least 11 bytes, and the limit is 10"));
}

/// A reason is cut at a character boundary, and only if it is too long.
// T14
#[test]
fn a_reason_can_be_truncated_to_fit() {
    let cut = |reason: &str| {
        let owned = CloseFrame::truncated(4000.into(), reason.to_owned()).expect("a code");
        let frame = CloseFrame::truncated(4000.into(), reason).expect("a code");
        assert_eq!(frame, owned);
        frame.reason().len()
    };
    assert_eq!(cut(""), 0);
    assert_eq!(cut(&"x".repeat(123)), 123);
    assert_eq!(cut(&"x".repeat(200)), 123);
    assert_eq!(cut(&"\u{e9}".repeat(100)), 122);
    assert_eq!(cut(&"\u{20ac}".repeat(100)), 123);
    assert_eq!(cut(&format!("{}\u{1f600}", "x".repeat(120))), 120);
    let code = CloseFrame::truncated(1005.into(), "x").expect_err("a local code");
    assert_eq!(code, CloseError::CodeNotAllowed(CloseCode::NO_STATUS));
}

/// An error of a part converts to the same error of a message.
#[test]
fn invalid_utf8_becomes_the_error_of_a_message() {
    let error = Utf8::new().push(b"\xC0").expect_err("never valid");
    assert_eq!(Error::from(error), Error::InvalidUtf8);
    assert_eq!(InvalidUtf8.to_string(), "invalid UTF-8");
}

/// I11: each refusal to send, and that nothing was written.
#[test]
fn every_refusal_to_send() {
    let mut out = Vec::new();
    let mut ws = Server::connect();
    ws.sender().send_text_fragment("a", false, &mut out).expect("open");
    out.clear();

    let unfinished = ws.send_text("b", &mut out).expect_err("a message is unfinished");
    assert_eq!(unfinished, SendError::UnfinishedMessage);
    assert_eq!(unfinished.to_string(), "another message is unfinished");

    let too_long = ws.ping(&[0; 126], &mut out).expect_err("126 bytes");
    assert_eq!(too_long, SendError::ControlTooLong { len: 126 });
    assert_eq!(too_long.to_string(), "control frame payload of 126 bytes, but the maximum is 125");

    let body = CloseFrame::new(CloseCode::MANDATORY_EXTENSION, "").expect("a body");
    let client_only = ws.close(Some(&body), &mut out).expect_err("a server");
    assert_eq!(client_only, SendError::ClientOnlyCode);
    assert_eq!(client_only.to_string(), "close code 1010 is for clients only");
    assert!(out.is_empty());

    let beyond = Server::connect().sender().send_binary_header(1 << 63, &mut out);
    assert_eq!(beyond, Err(SendError::TooLong { len: 1 << 63 }));
    let words = beyond.expect_err("64 bits").to_string();
    assert_eq!(words, "message of 9223372036854775808 bytes, but the maximum is 2^63 - 1");
    assert!(out.is_empty());

    ws.close(None, &mut out).expect("open");
    let closed = ws.send_text("c", &mut out).expect_err("closed");
    assert_eq!(closed, SendError::Closed);
    assert_eq!(closed.to_string(), "the connection is closing or closed");
    assert_eq!(out, [0x88, 0]);

    let session = &mut wsproto::Session::server(limits(), core::time::Duration::ZERO);
    let not_open = session.sender().expect_err("no request yet");
    assert_eq!(not_open, SendError::NotOpen);
    assert_eq!(not_open.to_string(), "the connection is not open yet");
}

/// A35, I11: bodies that no Close can carry.
#[test]
fn every_body_that_cannot_be_created() {
    let code = CloseFrame::new(CloseCode::ABNORMAL, "").expect_err("a local code");
    assert_eq!(code, CloseError::CodeNotAllowed(CloseCode::ABNORMAL));
    assert_eq!(code.to_string(), "close code 1006 Abnormal Closure may not be sent");
    let unnamed = CloseFrame::new(CloseCode::from(2999), "").expect_err("an unassigned code");
    assert_eq!(unnamed.to_string(), "close code 2999 may not be sent");

    let reason = CloseFrame::normal("r".repeat(200)).expect_err("200 bytes");
    assert_eq!(reason, CloseError::ReasonTooLong { len: 200 });
    assert_eq!(reason.to_string(), "a close reason holds 123 bytes, not 200");
}

/// The texts of a session's own errors; `session` and `deadlines.rs` cause them.
#[test]
fn the_texts_of_session_errors() {
    for (error, words) in [
        (SessionError::EndOfInput, "the connection ended during the opening handshake"),
        (SessionError::Abandoned, "given up before the connection was open"),
        (SessionError::HandshakeTimeout, "the opening handshake timed out"),
        (SessionError::KeepAliveTimeout, "no pong from the peer within the keep-alive patience"),
        (SessionError::CloseTimeout, "no close from the peer within the close timeout"),
        (Error::ReservedBit.into(), "reserved bit set without an extension that owns it"),
    ] {
        assert_eq!(error.to_string(), words);
    }
}

/// The names of section 7.4.1 and the registry.
#[test]
fn close_codes_have_names() {
    for (code, name) in [
        (CloseCode::NORMAL, "1000 Normal Closure"),
        (CloseCode::GOING_AWAY, "1001 Going Away"),
        (CloseCode::PROTOCOL_ERROR, "1002 Protocol Error"),
        (CloseCode::UNSUPPORTED_DATA, "1003 Unsupported Data"),
        (CloseCode::NO_STATUS, "1005 No Status Received"),
        (CloseCode::ABNORMAL, "1006 Abnormal Closure"),
        (CloseCode::INVALID_PAYLOAD, "1007 Invalid Payload Data"),
        (CloseCode::POLICY_VIOLATION, "1008 Policy Violation"),
        (CloseCode::MESSAGE_TOO_BIG, "1009 Message Too Big"),
        (CloseCode::MANDATORY_EXTENSION, "1010 Mandatory Extension"),
        (CloseCode::INTERNAL_ERROR, "1011 Internal Error"),
        (CloseCode::SERVICE_RESTART, "1012 Service Restart"),
        (CloseCode::TRY_AGAIN_LATER, "1013 Try Again Later"),
        (CloseCode::BAD_GATEWAY, "1014 Bad Gateway"),
        (CloseCode::TLS_HANDSHAKE, "1015 TLS Handshake"),
        (CloseCode::from(4000), "4000"),
    ] {
        assert_eq!(code.to_string(), name);
        assert_eq!(format!("{code:?}"), name);
    }
}

/// An owned event outlives the input.
#[test]
fn events_can_be_owned() {
    let mut bytes = Server::from_peer(0x88, b"\x03\xE8bye");
    let mut ws = Server::connect();
    let event = ws.next_event(&mut &mut bytes[..], &mut Vec::new());
    let event = event.expect("legal").expect("whole").into_owned();
    drop(bytes);
    assert_eq!(event, Event::Close(CloseFrame::normal("bye").ok()));
}
