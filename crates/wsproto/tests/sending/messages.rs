//! Fragments, control frames and prepared messages.

use wsproto::{Client, PreparedMessage, SendError, Sender, Server};
use wsproto_testing::{End, Frame, header};

use crate::written::written;

/// R6455-5.4-2, R6455-5.4-3, R6455-5.4-7, R6455-5.5.2-3, R6455-6.1-3, R6455-6.1-4: the first frame
/// has the opcode, the last has FIN, fragments may have any size, Pings and Pongs may come in
/// between.
#[test]
fn fragments_continue_the_message_that_the_first_began() {
    fn firsts<R: End>() -> Vec<(u8, Vec<u8>)> {
        let out = written::<R>(|ws, out| {
            ws.send_text_fragment("a", false, out).expect("open");
            ws.ping(b"?", out).expect("allowed between fragments");
            ws.send_text_fragment("", false, out).expect("open");
            ws.pong(b"!", out).expect("allowed between fragments");
            ws.send_text_fragment("é", true, out).expect("open");
            ws.send_binary_fragment(&[1; 300], true, out).expect("a message of one fragment");
            ws.send_binary_fragment(&[], false, out).expect("open");
            ws.send_binary_fragment(&[2], true, out).expect("open");
            ws.send_text("whole", out).expect("the message is finished");
        });
        Frame::read_all(&out).into_iter().map(|frame| (frame.first, frame.payload)).collect()
    }
    let frames: [(u8, &[u8]); 9] = [
        (0x01, b"a"),
        (0x89, b"?"),
        (0x00, b""),
        (0x8A, b"!"),
        (0x80, "é".as_bytes()),
        (0x82, &[1; 300]),
        (0x02, &[]),
        (0x80, &[2]),
        (0x81, b"whole"),
    ];
    assert_eq!(firsts::<Server>(), frames.map(|(first, payload)| (first, payload.to_vec())));
    assert_eq!(firsts::<Client>(), firsts::<Server>());
}

/// R6455-5.4-6, I11: between fragments no other message can begin, and the refusal changes nothing:
/// the next fragment continues the message.
#[test]
fn messages_never_interleave() {
    fn check<R: End>(text: bool) {
        let mut out = Vec::new();
        let mut ws = R::connect();
        let ws = ws.sender();
        let next = |ws: &mut Sender<R>, fin, out: &mut Vec<u8>| match text {
            true => ws.send_text_fragment("x", fin, out),
            false => ws.send_binary_fragment(b"x", fin, out),
        };
        next(ws, false, &mut out).expect("open");
        let begun = out.clone();

        let unfinished = Err(SendError::UnfinishedMessage);
        assert_eq!(ws.send_text("y", &mut out), unfinished);
        assert_eq!(ws.send_binary(b"y", &mut out), unfinished);
        assert_eq!(ws.send_prepared(&PreparedMessage::text("y"), &mut out), unfinished);
        assert_eq!(ws.send_text_header("y", &mut out).map(drop), unfinished);
        assert_eq!(ws.send_binary_header(1, &mut out).map(drop), unfinished);
        let prepared = PreparedMessage::text("y");
        assert_eq!(ws.send_prepared_header(&prepared, &mut out).map(drop), unfinished);
        assert_eq!(
            match text {
                true => ws.send_binary_fragment(b"y", true, &mut out),
                false => ws.send_text_fragment("y", true, &mut out),
            },
            unfinished
        );
        assert_eq!(out, begun, "nothing is written on an error");

        next(ws, true, &mut out).expect("open");
        let firsts: Vec<_> = Frame::read_all(&out).iter().map(|frame| frame.first).collect();
        assert_eq!(firsts, [if text { 0x01 } else { 0x02 }, 0x80]);
    }
    check::<Server>(true);
    check::<Server>(false);
    check::<Client>(true);
    check::<Client>(false);
}

/// R6455-5.5-1, R6455-5.5.2-3, R6455-5.5.3-3, I11: 125 bytes fit into a control frame, 126 do not.
#[test]
fn control_frames_hold_125_bytes() {
    fn check<R: End>() {
        for len in [0, 1, 125] {
            let out = written::<R>(|ws, out| {
                ws.ping(&vec![7; len], out).expect("it fits");
                ws.pong(&vec![8; len], out).expect("it fits");
            });
            let [ping, pong] = &Frame::read_all(&out)[..] else { panic!("two frames") };
            assert_eq!((ping.first, &ping.payload), (0x89, &vec![7; len]));
            assert_eq!((pong.first, &pong.payload), (0x8A, &vec![8; len]));
        }
        for len in [126, 127, 65_536] {
            let out = written::<R>(|ws, out| {
                let too_long = Err(SendError::ControlTooLong { len });
                assert_eq!(ws.ping(&vec![7; len], out), too_long);
                assert_eq!(ws.pong(&vec![8; len], out), too_long);
            });
            assert!(out.is_empty());
        }
    }
    check::<Server>();
    check::<Client>();
}

/// A prepared message equals the message sent directly; R6455-5.3-2: a client masks it anew each
/// time.
#[test]
fn a_prepared_message_equals_the_message() {
    for len in [0, 5, 125, 126, 70_000] {
        let text = "t".repeat(len);
        for prepared in [PreparedMessage::text(&text), PreparedMessage::binary(text.as_bytes())] {
            let kind = if prepared == PreparedMessage::text(&text) { 0x81 } else { 0x82 };
            assert_eq!(prepared.payload(), text.as_bytes());
            let plain = [&header(kind, None, len as u64)[..], text.as_bytes()].concat();
            let out = written::<Server>(|ws, out| ws.send_prepared(&prepared, out).expect("open"));
            assert!(out == plain, "{len} bytes from a server");
            let head = written::<Server>(|ws, out| {
                let mask = ws.send_prepared_header(&prepared, out).expect("open");
                assert!(mask.is_none(), "a server's payload goes as it is");
            });
            assert!([&head, prepared.payload()].concat() == plain, "its header alone");

            let out = written::<Client>(|ws, out| {
                ws.send_prepared(&prepared, out).expect("open");
                ws.send_prepared(&prepared, out).expect("open");
            });
            let [one, two] = &Frame::read_all(&out)[..] else { panic!("two frames") };
            assert_eq!((one.first, one.payload.as_slice()), (kind, text.as_bytes()));
            assert_eq!((two.first, &two.payload), (one.first, &one.payload));
            assert_ne!(one.key, two.key);
        }
    }
}

/// R6455-10.3-2: the payload is copied, masked, after the bytes in `out`; changing the original
/// changes no frame.
#[test]
fn sending_appends_a_copy() {
    let mut original = *b"first";
    let mut out = b"before".to_vec();
    Client::connect().send_binary(&original, &mut out).expect("open");
    original.fill(b'x');
    let frame = out.strip_prefix(b"before").expect("the existing bytes stay");
    assert_eq!(Frame::read_all(frame)[0].payload, b"first");
    assert_ne!(Frame::read_all(frame)[0].payload, original);
}
