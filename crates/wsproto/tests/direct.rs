//! Payloads of large messages that are read straight into them.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use wsproto::{
    Client, Config, Connection, Endpoint, Error, Event, KeepAlive, Piece, Server, Session,
    SessionEvent,
};
use wsproto_testing::{End, header};

/// The longest read into a buffer.
const READ: usize = 64 << 10;

/// The messages received, and the number of their bytes that were read straight into messages.
type Received = (Vec<Event<'static>>, usize);

/// Receives `wire`, of which each read brings at most `segment` bytes, with or without lent memory.
fn receive<R: End>(wire: &[u8], segment: usize, lends: bool) -> Result<Received, Error> {
    let mut ws = R::connect();
    let (mut events, mut lent, mut out) = (Vec::new(), 0, Vec::new());
    for mut segment in wire.chunks(segment) {
        while !segment.is_empty() {
            // As a socket would, this fills all of the memory.
            let mut read = |message: &mut Vec<u8>| {
                let len = segment.len().min(message.capacity() - message.len());
                message.extend_from_slice(&segment[..len]);
                segment = &segment[len..];
                len
            };
            let mut buffer = Vec::new();
            match lends.then(|| ws.read_payload(&mut read)).flatten() {
                Some(len) => lent += len,
                None => {
                    buffer.reserve_exact(READ);
                    read(&mut buffer);
                }
            }
            let mut input = &mut buffer[..];
            while let Some(event) = ws.next_event(&mut input, &mut out)? {
                events.push(event.into_owned());
            }
        }
    }
    Ok((events, lent))
}

/// Bytes that differ from their neighbours, and from those of other payloads.
fn payload(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|at| ((at + seed) * 7 % 251) as u8).collect()
}

#[test]
fn messages_are_the_same_if_their_memory_is_lent() {
    fn check<R: End>() {
        let text = "€uro ".repeat(40_000);
        let [first, second, third] = [100_000, 70_000, 90_000].map(|len| payload(len, len));
        let wire = [
            R::from_peer(0x82, &payload(300_000, 0)),
            R::from_peer(0x82, &payload(20_000, 1)),
            R::from_peer(0x81, text.as_bytes()),
            R::from_peer(0x02, &first),
            R::from_peer(0x89, b"still there?"),
            R::from_peer(0x00, &second),
            R::from_peer(0x80, &third),
            R::from_peer(0x82, &payload(1 << 20, 2)),
            R::from_peer(0x81, b"the end"),
            R::from_peer(0x88, b"\x03\xE8"),
        ]
        .concat();
        let (events, _) = receive::<R>(&wire, READ, false).expect("legal");
        assert_eq!(events.len(), 8);
        for segment in [999, 1460, 40_000, READ, 1 << 20, wire.len()] {
            let (same, lent) = receive::<R>(&wire, segment, true).expect("legal");
            assert!(same == events, "segments of {segment}");
            assert!(lent > 1_000_000, "{lent} bytes of segments of {segment}");
        }
    }
    check::<Server>();
    check::<Client>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever the sizes of frames and reads, and whatever is between the fragments.
    #[test]
    fn any_frames_are_the_same_in_any_reads(
        messages in vec((vec(0..150_000_usize, 1..4), any::<bool>(), any::<bool>()), 1..4),
        segment in 1000..200_000_usize,
    ) {
        fn check<R: End>(
            messages: &[(Vec<usize>, bool, bool)],
            segment: usize,
        ) -> Result<(), TestCaseError> {
            let mut wire = Vec::new();
            for (frames, binary, pings) in messages {
                for (at, len) in frames.iter().enumerate() {
                    let opcode = if at > 0 { 0 } else { 1 + u8::from(*binary) };
                    let fin = if at + 1 == frames.len() { 0x80 } else { 0 };
                    let mut bytes = payload(*len, at);
                    bytes.iter_mut().for_each(|byte| *byte &= 0x7F);
                    wire.extend(R::from_peer(fin | opcode, &bytes));
                    if *pings {
                        wire.extend(R::from_peer(0x89, b"between"));
                    }
                }
            }
            let (expected, _) = receive::<R>(&wire, READ, false).expect("legal");
            let (same, _) = receive::<R>(&wire, segment, true).expect("legal");
            prop_assert!(same == expected);
            Ok(())
        }
        check::<Server>(&messages, segment)?;
        check::<Client>(&messages, segment)?;
    }
}

/// A connection that has received the first `len` bytes of a message of 1 MiB.
fn begun<R: End>(first: u8, len: usize) -> Connection<R> {
    let mut ws = R::connect();
    let mut wire = R::from_peer(first, &[b'x'; 1 << 20]);
    wire.truncate(wire.len() - (1 << 20) + len);
    assert_eq!(ws.next_event(&mut &mut wire[..], &mut Vec::new()), Ok(None));
    ws
}

#[test]
fn memory_is_lent_only_for_the_rest_of_a_large_binary_message() {
    fn check<R: End>() {
        let lends = |mut ws: Connection<R>| ws.read_payload(|_| ()).is_some();
        assert!(lends(begun(0x82, 40_000)));
        assert!(lends(begun(0x02, 40_000)), "a fragment");
        assert!(!lends(begun(0x82, 0)), "nothing has arrived");
        assert!(!lends(begun(0x82, 20_000)), "too little has arrived");
        assert!(!lends(begun(0x82, (1 << 20) - 20_000)), "too little is missing");
        assert!(!lends(begun(0x81, 40_000)), "a text");
        assert!(!lends(R::connect()), "no message");

        let mut in_pieces = begun::<R>(0x82, 40_000);
        let piece = in_pieces.next_piece(&mut &mut [][..], &mut Vec::new());
        assert!(matches!(piece, Ok(Some(Piece::Binary { fin: false, .. }))));
        assert!(!lends(in_pieces), "a message that is handed out in pieces");
    }
    check::<Server>();
    check::<Client>();
}

/// A message that was read so far into its own memory can still be taken in pieces.
#[test]
fn pieces_follow_lent_memory() {
    let mut ws = begun::<Client>(0x82, 600_000);
    let read = |message: &mut Vec<u8>| message.resize(1 << 20, b'y');
    assert_eq!(ws.read_payload(read), Some(()));
    let mut out = Vec::new();
    let mut next = || ws.next_piece(&mut &mut [][..], &mut out).expect("legal");
    match next() {
        Some(Piece::Binary { bytes, fin: false }) => assert_eq!(bytes.len(), 1 << 20),
        piece => panic!("{piece:?}"),
    }
    assert_eq!(next(), Some(Piece::Binary { bytes: b""[..].into(), fin: true }));
    assert_eq!(next(), None);
}

/// I7: a reader that does not keep to the rules spoils its own message only.
#[test]
fn a_wrong_reader_does_no_harm() {
    let wrong: [fn(&mut Vec<u8>); 4] = [
        |message| message.resize(3 << 20, b'y'),
        Vec::clear,
        |message| *message = Vec::new(),
        |message| *message = vec![0; 2 << 20],
    ];
    for read in wrong {
        let mut ws = begun::<Server>(0x82, 600_000);
        ws.read_payload(read).expect("lent");
        let mut rest = vec![b'x'; 1 << 20];
        let mut input = &mut rest[..];
        let message = ws.next_event(&mut input, &mut Vec::new()).expect("the rest is legal");
        match message {
            Some(Event::Binary(bytes)) => assert_eq!(bytes.len(), 1 << 20),
            other => panic!("{other:?}"),
        }
        assert!(input.len() == 600_000 || input.len() == 1 << 20);
    }
}

#[test]
fn an_endpoint_lends_memory_while_it_reads() {
    let now = Duration::ZERO;
    let mut ws = opened(Config::default());
    let mut wire = header(0x82, Server::peer_key(), 1 << 20);
    wire.resize(wire.len() + 600_000, 0);
    assert_eq!(ws.next_event(now, &mut &mut wire[..]), None);
    assert_eq!(ws.read_payload(now, |_| ()), Some(()));
    ws.pause();
    assert_eq!(ws.read_payload(now, |_| ()), None, "paused");
    ws.resume(now);
    ws.read_payload(now, |message| message.resize(1 << 20, 0)).expect("resumed");
    let event = ws.next_event(now, &mut &mut [][..]);
    assert!(
        matches!(event, Some(SessionEvent::Received(Event::Binary(bytes))) if bytes.len() == 1 << 20)
    );
    assert_eq!(ws.next_event(now, &mut &mut [][..]), None);
    ws.close(None, now).expect("open");
    assert_eq!(ws.read_payload(now, |_| ()), None, "closing");
}

/// A message that was read, but not taken, is input that the endpoint keeps.
#[test]
fn a_complete_message_waits_during_a_pause_and_precedes_the_end() {
    let now = Duration::ZERO;
    let mut ws = opened(Config::default());
    let mut wire = header(0x82, Server::peer_key(), 1 << 20);
    wire.resize(wire.len() + 600_000, 0);
    assert_eq!(ws.next_event(now, &mut &mut wire[..]), None);
    ws.read_payload(now, |message| message.resize(1 << 20, 0)).expect("lent");
    assert!(ws.has_input());
    ws.pause();
    assert!(!ws.has_input());
    assert_eq!(ws.next_event(now, &mut &mut [][..]), None);
    ws.end_of_input(now);
    assert_eq!(ws.next_event(now, &mut &mut [][..]), None, "the message comes first");
    ws.resume(now);
    assert!(ws.has_input());
    let event = ws.next_event(now, &mut &mut [][..]);
    assert!(matches!(event, Some(SessionEvent::Received(Event::Binary(_)))), "{event:?}");
    let event = ws.next_event(now, &mut &mut [][..]);
    assert!(matches!(event, Some(SessionEvent::Closed(_))), "{event:?}");
    assert_eq!(ws.next_event(now, &mut &mut [][..]), None);
}

/// Bytes that arrive this way are a sign of life, like all others.
#[test]
fn lent_memory_counts_for_the_keep_alive() {
    for read in [0, 5000] {
        let (interval, patience) = (Duration::from_secs(20), Duration::from_secs(10));
        let mut ws = opened(Config::default().keep_alive(Some(KeepAlive { interval, patience })));
        let mut wire = header(0x82, Server::peer_key(), 1 << 20);
        wire.resize(wire.len() + 600_000, 0);
        assert_eq!(ws.next_event(Duration::ZERO, &mut &mut wire[..]), None);
        ws.handle_timeout(interval);
        let ping = ws.pending().len();
        ws.wrote(ping, interval);
        let later = interval + patience / 2;
        ws.read_payload(later, |message| message.resize(message.len() + read, 0)).expect("lent");
        ws.handle_timeout(interval + patience);
        let event = ws.next_event(interval + patience, &mut &mut [][..]);
        assert_eq!(event.is_none(), read > 0, "{event:?}");
    }
}

/// A server's endpoint, open.
fn opened(config: Config) -> Endpoint<Server> {
    let now = Duration::ZERO;
    let session = Session::opened(Server, config, wsproto::handshake::Agreed::default(), now);
    let mut ws = Endpoint::new(session, Vec::new());
    assert_eq!(ws.next_event(now, &mut &mut [][..]), Some(SessionEvent::Open));
    ws
}
