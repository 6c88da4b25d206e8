//! Compressed messages that break a rule: the close code of the rule, and nothing left behind.

use std::time::Instant;

use wsproto::frame::Opcode;
use wsproto::{Config, Connection, Error, Server};

use crate::support::*;

fn new() -> Connection<Server> {
    server(agreed(15, true))
}

/// R7692-9-2
#[test]
fn what_is_not_deflate_is_refused() {
    let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    let cases: &[(&str, &[u8])] = &[
        ("a reserved type of block", &[0x07, 0x00]),
        ("a stored block whose lengths do not match", &[0x00, 0x05, 0x00, 0xFA, 0xFE, 1, 2, 3, 4]),
        ("a stored block that is cut", &[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65]),
        ("a stored block that swallows the bytes appended", &[0x00, 0x09, 0x00, 0xF6, 0xFF, 1, 2]),
        ("a fixed block that is cut", &hello[..4]),
        ("a dynamic block without codes", &[0x04, 0x00]),
        ("a dynamic block that is cut", &[0xED, 0xC1, 0x01]),
        ("a distance before the window", &[0xF2, 0x00, 0x11, 0x00, 0x00]),
        ("junk behind a message", &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xFE, 0xFF]),
        ("junk behind a final block", &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xFF]),
        ("a message without its last block", &hello[..6]),
        ("a zlib header", &[0x78, 0x9C, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]),
        ("nothing at all", &[]),
    ];
    for (about, payload) in cases {
        let wire = message(Opcode::Text, payload);
        assert_eq!(error(new, &wire), (Error::InvalidDeflate, 1007), "{about}");
        let wire = message(Opcode::Binary, payload);
        assert_eq!(error(new, &wire), (Error::InvalidDeflate, 1007), "{about}");
    }
}

/// The first fault in the order of the inflated bytes is reported.
#[test]
fn of_two_faults_the_first_is_reported() {
    // Text that is not UTF-8, then a reserved type of block.
    let mut invalid = Zlib::new(6, 15).flush(b"\xFF", flate2::FlushCompress::Sync);
    invalid.push(0x07);
    let wire = message(Opcode::Text, &invalid);
    assert_eq!(error(new, &wire), (Error::InvalidUtf8, 1007));
    let wire = message(Opcode::Binary, &invalid);
    assert_eq!(error(new, &wire), (Error::InvalidDeflate, 1007));
    // The limit, before either.
    let small = || {
        let config = Config::clone(&config()).max_message_size(10);
        Connection::<Server>::new(Server, config, agreed(15, true).into())
    };
    let mut long = Zlib::new(6, 15).flush(&[b'a'; 20], flate2::FlushCompress::Sync);
    long.push(0x07);
    assert_eq!(error(small, &message(Opcode::Text, &long)), (Error::MessageTooBig, 1009));
    let invalid = Zlib::new(6, 15).message(&[&[b'a'; 5][..], b"\xFF", &[b'a'; 20]].concat());
    assert_eq!(error(small, &message(Opcode::Text, &invalid)), (Error::InvalidUtf8, 1007));
    // A character that the limit cuts is not invalid.
    let invalid = Zlib::new(6, 15).message("aaaaaaaaa\u{20AC}".as_bytes());
    assert_eq!(error(small, &message(Opcode::Text, &invalid)), (Error::MessageTooBig, 1009));
}

/// The output of the appended bytes, in a message that ends within a block, does not replace what the
/// message itself did.
#[test]
fn the_bytes_appended_change_nothing_of_the_message() {
    for text in [&b"abc"[..], b"ab\xFF", b"\xC3"] {
        // A stored block that is two bytes longer than the message: it swallows some of those appended.
        let len = u16::try_from(text.len() + 2).expect("short");
        let mut payload = vec![0];
        payload.extend(len.to_le_bytes());
        payload.extend((!len).to_le_bytes());
        payload.extend(text);
        let expected = match std::str::from_utf8(text) {
            Err(error) if error.error_len().is_some() => Error::InvalidUtf8,
            _ => Error::InvalidDeflate,
        };
        assert_eq!(error(new, &message(Opcode::Text, &payload)).0, expected, "{text:?}");
    }
}

/// R7692-6-1
#[test]
fn rsv1_may_be_set_on_the_first_frame_of_a_message_only() {
    for opcode in [0x8, 0x9, 0xA] {
        let mut wire = Vec::new();
        frame(0x80 | RSV1 | opcode, b"", &mut wire);
        assert_eq!(error(new, &wire), (Error::ReservedBit, 1002), "{opcode}");
    }
    for first in [0x01, 0x41, 0x02, 0x42] {
        let mut wire = Vec::new();
        frame(first, b"rH", &mut wire);
        frame(0x80 | RSV1, &[0xCD, 0xC9, 0xC9, 0x07, 0x00], &mut wire);
        assert_eq!(error(new, &wire), (Error::ReservedBit, 1002), "{first}");
    }
    // RSV2 and RSV3 have no owner.
    for rsv in [0x10, 0x20, 0x60] {
        let mut wire = Vec::new();
        frame(0x81 | rsv, b"", &mut wire);
        assert_eq!(error(new, &wire), (Error::ReservedBit, 1002), "{rsv}");
    }
    let plain = || Connection::server(config());
    let wire = message(Opcode::Text, &[0x00]);
    assert_eq!(error(plain, &wire), (Error::ReservedBit, 1002));
}

/// A thousand to one: what is held follows the limit, not the bomb. R7692-9-1, I4
#[test]
fn a_bomb_writes_one_limit_at_most() {
    let bomb = message(Opcode::Binary, &Zlib::new(9, 15).message(&vec![0; 64 << 20]));
    assert!(bomb.len() < 70_000);
    let mut ws = Connection::<Server>::new(
        Server,
        Config::clone(&config()).max_message_size(1 << 20),
        agreed(15, true).into(),
    );
    let mut wire = bomb.clone();
    let memory = allocation_counter::measure(|| {
        let (mut out, mut input) = (Vec::new(), &mut wire[..]);
        assert_eq!(ws.next_event(&mut input, &mut out), Err(Error::MessageTooBig));
    });
    // The message, moved once as it grows, and the inflater.
    assert!(memory.bytes_max <= (2 << 20) + (256 << 10), "{}", memory.bytes_max);
    assert!(memory.bytes_current < 1024, "{} bytes are left", memory.bytes_current);
}

/// Empty blocks inflate to nothing, for ever: the bytes on the wire are limited too.
#[test]
fn empty_blocks_end_at_the_limit() {
    let limit = 100_000;
    let new = || {
        let config = Config::clone(&config()).max_message_size(limit);
        Connection::<Server>::new(Server, config, agreed(15, true).into())
    };
    let blocks: Vec<u8> = [0x00, 0x00, 0x00, 0xFF, 0xFF].repeat(1000);
    let mut ws = new();
    let mut sent = 0;
    let failed = loop {
        let mut wire = Vec::new();
        frame(if sent == 0 { 0x42 } else { 0x00 }, &blocks, &mut wire);
        sent += blocks.len() as u64;
        if let Err(error) = receive(&mut ws, &wire, 4096) {
            break error;
        }
        assert!(sent < 2 * limit);
    };
    assert_eq!(failed, Error::MessageTooBig);
    // So many that are allowed are an empty message.
    let some = [blocks.repeat(19), vec![0]].concat();
    let events = receive(&mut new(), &message(Opcode::Binary, &some), 10_000);
    assert_eq!(events.map(|events| events.len()), Ok(1));
}

/// Behind each final block the window is loaded again, so their number is bounded. I9
#[test]
fn a_flood_of_final_blocks_is_refused() {
    let start = Instant::now();
    let flood = message(Opcode::Binary, &[0x03, 0x00].repeat(500_000));
    assert_eq!(receive(&mut new(), &flood, flood.len()), Err(Error::InvalidDeflate));
    // Generous: with a window for each block it takes minutes.
    assert!(start.elapsed().as_secs() < 10);
    let few = [[0x03, 0x00].repeat(60), vec![0]].concat();
    assert!(receive(&mut new(), &message(Opcode::Binary, &few), 7).is_ok());
}

/// Compressed bytes are kept as they arrive; no codec state is held for them. I4
#[test]
fn half_a_message_holds_what_arrived_of_it() {
    let compressed = Zlib::new(6, 15).message(&noise(10_000));
    for arrived in [1, 100, 5000] {
        let mut wire = Vec::new();
        frame(0x42, &compressed[..arrived], &mut wire);
        let mut ws = new();
        let mut out = Vec::new();
        let memory = allocation_counter::measure(|| {
            let mut input = &mut wire[..];
            assert_eq!(ws.next_event(&mut input, &mut out), Ok(None));
        });
        let most = 1024 + 2 * arrived as u64;
        assert!(memory.bytes_max <= most, "{arrived}: {}", memory.bytes_max);
    }
}

/// A Close ends a compressed message as any other.
#[test]
fn a_close_within_a_compressed_message_drops_it() {
    let mut wire = Vec::new();
    frame(0x41, &[0xF2, 0x48], &mut wire);
    frame(0x88, &[0x03, 0xE8], &mut wire);
    frame(0x80, &[0xCD], &mut wire);
    for step in [1, wire.len()] {
        let events = receive(&mut new(), &wire, step).expect("a Close");
        assert!(matches!(events[..], [wsproto::Event::Close(Some(_))]));
    }
}
