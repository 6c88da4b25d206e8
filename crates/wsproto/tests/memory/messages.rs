//! Messages in flight: announced lengths, fragments and pieces (I4).

use allocation_counter::measure;
use wsproto::{Client, Config, Error, Piece, Server};
use wsproto_testing::{End, KEY, header};

use crate::meter::{Meter, SMALL, VIOLATION_SIZE, meter};
use crate::support::config;

/// I4, A3, A4: an announced length reserves nothing.
#[test]
fn an_announced_length_reserves_nothing() {
    fn check<R: End>(first: u8, key: Option<[u8; 4]>) {
        let limit = Config::default().max_message_size;
        for len in [1000, 65_535, 65_536, limit] {
            let mut meter = meter::<R>();
            meter.feed(&mut header(first, key, len)).expect("at the limit");
            assert_eq!(meter.held, 0);
            meter.feed(&mut [b'x' ^ key.unwrap_or_default()[0]]).expect("one byte");
            assert!((1..=SMALL).contains(&meter.held), "{} held of {len}", meter.held);
        }
    }
    for first in [0x81, 0x82, 0x01, 0x02] {
        check::<Server>(first, Some(KEY));
        check::<Client>(first, None);
    }
}

/// A1, A2, A3, I4: a frame refused at its header costs nothing but the Close and the details of the
/// error.
#[test]
fn a_refused_length_reserves_nothing() {
    for len in [(64 << 20) + 1, 1 << 60, (1 << 63) - 1, 1 << 63, u64::MAX] {
        let mut meter = meter::<Server>();
        let result = meter.feed(&mut header(0x82, Some([0; 4]), len));
        let error = if len >> 63 == 0 { Error::MessageTooBig } else { Error::LengthTopBit };
        assert_eq!(result, Err(error));
        assert!(meter.held <= VIOLATION_SIZE, "{} for {len}", meter.held);
        assert!(meter.peak <= SMALL, "{} for {len}", meter.peak);
    }
}

/// For a message of `len` bytes in frames of `frame_len`, arriving in parts of `part_len`: checks
/// that the memory held never exceeds a constant plus twice the bytes that arrived, nor the limit.
fn holds_the_bytes_that_arrived<R: End>(text: bool, len: usize, frame_len: usize, part_len: usize) {
    let place = format!("{:?}, {len} in frames of {frame_len}, parts of {part_len}", R::SIDE);
    // Three bytes per character, so that parts and frames end inside characters.
    let payload: Vec<u8> = "€".bytes().cycle().take(len).collect();
    let payload = if text { &payload[..len / 3 * 3] } else { &payload[..] };
    let mut wire = Vec::new();
    // How much of the payload has arrived with each byte.
    let mut arrived = Vec::new();
    for (index, part) in payload.chunks(frame_len).enumerate() {
        let kind = if text { 1 } else { 2 };
        let fin = if (index + 1) * frame_len >= payload.len() { 0x80 } else { 0 };
        wire.extend(R::from_peer(fin | if index == 0 { kind } else { 0 }, part));
        let before = index * frame_len;
        arrived.resize(wire.len() - part.len(), before);
        arrived.extend((1..=part.len()).map(|len| before + len));
    }
    let limit = payload.len() as u64;
    let mut meter = Meter::new(R::connect_with(config(|c| c.max_message_size = limit)));
    let mut received = 0;
    for (part, arrived) in wire.chunks_mut(part_len).zip(arrived.chunks(part_len)) {
        received = *arrived.last().expect("no part is empty") as i64;
        meter.feed(part).expect("within the limit");
        assert!(meter.held <= SMALL + 2 * received, "{} of {received}: {place}", meter.held);
        assert!(meter.held <= SMALL + limit as i64, "{} beyond the limit: {place}", meter.held);
    }
    assert_eq!(meter.held, 0, "I5: nothing is left: {place}");
    // While growing, the old and the new allocation coexist for a moment.
    assert!(meter.peak <= SMALL + 3 * received, "{} at a time: {place}", meter.peak);
    // I9: with proportional growth, reallocations and copies are rare.
    assert!(meter.allocations <= 32, "{} allocations: {place}", meter.allocations);
}

/// I4: for text and binary, in both roles, in one frame and in many, however they arrive.
#[test]
fn a_message_in_flight_holds_the_bytes_that_arrived() {
    for (len, frame_len, part_len) in
        [(300_000, 300_000, 1460), (300_000, 300_000, 65_536), (50_000, 700, 333), (9_999, 10, 17)]
    {
        for text in [true, false] {
            holds_the_bytes_that_arrived::<Server>(text, len, frame_len, part_len);
            holds_the_bytes_that_arrived::<Client>(text, len, frame_len, part_len);
        }
    }
}

/// I4: memory that is lent to a reader is no more than twice what has arrived, and ends with the message.
#[test]
fn a_lent_message_holds_the_bytes_that_arrived() {
    fn check<R: End>(len: usize, part_len: usize) {
        let place = format!("{:?}, {len} in parts of {part_len}", R::SIDE);
        let mut wire = R::from_peer(0x82, &vec![7; len]);
        let header = wire.len() - len;
        let mut meter = Meter::new(R::connect_with(config(|c| c.max_message_size = len as u64)));
        let (mut arrived, mut lent) = (0, 0);
        for part in wire.chunks_mut(part_len) {
            arrived += part.len();
            lent += meter.feed_payloads(part).expect("within the limit");
            let received = arrived.saturating_sub(header) as i64;
            assert!(meter.held <= SMALL + 2 * received, "{} of {received}: {place}", meter.held);
            assert!(meter.held <= SMALL + len as i64, "{} beyond the limit: {place}", meter.held);
        }
        assert!(lent >= len / 2, "{lent} lent: {place}");
        assert_eq!(meter.held, 0, "I5: nothing is left: {place}");
        assert!(meter.peak <= SMALL + 2 * len as i64, "{} at a time: {place}", meter.peak);
        assert!(meter.allocations <= 32, "I9: {} allocations: {place}", meter.allocations);
    }
    for (len, part_len) in
        [(300_000, 1460), (300_000, 50_000), (1 << 20, 1 << 16), (5 << 20, 1 << 21)]
    {
        check::<Server>(len, part_len);
        check::<Client>(len, part_len);
    }
}

/// A18, I4: a hundred thousand one-byte fragments are one message, not as many allocations.
#[test]
fn fragments_of_a_byte_hold_the_bytes() {
    holds_the_bytes_that_arrived::<Server>(false, 100_000, 1, 7);
    holds_the_bytes_that_arrived::<Server>(true, 100_000, 1, 4096);
}

/// A19, I4, I9.
#[test]
fn a_mebibyte_a_byte_at_a_time_holds_the_bytes() {
    holds_the_bytes_that_arrived::<Server>(true, 1 << 20, 1 << 20, 1);
    holds_the_bytes_that_arrived::<Client>(false, 1 << 20, 1 << 20, 1);
}

/// I4: messages in pieces take constant memory, binary ones none at all.
#[test]
fn pieces_are_not_kept() {
    let payload = "€".repeat(100_000);
    for first in [0x81, 0x82] {
        for part_len in [1, 1000, 4096] {
            let mut meter = meter::<Server>();
            for part in Server::from_peer(first, payload.as_bytes()).chunks_mut(part_len) {
                meter.feed_pieces(part).expect("legal");
                assert_eq!(meter.held, 0);
            }
            // A character that was cut is handed out in its own string.
            let room = if first == 0x81 { 8 } else { 0 };
            assert!(meter.peak <= room, "{} at a time", meter.peak);
        }
    }
}

/// I4: when pieces are requested, the assembled part is handed out without a copy.
#[test]
fn an_assembled_part_becomes_a_piece() {
    let mut meter = meter::<Server>();
    let mut wire = Server::from_peer(0x82, &[9; 2000]);
    let (front, back) = wire.split_at_mut(1006);
    meter.feed(front).expect("legal");
    let held = meter.held;
    let mut input = back;
    let info = measure(|| {
        let piece = meter.ws.next_piece(&mut input, &mut meter.out).expect("legal");
        assert!(matches!(piece, Some(Piece::Binary { fin: false, bytes }) if bytes.len() == 998));
    });
    assert_eq!(info.bytes_current, -held, "the piece was the buffer");
    assert_eq!(info.count_total, 0);
}
