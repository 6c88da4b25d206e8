//! The bytes that were read and are not consumed yet.

use std::io::{self, Read};
use std::net::TcpStream;

use ws_common::adapter::READ_SIZE;

use crate::Stream;
use crate::retry::is_timeout;
use crate::sys::{self, Wait};

/// How many bytes are read on the stack, before there is memory for them: most small messages fit. On systems other
/// than Unix this is a whole read, because a second one could wait.
const FIRST: usize = if cfg!(unix) { 4 << 10 } else { READ_SIZE };

/// The input, and how much of it is consumed. A connection over TCP without TLS has memory for input only while there
/// is some, so a connection that waits costs little more than its thread.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) stream: Stream,
    bytes: Vec<u8>,
    consumed: usize,
    filled: usize,
    /// The failure behind the bytes of the last read; the next read returns it.
    failed: Option<io::Error>,
}

impl Input {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self { stream, bytes: Vec::new(), consumed: 0, filled: 0, failed: None }
    }

    /// Passes the unconsumed input to `take`, which consumes it from the front.
    pub(crate) fn with<T>(&mut self, take: impl FnOnce(&mut &mut [u8]) -> T) -> T {
        let mut rest = &mut self.bytes[self.consumed..self.filled];
        let result = take(&mut rest);
        self.consumed = self.filled - rest.len();
        result
    }

    /// Discards unconsumed input.
    pub(crate) const fn clear(&mut self) {
        (self.consumed, self.filled) = (0, 0);
    }

    /// Returns whether the last [read](Self::read) took as much as one can: more input may have arrived.
    pub(crate) const fn is_filled(&self) -> bool {
        self.filled >= READ_SIZE
    }

    /// Replaces the consumed input by the next, as [`Stream::receive`] does.
    pub(crate) fn read(&mut self, wait: Wait) -> io::Result<Option<usize>> {
        self.clear();
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let read = match self.stream.plain_tcp() {
            Some(tcp) => {
                self.bytes = Vec::new();
                if !sys::wait_readable(tcp, wait)? {
                    return Ok(None);
                }
                self.failed = read_first(tcp, &mut self.bytes)?;
                self.bytes.len()
            }
            None => {
                // Only the stream knows whether it has input, so the buffer is there before the wait.
                self.bytes.resize(READ_SIZE, 0);
                match self.stream.receive(&mut self.bytes, wait)? {
                    Some(read) => read,
                    None => return Ok(None),
                }
            }
        };
        self.filled = read;
        Ok(Some(read))
    }
}

/// Reads the bytes that have arrived, at most [`READ_SIZE`], or waits for the first of them. `to` is empty and gets
/// memory after the wait. Returns the failure behind the bytes that were read.
#[inline(never)]
fn read_first(mut tcp: &TcpStream, to: &mut Vec<u8>) -> io::Result<Option<io::Error>> {
    let mut first = [0; FIRST];
    let read = tcp.read(&mut first)?;
    to.reserve_exact(if read < FIRST { read } else { READ_SIZE });
    to.extend_from_slice(&first[..read]);
    if read < FIRST {
        return Ok(None);
    }
    match sys::read_into_now(tcp, to) {
        None | Some(Ok(_)) => Ok(None),
        Some(Err(error)) if is_timeout(&error) => Ok(None),
        Some(Err(error)) => Ok(Some(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write};
    use std::mem;
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    fn connected() -> (Input, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("a listener");
        let (tcp, _) = listener.accept().expect("a peer");
        (Input::new(tcp.into()), peer)
    }

    /// Has the peer send these bytes, and waits until all of them have arrived.
    fn send(input: &Input, peer: &mut TcpStream, bytes: &[u8]) {
        peer.write_all(bytes).expect("a socket");
        let mut arrived = vec![0; bytes.len()];
        while input.stream.tcp().expect("TCP").peek(&mut arrived).expect("input") < bytes.len() {}
    }

    fn consume(input: &mut Input) -> Vec<u8> {
        input.with(|rest| mem::take(rest).to_vec())
    }

    #[test]
    fn one_read_takes_what_has_arrived() {
        let (mut input, mut peer) = connected();
        for len in [1, FIRST - 1, FIRST, FIRST + 1, 40_000] {
            let bytes: Vec<_> = (0..len).map(|at| at as u8).collect();
            send(&input, &mut peer, &bytes);
            assert_eq!(input.read(Wait::default()).expect("input"), Some(len));
            assert!(!input.is_filled());
            assert!(consume(&mut input) == bytes);
        }
        drop(peer);
        for _ in 0..2 {
            assert_eq!(input.read(Wait::default()).expect("the end"), Some(0));
        }
    }

    #[test]
    fn an_end_behind_the_first_bytes_is_found() {
        let (mut input, mut peer) = connected();
        send(&input, &mut peer, &[7; FIRST]);
        drop(peer);
        assert_eq!(input.read(Wait::default()).expect("input"), Some(FIRST));
        assert_eq!(input.read(Wait::default()).expect("the end"), Some(0));
    }

    #[test]
    fn a_wait_holds_no_buffer() {
        let (mut input, mut peer) = connected();
        send(&input, &mut peer, b"hello");
        assert_eq!(input.read(Wait::default()).expect("input"), Some(5));
        assert_eq!((input.bytes.capacity(), consume(&mut input)), (5, b"hello".to_vec()));
        let wait = Wait { room: false, limit: Some(Duration::ZERO) };
        assert_eq!(input.read(wait).expect_err("no input").kind(), ErrorKind::TimedOut);
        assert_eq!((input.bytes.capacity(), input.is_filled()), (0, false));
        input.with(|rest| assert!(rest.is_empty()));
        send(&input, &mut peer, b"again");
        assert_eq!(input.read(wait).expect("input"), Some(5));
        assert_eq!(consume(&mut input), b"again");
    }
}
