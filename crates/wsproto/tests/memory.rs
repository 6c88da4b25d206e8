//! The engine's heap usage, counted by the allocator: promises I4 and I5.

mod support;

use core::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use wsproto::handshake::{Accept, ClientRequest, Request, Response};
use wsproto::url::WsUrl;
use wsproto::{
    Client, Config, Connection, Error, Event, Piece, Role, Server, Session, SessionEvent,
};
use wsproto_testing::{End, Frame, KEY, SEED, header};

use support::{VIOLATION, config};

/// The small constant of I4: the payload of one control frame, and the minimum capacity for a
/// message.
const SMALL: i64 = 1024 + 256;

/// Counts the heap a connection holds between calls. Input and output belong to the caller and are
/// not counted.
struct Meter<R> {
    ws: Connection<R>,
    out: Vec<u8>,
    held: i64,
    allocations: u64,
    /// The maximum held during a call.
    peak: i64,
}

impl<R: Role> Meter<R> {
    fn new(ws: Connection<R>) -> Self {
        Self { ws, out: Vec::with_capacity(1 << 20), held: 0, allocations: 0, peak: 0 }
    }

    fn count(&mut self, info: AllocationInfo) {
        self.peak = self.peak.max(self.held + info.bytes_max as i64);
        self.held += info.bytes_current;
        self.allocations += info.count_total;
    }

    /// Passes in input, and drops every event.
    fn feed(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let mut result = Ok(());
        let mut input = bytes;
        let info = measure(|| {
            result = loop {
                match self.ws.next_event(&mut input, &mut self.out) {
                    Ok(Some(_)) => {}
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
        });
        self.count(info);
        result
    }

    /// Passes in input, as `feed` does, but takes messages in pieces.
    fn feed_pieces(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let mut result = Ok(());
        let mut input = bytes;
        let info = measure(|| {
            result = loop {
                match self.ws.next_piece(&mut input, &mut self.out) {
                    Ok(Some(_)) => {}
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
        });
        self.count(info);
        result
    }
}

fn meter<R: End>() -> Meter<R> {
    Meter::new(R::connect())
}

/// Guards against a broken counter that reports zero.
#[test]
fn the_counter_counts() {
    let mut kept = Vec::new();
    let info = measure(|| kept = vec![1_u8; 1000]);
    assert_eq!((info.count_total, info.bytes_current), (1, 1000));
    drop(kept);
}

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

/// The maximum that a failed connection holds: the details of the violation, of which the largest
/// is the reason of an invalid Close with its invalid bytes replaced.
const VIOLATION_SIZE: i64 = 512;

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

/// I5: no heap before, between and after messages of any type, however they arrive.
#[test]
fn an_idle_connection_holds_nothing() {
    fn check<R: End>() {
        let whole = [
            R::from_peer(0x81, "grüße".as_bytes()),
            R::from_peer(0x82, &[7; 300]),
            R::from_peer(0x89, &[1; 125]),
            R::from_peer(0x8A, b""),
            [R::from_peer(0x01, b"\xC3"), R::from_peer(0x89, b"?"), R::from_peer(0x80, b"\xA9")]
                .concat(),
            [R::from_peer(0x02, b""), R::from_peer(0x80, b"")].concat(),
        ];
        for bytes in &whole {
            for cut in 0..=bytes.len() {
                let mut meter = meter::<R>();
                let mut bytes = bytes.clone();
                let (front, back) = bytes.split_at_mut(cut);
                meter.feed(front).expect("legal");
                meter.feed(back).expect("legal");
                assert_eq!(meter.held, 0, "cut at {cut}");
                meter.feed(&mut []).expect("nothing");
                assert_eq!(meter.held, 0);
            }
        }
    }
    check::<Server>();
    check::<Client>();
}

/// I5: an error or a Close releases the message in flight, wherever it is cut.
#[test]
fn an_end_leaves_nothing() {
    fn check<R: End>() {
        let begun = R::from_peer(0x01, &[b'x'; 1000]);
        for end in [
            VIOLATION.to_vec(),
            R::from_peer(0x80, b"\xFF"),
            R::from_peer(0x88, b"\x03\xE8bye"),
            R::from_peer(0x88, b"\x03"),
            R::from_peer(0x88, b"\x03\xE8\xFF\xFF"),
        ] {
            for cut in 0..=end.len() {
                let mut meter = meter::<R>();
                meter.feed(&mut begun.clone()).expect("legal so far");
                assert!(meter.held >= 1000);
                let mut end = end.clone();
                let (front, back) = end.split_at_mut(cut);
                let _ = meter.feed(front).and_then(|()| meter.feed(back));
                let held = meter.held;
                assert!(held <= VIOLATION_SIZE, "{held} for {end:02X?} cut at {cut}");
                let _ = meter.feed(&mut R::from_peer(0x82, &[0; 500])[..400]);
                assert_eq!(meter.held, held, "after the end");
            }
        }
    }
    check::<Server>();
    check::<Client>();
}

/// A58: with reused buffers, neither receiving nor replying allocates.
#[test]
fn a_steady_echo_allocates_nothing() {
    fn echo<R: End>() {
        let wire = [
            R::from_peer(0x81, "grüße".as_bytes()),
            R::from_peer(0x82, &[7; 5000]),
            R::from_peer(0x89, &[1; 125]),
            R::from_peer(0x8A, b"pong"),
            R::from_peer(0x82, b""),
        ]
        .concat();
        let mut ws = R::connect();
        let mut buffer = wire.clone();
        let mut out = Vec::with_capacity(2 * wire.len());
        for round in 0..100 {
            buffer.copy_from_slice(&wire);
            out.clear();
            let info = measure(|| {
                let mut input = &mut buffer[..];
                while let Ok(Some(event)) = ws.next_event(&mut input, &mut out) {
                    let sent = match event {
                        Event::Text(text) => ws.send_text(&text, &mut out),
                        Event::Binary(bytes) => ws.send_binary(&bytes, &mut out),
                        _ => Ok(()),
                    };
                    assert_eq!(sent, Ok(()));
                }
            });
            assert_eq!(info.count_total, 0, "round {round}");
            assert_eq!(Frame::read_all(&out).len(), 4, "two messages, a Pong, a message");
        }
    }
    echo::<Server>();
    echo::<Client>();
}

/// A17, I4: endless empty fragments, with or without Pings between them, hold no memory, and hit
/// the limit.
#[test]
fn a_flood_of_empty_fragments_is_flat_and_ends() {
    for ping in [&b""[..], &Server::from_peer(0x89, b"")] {
        let mut meter = meter::<Server>();
        meter.feed(&mut Server::from_peer(0x01, b"")).expect("the first fragment");
        let limit = meter.ws.config().max_fragments;
        assert!(limit >= 65_536, "A17, R6455-10.4-2: Autobahn sends as many");
        let mut fragments = 1;
        let result = loop {
            meter.out.clear();
            let mut more = [&Server::from_peer(0x00, b"")[..], ping].concat();
            if let Err(error) = meter.feed(&mut more) {
                break error;
            }
            fragments += 1;
            assert_eq!(meter.held, 0);
        };
        assert_eq!((result, fragments), (Error::TooManyFragments, limit));
        assert_eq!(Frame::read_all(&meter.out)[0].close_code(), Some(1008));
    }
}

/// A37, A38, I3: a million Pings or Pongs: nothing is kept, and the reply to a Ping has no more
/// bytes than the Ping.
#[test]
fn floods_of_control_frames_are_flat() {
    fn check<R: End>(first: u8, payload: &[u8], most: usize) {
        let wire = R::from_peer(first, payload).repeat(1000);
        let mut meter = meter::<R>();
        let mut buffer = wire.clone();
        for _ in 0..1000 {
            buffer.copy_from_slice(&wire);
            meter.out.clear();
            meter.feed(&mut buffer).expect("legal");
            assert!(meter.out.len() <= most * wire.len());
        }
        assert_eq!((meter.held, meter.allocations), (0, 0));
        assert_eq!(meter.out.is_empty(), first == 0x8A);
    }
    check::<Server>(0x89, &[b'p'; 125], 1);
    check::<Client>(0x89, &[b'p'; 125], 2);
    check::<Server>(0x8A, b"stale", 0);
    check::<Client>(0x8A, b"", 0);
}

/// I5: a session keeps nothing of its opening handshake, nor of its end.
#[test]
fn an_idle_session_holds_nothing() {
    const NOW: Duration = Duration::ZERO;
    let config = std::sync::Arc::new(Config::default());
    let (mut to_server, mut to_client) = (Vec::with_capacity(4096), Vec::with_capacity(4096));
    let request = ClientRequest::new(WsUrl::parse("ws://localhost/").expect("a URL"));
    let mut client = Session::client(request, config.clone(), SEED, NOW, &mut to_server);

    let mut held = None;
    let info = measure(|| {
        let mut server = Session::server(config.clone(), NOW);
        let (front, back) = to_server.split_at_mut(30);
        let mut input = front;
        assert_eq!(server.next_event(NOW, &mut input, &mut to_client), None);
        let mut input = back;
        let event = server.next_event(NOW, &mut input, &mut to_client);
        assert_eq!(event, Some(SessionEvent::Upgrade));
        server.accept(&Accept::new(), NOW, &mut to_client).expect("a good request");
        let event = server.next_event(NOW, &mut input, &mut to_client);
        assert_eq!(event, Some(SessionEvent::Open));
        held = Some(server);
    });
    assert_eq!(info.bytes_current, 0, "an open server");
    let mut server = held.expect("just made");

    let mut input = &mut to_client[..];
    let event = client.next_event(NOW, &mut input, &mut to_server);
    assert_eq!(event, Some(SessionEvent::Open));
    assert!(client.take_response().is_some());
    let freed = measure(|| drop(client));
    assert_eq!(freed.count_current, 0, "an open client had nothing to free");

    let info = measure(|| {
        let mut close = Server::from_peer(0x88, b"\x03\xE8bye");
        let event = server.next_event(NOW, &mut &mut close[..], &mut to_client);
        assert!(matches!(event, Some(SessionEvent::Received(Event::Close(Some(_))))));
        server.end_of_input(&mut to_client);
        let event = server.next_event(NOW, &mut &mut [][..], &mut to_client);
        assert!(matches!(event, Some(SessionEvent::Closed(_))));
    });
    assert_eq!(info.bytes_current, 0, "a closed server");
}

/// A parsed head takes as much memory as its bytes, as much again for the fields while parsing, and
/// a little for each field.
#[test]
fn parsed_heads_take_memory_in_proportion() {
    fn check(first_line: &str, parse: impl Fn(&[u8]) -> Option<usize>) {
        const FIELD: u64 = 64;
        for fields in [1, 30] {
            let value = "v".repeat(6000 / fields);
            let more = format!("X: {value}\r\n").repeat(fields);
            let head = format!("{first_line}\r\nHost: h\r\n{more}\r\n");
            let mut parsed = None;
            let info = measure(|| parsed = parse(head.as_bytes()));
            assert_eq!(parsed, Some(fields + 1));
            let most = 2 * head.len() as u64 + (fields as u64 + 3) * FIELD;
            assert!(info.bytes_max <= most, "{} bytes for {}", info.bytes_max, head.len());
        }
    }
    check("GET / HTTP/1.1", |head| Some(Request::parse(head).ok()?.headers().len()));
    check("HTTP/1.1 200 OK", |head| Some(Response::parse(head).ok()?.headers().len()));
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
