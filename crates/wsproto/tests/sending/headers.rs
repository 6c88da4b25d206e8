//! Headers byte by byte, together with a frame and alone.

use wsproto::frame::{Header, Opcode};
use wsproto::mask::Mask;
use wsproto::{Client, SendError, Server};
use wsproto_testing::{End, header, xor};

use crate::written::written;

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
