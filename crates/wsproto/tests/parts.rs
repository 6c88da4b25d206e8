//! The parts, compared with naive code for the same task: masking, UTF-8, headers.

use core::str;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wsproto::Error;
use wsproto::frame::{Expect, Header, MAX_HEADER_LEN, NextData, Opcode};
use wsproto::mask::Mask;
use wsproto::utf8::Utf8;
use wsproto_testing::{self, header, xor};

/// A13, R6455-5.3-4: every length to 200 and every phase, at every alignment to 8.
#[test]
fn masking_equals_the_byte_loop_at_every_length_and_phase() {
    const KEY: [u8; 4] = [1, 2, 3, 4];
    let bytes: Vec<u8> = (0..=255).cycle().take(220).collect();
    for len in 0..=200 {
        for phase in 0..4 {
            let expected = xor(&bytes[..phase + len], KEY)[phase..].to_vec();
            for start in 0..8 {
                let mut mask = Mask::new(KEY);
                mask.apply(&mut [0; 3][..phase]);
                let mut buffer = vec![0; start];
                buffer.extend_from_slice(&bytes[phase..phase + len]);
                let (_, payload) = buffer.split_at_mut(start);
                mask.apply(payload);
                assert_eq!(payload, expected, "{len} bytes from phase {phase}");
            }
            let mut mask = Mask::new(KEY);
            mask.append(&[0; 3][..phase], &mut Vec::new());
            let mut out = b"before".to_vec();
            mask.append(&bytes[phase..phase + len], &mut out);
            assert_eq!(out, [b"before", &expected[..]].concat());
        }
    }
}

/// The block structure of long masking is not observable.
#[test]
fn masking_equals_the_byte_loop_beyond_a_block() {
    const KEY: [u8; 4] = [9, 8, 7, 6];
    for len in [511, 512, 513, 1061, 2047, 2048, 2049, 2111, 4095, 4096, 4097, 20_001] {
        let bytes: Vec<u8> = (0..=250).cycle().take(len + 3).collect();
        for phase in 0..4 {
            let expected = xor(&bytes[..phase + len], KEY);
            // Every relevant alignment to a line of 64 bytes.
            for start in [0, 1, 2, 6, 8, 14, 31, 32, 63] {
                let mut mask = Mask::new(KEY);
                mask.apply(&mut [0; 3][..phase]);
                let mut buffer = vec![0; start];
                buffer.extend_from_slice(&bytes[phase..phase + len]);
                let (_, payload) = buffer.split_at_mut(start);
                mask.apply(payload);
                assert!(
                    payload == &expected[phase..],
                    "{len} bytes from phase {phase}, at {start}"
                );

                for room in [0, 10_000] {
                    let mut mask = Mask::new(KEY);
                    let mut out = Vec::with_capacity(room);
                    out.resize(start, 0);
                    mask.append(&bytes[..phase], &mut out);
                    mask.append(&bytes[phase..phase + len], &mut out);
                    let (_, appended) = out.split_at(start);
                    assert!(appended == expected, "{len} bytes from phase {phase}, behind {start}");
                }
            }
        }
    }
}

/// The lengths at which code that works in blocks would fail.
const EDGES: [usize; 16] = [0, 1, 3, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129];

/// Validates the parts in order; returns the resulting text, or nothing if it is invalid.
fn validate(parts: &[&[u8]]) -> Option<String> {
    let mut utf8 = Utf8::new();
    let mut text = String::new();
    for part in parts {
        let (character, whole) = utf8.push(part).ok()?;
        text.extend(character);
        text.push_str(whole);
        assert_eq!(utf8.is_complete(), utf8.begun().is_empty());
        assert_eq!(utf8.is_complete(), utf8.missing() == 0);
        assert!(utf8.begun().len() + utf8.missing() <= 4);
    }
    utf8.finish().ok()?;
    Some(text)
}

fn assert_as_std(bytes: &[u8], parts: &[&[u8]]) {
    assert_eq!(validate(parts).as_deref(), str::from_utf8(bytes).ok(), "{bytes:02X?}");
    assert_eq!(validate(&[bytes]).as_deref(), str::from_utf8(bytes).ok(), "{bytes:02X?}");
}

/// A27: a character or an error at every position around the block edges, cut at every position.
#[test]
fn utf8_equals_std_around_the_edges() {
    let tails: [&[u8]; 10] = [
        b"x",
        "é".as_bytes(),
        "€".as_bytes(),
        "\u{10FFFF}".as_bytes(),
        b"\xC3",
        b"\xE2\x82",
        b"\xF0\x9F\x98",
        b"\x80",
        b"\xED\xA0\x80",
        b"\xC0\x80",
    ];
    for len in EDGES {
        for tail in tails {
            for after in [0, 1, 16] {
                let mut bytes = vec![b'a'; len];
                bytes.extend_from_slice(tail);
                bytes.resize(bytes.len() + after, b'z');
                for cut in 0..=bytes.len() {
                    let (front, back) = bytes.split_at(cut);
                    assert_as_std(&bytes, &[front, back]);
                }
                let single: Vec<_> = bytes.chunks(1).collect();
                assert_as_std(&bytes, &single);
            }
        }
    }
}

/// R6455-8.1-2: a part is refused exactly if no continuation could make it valid. All pairs of
/// bytes, followed by every byte at which a rule changes; `core` is the reference.
#[test]
fn utf8_is_refused_at_the_first_byte_that_is_wrong() {
    let check = |bytes: &[u8]| {
        // `core` reports an incomplete character as an error without a length.
        let hopeless = str::from_utf8(bytes).is_err_and(|error| error.error_len().is_some());
        assert_eq!(Utf8::new().push(bytes).is_err(), hopeless, "{bytes:02X?}");
        let mut utf8 = Utf8::new();
        let bytewise = bytes.chunks(1).try_for_each(|byte| utf8.push(byte).map(drop));
        assert_eq!(bytewise.is_err(), hopeless, "{bytes:02X?}");
    };
    // The bytes at which the rules change.
    let edges = [
        0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
        0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFE, 0xFF,
    ];
    for a in 0..=255 {
        check(&[a]);
        for b in 0..=255 {
            check(&[a, b]);
            for c in edges {
                check(&[a, b, c]);
                if a >= 0xF0 {
                    edges.iter().for_each(|d| check(&[a, b, c, *d]));
                }
            }
        }
    }
}

fn cut<'a>(mut bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    for len in cuts {
        let (front, back) = bytes.split_at(bytes.len().min(*len));
        parts.push(front);
        bytes = back;
    }
    parts.push(bytes);
    parts
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![0..9_usize, 10..70_usize], 0..12)
}

/// Bytes that are almost text.
fn nearly_text() -> impl Strategy<Value = Vec<u8>> {
    let wrong = select(vec![0x80, 0xBF, 0xC0, 0xE0, 0xED, 0xF0, 0xF4, 0xF5, 0xFF]);
    (vec(any::<char>(), 0..60), proptest::option::of((any::<proptest::sample::Index>(), wrong)))
        .prop_map(|(chars, fault)| {
            let mut bytes = chars.into_iter().collect::<String>().into_bytes();
            if let (Some((place, wrong)), false) = (fault, bytes.is_empty()) {
                let place = place.index(bytes.len());
                bytes[place] = wrong;
            }
            bytes
        })
}

fn headers() -> impl Strategy<Value = Header> {
    let opcodes = select(vec![
        Opcode::Continuation,
        Opcode::Text,
        Opcode::Binary,
        Opcode::Close,
        Opcode::Ping,
        Opcode::Pong,
    ]);
    let lens = prop_oneof![0..=125_u64, 126..=0xFFFF_u64, 0x1_0000..=u64::MAX >> 1];
    (opcodes, any::<bool>(), any::<Option<[u8; 4]>>(), lens).prop_map(|(opcode, fin, mask, len)| {
        match opcode.is_control() {
            true => Header { fin: true, rsv: 0, opcode, mask, len: len % 126 },
            false => Header { fin, rsv: 0, opcode, mask, len },
        }
    })
}

fn expect(header: &Header) -> Expect {
    let data = match header.opcode {
        Opcode::Continuation => NextData::Next,
        _ => NextData::First,
    };
    let masked = header.mask.is_some();
    Expect { masked, data, ..Expect::masked() }
}

proptest! {
    /// A13, R6455-5.3-4: masking in parts of any length, in place and copied.
    #[test]
    fn masking_in_parts_equals_the_byte_loop(
        key: [u8; 4], payload in vec(any::<u8>(), 0..300), cuts in cuts(),
    ) {
        let expected = xor(&payload, key);
        let (mut applied, mut appended) = (Vec::new(), Vec::new());
        let (mut in_place, mut copied) = (Mask::new(key), Mask::new(key));
        for part in cut(&payload, &cuts) {
            let mut bytes = part.to_vec();
            in_place.apply(&mut bytes);
            applied.extend(bytes);
            copied.append(part, &mut appended);
        }
        prop_assert_eq!(&applied, &expected);
        prop_assert_eq!(&appended, &expected);
        prop_assert_eq!(in_place, copied);
    }

    /// A27, R6455-8.1-1: text and almost-text, cut anywhere.
    #[test]
    fn utf8_in_parts_equals_std(bytes in nearly_text(), cuts in cuts()) {
        assert_as_std(&bytes, &cut(&bytes, &cuts));
    }

    /// A27: arbitrary bytes.
    #[test]
    fn utf8_of_any_bytes_equals_std(bytes in vec(any::<u8>(), 0..70), cuts in cuts()) {
        assert_as_std(&bytes, &cut(&bytes, &cuts));
    }

    /// R6455-5.2-5 to R6455-5.2-7: an encoded header parses to itself and matches a hand-written
    /// one byte for byte; a part of it is neither an error nor a header.
    #[test]
    fn headers_round_trip(header in headers(), more in vec(any::<u8>(), 0..4)) {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        prop_assert!(bytes.len() <= MAX_HEADER_LEN);
        let first = u8::from(header.fin) << 7 | header.opcode as u8;
        prop_assert_eq!(&bytes, &wsproto_testing::header(first, header.mask, header.len));

        let (size, expect) = (bytes.len(), expect(&header));
        for cut in 0..size {
            prop_assert_eq!(Header::parse(&bytes[..cut], &expect), Ok(None));
        }
        bytes.extend(more);
        prop_assert_eq!(Header::parse(&bytes, &expect), Ok(Some((header, size))));
    }

    /// I2: a part of a header is refused for the same reason as the whole header.
    #[test]
    fn a_header_is_refused_for_one_reason(bytes in vec(any::<u8>(), 14), max_len: u16) {
        for data in [NextData::First, NextData::Next, NextData::Exhausted] {
            let expect = Expect { data, max_len: max_len.into(), ..Expect::masked() };
            let whole = Header::parse(&bytes, &expect);
            for cut in 0..bytes.len() {
                match Header::parse(&bytes[..cut], &expect) {
                    Ok(None) => {}
                    decided => prop_assert_eq!(decided, whole),
                }
            }
            prop_assert!(!matches!(whole, Ok(None)), "14 bytes decide");
        }
    }
}

/// R6455-5.2-6: both sides of every length at which the form changes, and of the limit, which is
/// inclusive.
#[test]
fn lengths_around_the_edges() {
    for len in [0, 1, 125, 126, 127, 0xFFFF, 0x1_0000, u64::MAX >> 1] {
        let bytes = header(0x82, None, len);
        let expect = Expect { max_len: len, ..Expect::unmasked() };
        let parsed = Header::parse(&bytes, &expect).expect("within the limit");
        let (header, size) = parsed.expect("whole");
        assert_eq!((header.len, size), (len, bytes.len()));

        if len > 0 {
            let expect = Expect { max_len: len - 1, ..expect };
            assert_eq!(Header::parse(&bytes, &expect), Err(Error::MessageTooBig), "{len}");
        }
    }
}

/// R6455-5.8-1, R6455-9.1-4: a reserved bit is allowed exactly where its owner permits: on the
/// first frame of a message.
#[test]
fn a_reserved_bit_that_is_owned_is_for_first_frames() {
    let owned = Expect { rsv: 0x40, ..Expect::unmasked() };
    for (first, data, result) in [
        (0xC1, NextData::First, Ok(0x40)),
        (0x42, NextData::First, Ok(0x40)),
        (0x81, NextData::First, Ok(0)),
        (0xA1, NextData::First, Err(Error::ReservedBit)),
        (0xC0, NextData::Next, Err(Error::ReservedBit)),
        (0x80, NextData::Next, Ok(0)),
        (0xC9, NextData::First, Err(Error::ReservedBit)),
        (0xC8, NextData::Next, Err(Error::ReservedBit)),
    ] {
        let expect = Expect { data, ..owned };
        let parsed = Header::parse(&header(first, None, 5), &expect);
        let rsv = parsed.map(|header| header.expect("whole").0.rsv);
        assert_eq!(rsv, result, "{first:02X}");
    }
}
