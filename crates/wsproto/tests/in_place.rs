//! Incomplete frames that stay in the input until they are whole.

use std::borrow::Cow;

use wsproto::{Client, Config, Connection, Error, Event, Server, SessionEvent};
use wsproto_testing::{End, Life, header};

/// How many bytes of a frame to wait for.
const MOST: usize = 1000;

/// A connection, and the buffer that is read into.
struct Reader<R> {
    ws: Connection<R>,
    buffer: Vec<u8>,
}

/// An event, and whether it borrows from the buffer.
type Taken = (Event<'static>, bool);

impl<R: End> Reader<R> {
    fn new() -> Self {
        Self { ws: R::connect(), buffer: Vec::new() }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Vec<Taken>, Error> {
        self.buffer.extend_from_slice(bytes);
        let mut input = &mut self.buffer[..];
        let mut taken = Vec::new();
        let mut out = Vec::new();
        while let Some(event) = self.ws.next_event_in_place(&mut input, MOST, &mut out)? {
            let in_place = match &event {
                Event::Text(text) => matches!(text, Cow::Borrowed(_)),
                Event::Binary(bytes) | Event::Ping(bytes) => matches!(bytes, Cow::Borrowed(_)),
                Event::Pong(_) | Event::Close(_) => false,
            };
            taken.push((event.into_owned(), in_place));
        }
        let left = input.len();
        self.buffer.drain(..self.buffer.len() - left);
        Ok(taken)
    }

    /// Reads a byte at a time.
    fn read_slowly(&mut self, bytes: &[u8]) -> Result<Vec<Taken>, Error> {
        bytes.chunks(1).try_fold(Vec::new(), |mut taken, byte| {
            taken.extend(self.read(byte)?);
            Ok(taken)
        })
    }
}

fn text(payload: &str) -> Event<'static> {
    Event::Text(payload.to_owned().into())
}

#[test]
fn a_frame_that_fits_is_never_copied_however_it_was_cut() {
    fn check<R: End>() {
        let overhead = R::from_peer(0x81, &[b'x'; 126]).len() - 126;
        for len in [0, 1, 125, 126, MOST - overhead] {
            let payload = "x".repeat(len);
            let wire = [
                R::from_peer(0x89, b"still there?"),
                R::from_peer(0x81, payload.as_bytes()),
                R::from_peer(0x82, payload.as_bytes()),
            ];
            let expected = [
                (Event::Ping(b"still there?"[..].into()), true),
                (text(&payload), true),
                (Event::Binary(payload.into_bytes().into()), true),
            ];
            assert_eq!(Reader::<R>::new().read_slowly(&wire.concat()), Ok(expected.into()));
        }
    }
    check::<Server>();
    check::<Client>();
}

#[test]
fn a_longer_frame_is_consumed_in_parts() {
    let payload = "y".repeat(2 * MOST);
    let wire = Server::from_peer(0x81, payload.as_bytes());
    let mut reader = Reader::<Server>::new();
    let mut taken = Vec::new();
    for byte in wire.chunks(1) {
        taken.extend(reader.read(byte).expect("legal"));
        assert!(reader.buffer.len() < MOST, "so much need not wait");
    }
    assert_eq!(taken, [(text(&payload), false)]);
}

/// Waiting for more than a part of a frame that does not fit saves no copy.
#[test]
fn a_part_of_a_long_frame_need_not_fill_the_buffer() {
    let payload = "y".repeat(30_000);
    let wire = Server::from_peer(0x81, payload.as_bytes());
    let (mut ws, mut out) = (Server::connect(), Vec::new());
    let (mut buffer, mut message) = (Vec::new(), None);
    for byte in &wire {
        buffer.push(*byte);
        let mut input = &mut buffer[..];
        let event = ws.next_event_in_place(&mut input, 16 << 10, &mut out).expect("legal");
        let left = input.len();
        assert!(left < 4 << 10, "so much need not wait");
        message = message.or(event.map(Event::into_owned));
        buffer.drain(..buffer.len() - left);
    }
    assert_eq!(message, Some(text(&payload)));
}

#[test]
fn each_fragment_waits_separately() {
    let wire = [Server::from_peer(0x01, b"in "), Server::from_peer(0x80, b"two")].concat();
    let taken = Reader::<Server>::new().read_slowly(&wire);
    assert_eq!(taken, Ok(vec![(text("in two"), false)]));
}

#[test]
fn an_invalid_header_does_not_wait() {
    for (wrong, error) in [
        (vec![0x83], Error::ReservedOpcode),
        (vec![0x81, 0x05], Error::UnmaskedFrame),
        (vec![0x82, 0xFE, 0, 125], Error::NonMinimalLength),
        (vec![0x82, 0xFF, 0x80], Error::LengthTopBit),
    ] {
        assert_eq!(Reader::<Server>::new().read(&wrong), Err(error));
    }
}

#[test]
fn invalid_text_waits_for_its_frame_but_no_longer() {
    let wrong = Server::from_peer(0x81, b"\xFF and more");
    let mut reader = Reader::<Server>::new();
    let (last, front) = wrong.split_last().expect("a frame");
    assert_eq!(reader.read(front), Ok(Vec::new()));
    assert_eq!(reader.read(&[*last]), Err(Error::InvalidUtf8));

    let mut long = header(0x81, Server::peer_key(), 1 << 20);
    long.resize(MOST, 0xFF);
    assert_eq!(Reader::<Server>::new().read(&long), Err(Error::InvalidUtf8));
}

/// A caller that has waited long enough takes the available bytes.
#[test]
fn waiting_bytes_can_be_taken_early() {
    let wire = Server::from_peer(0x81, b"all of it");
    let (front, back) = wire.split_at(10);
    let mut reader = Reader::<Server>::new();
    assert_eq!(reader.read(front), Ok(Vec::new()));
    let mut input = &mut reader.buffer[..];
    assert_eq!(reader.ws.next_event(&mut input, &mut Vec::new()), Ok(None));
    assert!(input.is_empty());
    reader.buffer.clear();
    assert_eq!(reader.read(back), Ok(vec![(text("all of it"), false)]));
}

/// The opening handshake never stays in the input; a frame after it does.
#[test]
fn a_session_waits_once_it_is_open() {
    fn check<R: End>() {
        let mut life = Life::<R>::begin(Config::default());
        let frame = R::from_peer(0x81, b"whole");
        let (last, front) = frame.split_last().expect("a frame");
        let mut wire = [&R::handshake(&life.out)[..], front].concat();
        let mut input = &mut wire[..];
        let mut seen = Vec::new();
        while let Some(event) =
            life.session.next_event_in_place(life.now, &mut input, MOST, &mut life.out)
        {
            if matches!(event, SessionEvent::Upgrade) {
                R::answer(&mut R::opening(), &mut life.session, life.now, &mut life.out);
            } else {
                seen.push(format!("{event:?}"));
            }
        }
        assert_eq!(seen, ["Open"]);
        assert_eq!(input, front);

        let mut frame = [input, &mut [*last]].concat();
        let mut input = &mut frame[..];
        let event = life.session.next_event_in_place(life.now, &mut input, MOST, &mut life.out);
        assert_eq!(event, Some(SessionEvent::Received(Event::Text("whole".into()))));
    }
    check::<Server>();
    check::<Client>();
}

/// A frame after a fragment stays, too.
#[test]
fn a_frame_after_a_fragment_waits() {
    let first = Server::from_peer(0x01, b"in ");
    for second in [Server::from_peer(0x80, b"two"), Server::from_peer(0x89, b"still there?")] {
        for cut in 1..second.len() {
            let mut reader = Reader::<Server>::new();
            assert_eq!(reader.read(&[&first, &second[..cut]].concat()), Ok(Vec::new()));
            assert_eq!(reader.buffer, second[..cut], "nothing of it was taken");
        }
    }
}

#[test]
fn the_rest_of_a_longer_frame_also_waits() {
    let wire = Server::from_peer(0x82, &[b'z'; 2 * MOST]);
    let mut reader = Reader::<Server>::new();
    assert_eq!(reader.read(&wire[..MOST]), Ok(Vec::new()));
    assert!(reader.buffer.is_empty(), "so much is taken");
    assert_eq!(reader.read(&wire[MOST..2 * MOST - 1]), Ok(Vec::new()));
    assert_eq!(reader.buffer, wire[MOST..2 * MOST - 1], "less is not");
}

// fault-E8: with a small buffer that is never moved, a loop that passes no more than the available
// room always has room to read into, and receives everything.
#[test]
fn a_buffer_of_any_size_never_fills_up() {
    fn check<R: End>(size: usize) {
        let wire: Vec<u8> = (0..50)
            .flat_map(|number| R::from_peer(0x82, &vec![number; 7 * number as usize]))
            .collect();
        let (mut ws, mut buffer, mut out) = (R::connect(), vec![0; size], Vec::new());
        let (mut start, mut end) = (0, 0);
        let (mut unread, mut messages) = (&wire[..], Vec::new());
        while !unread.is_empty() {
            assert!(end < size, "no room to read into");
            let len = unread.len().min(size - end).min(37);
            buffer[end..end + len].copy_from_slice(&unread[..len]);
            (end, unread) = (end + len, &unread[len..]);

            let mut input = &mut buffer[start..end];
            loop {
                let room = input.len() + (size - end);
                let event = ws.next_event_in_place(&mut input, MOST.min(room), &mut out);
                match event.expect("valid frames") {
                    Some(Event::Binary(bytes)) => messages.push(bytes.into_owned()),
                    Some(event) => panic!("{event:?}"),
                    None => break,
                }
            }
            start = end - input.len();
            if start == end {
                (start, end) = (0, 0);
            }
        }
        assert!(messages.iter().zip(0..).all(|(bytes, n)| *bytes == vec![n; 7 * n as usize]));
        assert_eq!(messages.len(), 50);
    }
    for size in [1, 2, 13, 100, 256, 999, 1000, 1500] {
        check::<Server>(size);
        check::<Client>(size);
    }
}
