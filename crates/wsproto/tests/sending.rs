//! The output: headers byte by byte, masking keys, fragments, prepared messages, control frames,
//! and split connections (RFC 6455 sections 5 and 6.1).

mod support;

use std::collections::HashSet;

use wsproto::frame::{Header, Opcode};
use wsproto::mask::Mask;
use wsproto::{
    Client, CloseFrame, Closing, Config, Connection, Error, Event, PreparedMessage, Role,
    SendError, Sender, Server, SplitSender,
};
use wsproto_testing::{End, Frame, SEED, closes, header, xor};

use support::feed;

/// R6455-5.2-5, R6455-5.2-6, R6455-6.1-2: the payload length, and all bytes before the payload.
const HEADERS: [(u64, &[u8]); 11] = [
    (0, b"\x82\x00"),
    (1, b"\x82\x01"),
    (125, b"\x82\x7D"),
    (126, b"\x82\x7E\x00\x7E"),
    (127, b"\x82\x7E\x00\x7F"),
    (256, b"\x82\x7E\x01\x00"),
    (65_535, b"\x82\x7E\xFF\xFF"),
    (65_536, b"\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00"),
    (65_537, b"\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x01"),
    (1 << 32, b"\x82\x7F\x00\x00\x00\x01\x00\x00\x00\x00"),
    (i64::MAX as u64, b"\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
];

fn written<R: End>(send: impl FnOnce(&mut Sender<R>, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    send(R::connect().sender(), &mut out);
    out
}

/// R6455-5.1-3, R6455-5.2-5, R6455-5.2-6, R6455-5.2-7, R6455-6.1-2.
#[test]
fn headers_of_a_server_in_every_length_class() {
    for (len, header) in HEADERS {
        let mut out = Vec::new();
        let mask = Server::connect().sender().send_binary_header(len, &mut out);
        assert_eq!(mask, Ok(None), "a server has nothing to apply");
        assert_eq!(out, header, "{len}");
    }
}

/// R6455-5.1-1, R6455-5.2-7, R6455-5.3-1, R6455-6.1-5: as a server's, with the MASK bit and a key.
#[test]
fn headers_of_a_client_in_every_length_class() {
    for (len, plain) in HEADERS {
        let mut out = Vec::new();
        let mask = Client::connect().sender().send_binary_header(len, &mut out);
        let (head, key) = out.split_at(plain.len());
        assert_eq!(head[0], plain[0], "{len}");
        assert_eq!(head[1], plain[1] | 0x80, "{len}");
        assert_eq!(head[2..], plain[2..], "{len}");
        let key: [u8; 4] = key.try_into().expect("a key is four bytes");
        assert_eq!(mask, Ok(Some(Mask::new(key))), "{len}");
    }
}

/// R6455-5.1-1, R6455-5.1-3, R6455-5.4-1, R6455-6.1-2 to R6455-6.1-5: whole messages at the limits
/// of every length class; a client's unmasked payload equals a server's.
#[test]
fn messages_are_a_header_and_their_bytes() {
    for len in [0, 1, 124, 125, 126, 127, 4095, 4097, 65_535, 65_536, 70_000] {
        let text: String = ('a'..='z').cycle().take(len).collect();
        for (first, out) in [
            (0x81, written::<Server>(|ws, out| ws.send_text(&text, out).expect("open"))),
            (
                0x82,
                written::<Server>(|ws, out| ws.send_binary(text.as_bytes(), out).expect("open")),
            ),
        ] {
            let plain = [&header(first, None, len as u64)[..], text.as_bytes()].concat();
            assert!(out == plain, "{len} bytes from a server");
        }
        for (first, out) in [
            (0x81, written::<Client>(|ws, out| ws.send_text(&text, out).expect("open"))),
            (
                0x82,
                written::<Client>(|ws, out| ws.send_binary(text.as_bytes(), out).expect("open")),
            ),
        ] {
            let head_len = header(first, Some([0; 4]), len as u64).len();
            let (head, payload) = out.split_at(head_len);
            let key: [u8; 4] = head[head_len - 4..].try_into().expect("a key is four bytes");
            assert_eq!(head, header(first, Some(key), len as u64));
            assert!(payload == xor(text.as_bytes(), key), "{len} bytes from a client");
        }
    }
}

/// R6455-5.2-6, R6455-5.2-7: the examples of section 5.7.
#[test]
fn the_vectors_of_the_rfc() {
    let hello = written::<Server>(|ws, out| ws.send_text("Hello", out).expect("open"));
    assert_eq!(hello, b"\x81\x05Hello");
    let ping = written::<Server>(|ws, out| ws.ping(b"Hello", out).expect("open"));
    assert_eq!(ping, b"\x89\x05Hello");
    let fragments = written::<Server>(|ws, out| {
        ws.send_text_fragment("Hel", false, out).expect("open");
        ws.send_text_fragment("lo", true, out).expect("open");
    });
    assert_eq!(fragments, b"\x01\x03Hel\x80\x02lo");

    // With a chosen key, which only a hand-written header can have.
    let key = [0x37, 0xFA, 0x21, 0x3D];
    for (opcode, frame) in [
        (Opcode::Text, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
        (Opcode::Pong, b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
    ] {
        let mut out = Vec::new();
        Header { fin: true, rsv: 0, opcode, mask: Some(key), len: 5 }.encode(&mut out);
        Mask::new(key).append(b"Hello", &mut out);
        assert_eq!(out, frame);
    }
}

/// R6455-5.3-2, R6455-10.3-1: a fresh key for every frame, control frames and Close included.
#[test]
fn equal_frames_of_a_client_differ() {
    let mut ws = Client::connect();
    let mut out = Vec::new();
    for _ in 0..2 {
        ws.send_text("same", &mut out).expect("open");
        ws.send_binary(b"same", &mut out).expect("open");
        ws.ping(b"same", &mut out).expect("open");
        ws.sender().pong(b"same", &mut out).expect("open");
        ws.sender().send_text_fragment("same", false, &mut out).expect("open");
        ws.sender().send_text_fragment("same", true, &mut out).expect("open");
        feed(&mut ws, &Client::from_peer(0x89, b"same"), &mut out).expect("a Ping");
    }
    ws.close(None, &mut out).expect("open");
    let keys: HashSet<_> =
        Frame::read_all(&out).iter().map(|frame| frame.key.expect("masked")).collect();
    assert_eq!(keys.len(), 15);
}

fn keys(seed: [u8; 32], count: usize) -> Vec<u32> {
    let mut ws = Connection::client(Config::default(), seed);
    let mut out = Vec::with_capacity(6 * count);
    for _ in 0..count {
        ws.send_binary(b"", &mut out).expect("open");
    }
    let frames = out.as_chunks::<6>().0.iter();
    frames.map(|[.., a, b, c, d]| u32::from_be_bytes([*a, *b, *c, *d])).collect()
}

/// A55, I8, R6455-5.3-3, R6455-10.3-1: each bit of a key is unbiased and independent of the
/// previous key, keys hardly ever repeat, and another seed gives other keys.
#[test]
fn the_keys_of_a_million_frames_look_random() {
    const COUNT: usize = 1_000_000;
    let ours = keys(SEED, COUNT);
    assert_eq!(ours.len(), COUNT);
    assert_eq!(ours, keys(SEED, COUNT), "I8: the same seed gives the same keys");

    // A fair coin stays within five standard deviations of one half.
    let fair = |count: usize| count.abs_diff(COUNT / 2) < 2_500;
    for bit in 0..32 {
        assert!(fair(ours.iter().filter(|key| *key >> bit & 1 == 1).count()), "bit {bit}");
        let flips = ours.windows(2).filter(|pair| (pair[0] ^ pair[1]) >> bit & 1 == 1);
        assert!(fair(flips.count()), "bit {bit} against the key before");
    }
    // Among a million values from 2^32, about 116 pairs are equal.
    let distinct: HashSet<_> = ours.iter().copied().collect();
    assert!(COUNT - distinct.len() < 200);
    let theirs = keys([8; 32], COUNT);
    assert!(theirs.iter().filter(|key| distinct.contains(key)).count() < 400);
}

/// I8: the same seed and the same calls, the same bytes.
#[test]
fn one_seed_gives_one_output() {
    let run = |seed| {
        let mut ws = Connection::client(Config::default(), seed);
        let mut out = Vec::new();
        ws.send_text("a", &mut out).expect("open");
        feed(&mut ws, &Client::from_peer(0x89, b"b"), &mut out).expect("a Ping");
        ws.close(CloseFrame::normal("c").ok().as_ref(), &mut out).expect("open");
        out
    };
    assert_eq!(run(SEED), run(SEED));
    assert_ne!(run(SEED), run([8; 32]));
}

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

/// I11, R6455-5.2-4: no length with the most significant bit set is ever announced.
#[test]
fn a_header_of_2_to_the_63_bytes_is_refused() {
    fn check<R: End>() {
        for len in [1 << 63, u64::MAX] {
            let out = written::<R>(|ws, out| {
                let too_long = Err(SendError::TooLong { len });
                assert_eq!(ws.send_binary_header(len, out), too_long);
            });
            assert!(out.is_empty(), "{len}");
        }
    }
    check::<Server>();
    check::<Client>();
}

/// R6455-6.1-2, R6455-5.3-4: a separate header and the payload masked in parts equal the frame.
#[test]
fn a_separate_header_and_its_payload_equal_the_frame() {
    fn check<R: End>() {
        let text = "grüße ".repeat(30);
        let whole = written::<R>(|ws, out| {
            ws.send_text(&text, out).expect("open");
            ws.send_binary(text.as_bytes(), out).expect("open");
        });
        let by_hand = written::<R>(|ws, out| {
            let masks = |mask: Option<Mask>, out: &mut Vec<u8>| {
                let mut bytes = text.clone().into_bytes();
                let (front, back) = bytes.split_at_mut(77);
                if let Some(mut mask) = mask {
                    mask.apply(front);
                    mask.apply(back);
                }
                out.extend_from_slice(&bytes);
            };
            let mask = ws.send_text_header(&text, out).expect("open");
            masks(mask, out);
            let mask = ws.send_binary_header(text.len() as u64, out).expect("open");
            masks(mask, out);
        });
        assert_eq!(by_hand, whole);
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

/// The two halves, in two threads if desired, behave like the unsplit connection: R6455-5.5.2-1,
/// R6455-5.5.1-6, R6455-7.1.7-3.
#[test]
fn split_halves_reply_as_the_whole_does() {
    fn check<R: End>(input: &[u8]) {
        let mut whole_out = Vec::new();
        let mut whole = R::connect();
        let whole_result = feed(&mut whole, input, &mut whole_out);

        let mut out = Vec::new();
        let (mut receiver, mut sender) = R::connect().split();
        let mut bytes = input.to_vec();
        let mut input = &mut bytes[..];
        let mut events = Vec::new();
        let result = loop {
            match receiver.next_event(&mut input) {
                Ok(None) => break Ok(events),
                Ok(Some(event)) => {
                    sender.answer(&event, &mut out);
                    events.push(event.into_owned());
                }
                Err(error) => {
                    sender.fail(error, &mut out);
                    break Err(error);
                }
            }
        };
        assert_eq!(result, whole_result);
        assert_eq!(out, whole_out);
        assert_eq!(sender.sender().closing(), whole.closing());
        assert_eq!(sender.sender().advice(), whole.advice());
        assert_eq!(receiver.config(), whole.config());
    }
    fn both<R: End>() {
        let ping = R::from_peer(0x89, b"ping");
        let text = R::from_peer(0x81, b"text");
        let close = R::from_peer(0x88, b"\x03\xE8bye");
        check::<R>(&[&ping[..], &text, &ping, &close, &ping].concat());
        check::<R>(&[&text[..], &[0xC1]].concat());
    }
    both::<Server>();
    both::<Client>();
}

/// After the sending half has closed, events of the receiving half get no replies, although the
/// receiving half does not know of the Close: R6455-5.5.1-10.
#[test]
fn a_sender_that_has_closed_answers_nothing() {
    fn check<R: Role>((_, mut sender): (wsproto::Receiver<R>, SplitSender<R>)) {
        let mut out = Vec::new();
        sender.sender().close(None, &mut out).expect("open");
        sender.answer(&Event::Ping(b"?"[..].into()), &mut out);
        sender.answer(&Event::Close(None), &mut out);
        assert_eq!(closes(&out), 1);
        assert_eq!(sender.sender().closing(), Closing::Exchanged);
        sender.fail(Error::ReservedBit, &mut out);
        assert_eq!(closes(&out), 1);
    }
    check(Server::connect().split());
    check(Client::connect().split());
}

/// R6455-5.5-1, I11: an event built by the application, with a body that no frame can carry, causes
/// no overlong control frame.
#[test]
fn a_fabricated_event_gets_no_illegal_reply() {
    let mut out = Vec::new();
    let (_, mut sender) = Connection::server(Config::default()).split();
    sender.answer(&Event::Ping(vec![0; 126].into()), &mut out);
    assert_eq!(out, b"");

    let mut body = vec![b'x'; 126];
    body[..2].copy_from_slice(&1000_u16.to_be_bytes());
    assert_eq!(CloseFrame::parse(&body), Err(Error::ControlTooLong));
    assert!(CloseFrame::parse(&body[..125]).is_ok_and(|frame| frame.is_some()));
}
