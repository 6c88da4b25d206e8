//! Receiving compressed messages.

use flate2::FlushCompress;
use wsproto::frame::Opcode;
use wsproto::{Config, Connection, Error, Event, Server};

use crate::support::*;

fn text(text: &str) -> Event<'static> {
    Event::Text(text.to_owned().into())
}

fn binary(bytes: &[u8]) -> Event<'static> {
    Event::Binary(bytes.to_vec().into())
}

/// Receives `wire` however it is cut.
fn all_cuts(takeover: bool, wire: &[u8], expected: &[Event<'static>]) {
    for step in [1, 2, 3, 5, 11, wire.len()] {
        let events = receive(&mut server(agreed(15, takeover)), wire, step);
        assert_eq!(events.as_deref(), Ok(expected), "cut every {step} bytes");
    }
}

/// The examples of RFC 7692 section 7.2.3. R7692-7.2.2-1, R7692-7.2.1-1, R7692-7.2.1-2
#[test]
fn the_examples_of_the_rfc_are_inflated() {
    for payload in [
        &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00][..],
        // A stored block.
        &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
        // BFINAL = 1.
        &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
        // Two blocks.
        &[0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
    ] {
        all_cuts(true, &message(Opcode::Text, payload), &[text("Hello")]);
        all_cuts(false, &message(Opcode::Binary, payload), &[binary(b"Hello")]);
    }
}

/// R7692-6-4
#[test]
fn fragments_are_joined_and_then_inflated() {
    let payload = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    for size in 1..payload.len() {
        let mut wire = Vec::new();
        let last = payload.len().div_ceil(size) - 1;
        for (index, part) in payload.chunks(size).enumerate() {
            let opcode = if index == 0 { RSV1 | 1 } else { 0 };
            frame(opcode | if index == last { 0x80 } else { 0 }, part, &mut wire);
            // A control frame between fragments is never compressed.
            frame(0x8A, b"pong", &mut wire);
        }
        let mut expected = vec![Event::Pong(b"pong"[..].into()); last];
        expected.extend([text("Hello"), Event::Pong(b"pong"[..].into())]);
        all_cuts(true, &wire, &expected);
    }
}

/// R7692-6-2
#[test]
fn plain_and_compressed_messages_alternate() {
    let mut wire = Vec::new();
    frame(0x81, b"plain", &mut wire);
    frame(0xC1, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], &mut wire);
    frame(0x01, b"pl", &mut wire);
    frame(0x80, b"ain", &mut wire);
    // It refers to the compressed message, not to the plain ones between.
    frame(0xC1, &[0xF2, 0x00, 0x11, 0x00, 0x00], &mut wire);
    frame(0x82, b"plain", &mut wire);
    let expected = [text("plain"), text("Hello"), text("plain"), text("Hello"), binary(b"plain")];
    all_cuts(true, &wire, &expected);
}

/// R7692-7.2.2-3
#[test]
fn the_window_is_kept_between_messages_unless_it_was_agreed_not_to() {
    let mut wire = message(Opcode::Text, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    wire.extend(message(Opcode::Text, &[0xF2, 0x00, 0x11, 0x00, 0x00]));
    all_cuts(true, &wire, &[text("Hello"), text("Hello")]);
    assert_eq!(error(|| server(agreed(15, false)), &wire), (Error::InvalidDeflate, 1007));
}

/// R7692-7.2.2-4, R7692-7.1.2-4
#[test]
fn a_message_may_refer_to_the_whole_window_that_was_agreed() {
    for window in 9..=15 {
        for level in [1, 6, 9] {
            let mut zlib = Zlib::new(level, window);
            let mut wire = Vec::new();
            let unique = noise(1 << window);
            let mut expected = Vec::new();
            for index in 0..4 {
                // Half a window back, and nearly a whole one.
                let len = (1 << window) / if index % 2 == 0 { 2 } else { 1 } - (1 << window) / 8;
                let payload = &unique[..len];
                wire.extend(message(Opcode::Binary, &zlib.message(payload)));
                expected.push(binary(payload));
            }
            for step in [1000, wire.len()] {
                let events = receive(&mut server(agreed(window, true)), &wire, step);
                assert_eq!(events.as_ref(), Ok(&expected), "{window} {level}");
            }
        }
    }
}

/// Old versions of zlib use a window of 512 bytes when told 256.
#[test]
fn a_peer_with_a_window_of_256_bytes_may_use_512() {
    let mut zlib = Zlib::new(6, 9);
    let payload = noise(240);
    let mut wire = message(Opcode::Binary, &zlib.message(&payload));
    wire.extend(message(Opcode::Binary, &zlib.message(&payload)));
    let events = receive(&mut server(agreed(8, true)), &wire, 100);
    assert_eq!(events, Ok(vec![binary(&payload), binary(&payload)]));
}

/// R7692-7.2.2-2
#[test]
fn final_blocks_may_appear_anywhere_and_the_window_is_kept() {
    let part = json(3000);
    // A message of two streams, each with a final block; the second refers to the first.
    for finals in [1, 2, 5] {
        let mut payload = Vec::new();
        let mut first = Zlib::new(6, 15);
        payload.extend(first.flush(part.as_bytes(), FlushCompress::Finish));
        for _ in 1..finals {
            payload.extend([0x03, 0x00]); // an empty final block
        }
        payload.extend([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
        let whole = format!("{part}Hello");
        // With the end of an empty block behind it, as section 7.2.3.4 has it, and without.
        for end in [&[0x00][..], &[]] {
            let wire = message(Opcode::Text, &[&payload, end].concat());
            // The next message refers to the end of this one: "Hello" again.
            let mut twice = wire.clone();
            twice.extend(message(Opcode::Text, &[0xF2, 0x00, 0x11, 0x00, 0x00]));
            all_cuts(true, &twice, &[text(&whole), text("Hello")]);
            all_cuts(false, &wire, &[text(&whole)]);
        }
    }
}

/// The window behind a final block has the bytes of this message and of those before it.
#[test]
fn behind_a_final_block_a_match_reaches_back_into_earlier_messages() {
    let unique = noise(20_000);
    let mut zlib = Zlib::new(6, 15);
    let mut wire = message(Opcode::Binary, &zlib.message(&unique[..10_000]));
    // Nothing but a final block; the stream goes on behind it.
    let second = zlib.message(&unique[10_000..]);
    let third = zlib.message(&unique);
    wire.extend(message(Opcode::Binary, &[&[0x03, 0x00][..], &second].concat()));
    wire.extend(message(Opcode::Binary, &[&[0x03, 0x00][..], &third].concat()));
    let expected = [binary(&unique[..10_000]), binary(&unique[10_000..]), binary(&unique)];
    all_cuts(true, &wire, &expected);
}

#[test]
fn an_empty_message_may_be_compressed() {
    for payload in [&[0x00][..], &[0x02, 0x00], &[0x03, 0x00], &[]] {
        let result = receive(&mut server(agreed(15, true)), &message(Opcode::Text, payload), 100);
        match payload {
            // The bytes that a receiver appends make no block alone.
            [] => assert_eq!(result, Err(Error::InvalidDeflate)),
            _ => assert_eq!(result, Ok(vec![text("")]), "{payload:?}"),
        }
    }
}

/// R7692-6-3
#[test]
fn text_is_validated_after_inflating() {
    for (bytes, valid) in [
        (&b"gr\xC3\xBC\xC3\x9Fe"[..], true),
        (b"gr\xC3", false),
        (b"gr\xFFn", false),
        (b"\xED\xA0\x80", false),
    ] {
        let wire = message(Opcode::Text, &Zlib::new(6, 15).message(bytes));
        if valid {
            let expected = String::from_utf8(bytes.to_vec()).expect("valid");
            all_cuts(true, &wire, &[text(&expected)]);
        } else {
            assert_eq!(error(|| server(agreed(15, true)), &wire), (Error::InvalidUtf8, 1007));
        }
        // The compressed bytes themselves are no text, and the opcode stays.
        let wire = message(Opcode::Binary, &Zlib::new(6, 15).message(bytes));
        all_cuts(true, &wire, &[binary(bytes)]);
    }
}

/// R7692-9-1
#[test]
fn the_limit_counts_inflated_bytes_exactly() {
    for limit in [1, 2, 100, 1000, 65_535, 65_536, 65_537, 200_000] {
        let new = || {
            let config = config().max_message_size(limit);
            Connection::<Server>::new(Server, config, agreed(15, true).into())
        };
        let zeros = |len: u64| vec![0; usize::try_from(len).expect("small")];
        for opcode in [Opcode::Text, Opcode::Binary] {
            let exact = message(opcode, &Zlib::new(9, 15).message(&zeros(limit)));
            assert!(receive(&mut new(), &exact, 77).is_ok_and(|events| events.len() == 1));
            for len in [limit + 1, limit + 2, 8 * limit, limit + (1 << 20)] {
                let longer = message(opcode, &Zlib::new(9, 15).message(&zeros(len)));
                assert_eq!(error(new, &longer), (Error::MessageTooBig, 1009), "{limit} {len}");
                let mut ws = new();
                assert!(receive(&mut ws, &longer, 77).is_err());
                let violation = ws.violation().expect("an error").to_string();
                assert!(violation.contains("the limit is"), "{violation}");
            }
        }
    }
}

/// A frame that is not compressed has the same limit as ever, and a compressed one a little more.
#[test]
fn compressed_bytes_are_limited_at_the_header() {
    let new = || {
        let config = Config::clone(&config()).max_message_size(10_240);
        Connection::<Server>::new(Server, config, agreed(15, true).into())
    };
    let stored = |len: u16| {
        let mut payload = vec![0];
        payload.extend(len.to_le_bytes());
        payload.extend((!len).to_le_bytes());
        payload.extend(noise(len.into()));
        payload.push(0);
        payload
    };
    // Stored blocks make a message longer than it inflates to.
    let wire = message(Opcode::Binary, &stored(10_240));
    assert!(receive(&mut new(), &wire, 1000).is_ok_and(|events| events.len() == 1));
    // Header and first bytes of a message of 10 240 + 10 + 64 bytes, and of one more.
    for (len, allowed) in [(10_314_u16, true), (10_315, false)] {
        let mut wire = vec![0xC2, 0xFE];
        wire.extend(len.to_be_bytes());
        wire.extend([0; 4]);
        for step in [1, 4, 8] {
            let result = receive(&mut new(), &wire, step);
            let expected = if allowed { Ok(vec![]) } else { Err(Error::MessageTooBig) };
            assert_eq!(result, expected, "{len}");
        }
        // The sum of fragments counts.
        let mut wire = Vec::new();
        frame(0x42, &[0; 314], &mut wire);
        frame(0x00, &[], &mut wire);
        wire.extend([0x80, 0xFE]);
        wire.extend((len - 314).to_be_bytes());
        let expected = if allowed { Ok(vec![]) } else { Err(Error::MessageTooBig) };
        assert_eq!(receive(&mut new(), &wire, 5), expected, "{len}");
    }
    // A plain message has no such allowance.
    let mut plain = vec![0x82, 0xFE];
    plain.extend(10_241_u16.to_be_bytes());
    assert_eq!(receive(&mut new(), &plain, 1), Err(Error::MessageTooBig));
}

/// `next_event_in_place` hands out owned messages.
#[test]
fn compressed_messages_may_wait_in_the_input() {
    let whole = json(5000);
    let wire = message(Opcode::Text, &Zlib::new(6, 15).message(whole.as_bytes()));
    let mut ws = server(agreed(15, true));
    let mut out = Vec::new();
    let mut buffer = Vec::new();
    let mut events = Vec::new();
    for part in wire.chunks(100) {
        buffer.extend_from_slice(part);
        let mut input = &mut buffer[..];
        while let Some(event) = ws.next_event_in_place(&mut input, 4096, &mut out).expect("valid") {
            events.push(event.into_owned());
        }
        let left = input.len();
        buffer.drain(..buffer.len() - left);
    }
    assert_eq!(events, [text(&whole)]);
}
