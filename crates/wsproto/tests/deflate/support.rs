//! Connections that compress, and zlib's C implementation as an oracle.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use wsproto::frame::{Header, Opcode};
use wsproto::handshake::{DeflateAgreed, Direction};
use wsproto::mask::Mask;
use wsproto::{Client, Config, Connection, Deflate, Error, Event, Role, Server, WindowBits};

/// RSV1 in the first byte of a frame.
pub(crate) const RSV1: u8 = 0x40;

pub(crate) const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

pub(crate) fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).expect("8 to 15")
}

/// The same parameters in both directions.
pub(crate) fn agreed(window: u8, takeover: bool) -> DeflateAgreed {
    let direction = Direction { window: bits(window), takeover };
    DeflateAgreed { server: direction, client: direction }
}

/// A configuration that uses all of what is agreed.
pub(crate) fn config() -> Config {
    let wish = Deflate::new().window(WindowBits::MAX).threshold(1).level(6);
    Config::new().deflate(Some(wish))
}

pub(crate) fn server(agreed: DeflateAgreed) -> Connection<Server> {
    Connection::new(Server, config(), agreed.into())
}

pub(crate) fn client(agreed: DeflateAgreed) -> Connection<Client> {
    Connection::new(Client::from_seed([7; 32]), config(), agreed.into())
}

/// Appends a frame of a client.
pub(crate) fn frame(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let opcode = Opcode::from_bits(first).expect("an opcode");
    let (fin, rsv) = (first & 0x80 != 0, first & 0x70);
    Header { fin, rsv, opcode, mask: Some(key), len: payload.len() as u64 }.encode(out);
    Mask::new(key).append(payload, out);
}

/// A compressed message in one frame of a client.
pub(crate) fn message(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    frame(0x80 | RSV1 | opcode as u8, payload, &mut wire);
    wire
}

/// Receives all events of `wire`, passed in parts of `step` bytes.
pub(crate) fn receive<R: Role>(
    ws: &mut Connection<R>,
    wire: &[u8],
    step: usize,
) -> Result<Vec<Event<'static>>, Error> {
    let (mut events, mut out) = (Vec::new(), Vec::new());
    for part in wire.chunks(step) {
        let mut part = part.to_vec();
        let mut input = &mut part[..];
        while let Some(event) = ws.next_event(&mut input, &mut out)? {
            events.push(event.into_owned());
        }
    }
    Ok(events)
}

/// The first error in `wire`, the same however it is cut, and the close code that reports it.
pub(crate) fn error(new: impl Fn() -> Connection<Server>, wire: &[u8]) -> (Error, u16) {
    let mut found = None;
    for step in [1, 2, 3, 7, wire.len()] {
        let mut ws = new();
        let error = receive(&mut ws, wire, step.max(1)).expect_err("an error");
        assert_eq!(*found.get_or_insert(error), error, "cut every {step} bytes");
        assert_eq!(receive(&mut ws, b"x", 1), Err(error), "an error is final (I6)");
    }
    let error = found.expect("one step at least");
    (error, error.close_code().into())
}

/// Compresses with zlib; `window_bits` is 9 to 15.
pub(crate) struct Zlib(Compress);

impl Zlib {
    pub(crate) fn new(level: u32, window_bits: u8) -> Self {
        Self(Compress::new_with_window_bits(Compression::new(level), false, window_bits))
    }

    /// Compresses up to a flush, which may be final.
    pub(crate) fn flush(&mut self, bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 1024);
        let status = self.0.compress_vec(bytes, &mut out, flush).expect("no error");
        assert!(out.len() < out.capacity());
        assert_eq!(status == Status::StreamEnd, matches!(flush, FlushCompress::Finish));
        out
    }

    /// Compresses a message as RFC 7692 says.
    pub(crate) fn message(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = self.flush(bytes, FlushCompress::Sync);
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
        out
    }
}

/// Inflates with zlib.
pub(crate) struct Unzlib(Decompress);

impl Unzlib {
    pub(crate) fn new(window_bits: u8) -> Self {
        Self(Decompress::new_with_window_bits(false, window_bits))
    }

    pub(crate) fn message(&mut self, bytes: &[u8], len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len + 64);
        let whole = [bytes, &TAIL].concat();
        self.0.decompress_vec(&whole, &mut out, FlushDecompress::Sync).expect("valid");
        assert_eq!(out.len(), len);
        out
    }
}

/// Bytes that do not compress.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

/// A text like the messages of an application.
pub(crate) fn json(len: usize) -> String {
    let mut text = String::new();
    for id in 0.. {
        if text.len() >= len {
            break;
        }
        text.push_str(&format!(
            "{{\"id\":{id},\"user\":\"user{}\",\"price\":{}.{},\"tags\":[\"a\",\"b{}\"]}},",
            id * 7919 % 1000,
            id * 31 % 977,
            id % 10,
            id % 17,
        ));
    }
    text.truncate(len);
    text
}
