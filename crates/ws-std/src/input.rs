//! The bytes that were read and are not consumed yet.

use std::io;

use ws_common::adapter::READ_SIZE;

use crate::Stream;
use crate::sys::{self, Wait};

/// The input, and how much of it is consumed. A connection over TCP without TLS has memory for input only while some is
/// unconsumed, so a connection that waits costs little more than its thread.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) stream: Stream,
    bytes: Vec<u8>,
    consumed: usize,
    filled: usize,
    /// Whether the last read took as much as one can.
    is_filled: bool,
    /// The failure behind the bytes of the last read; the next read returns it.
    failed: Option<io::Error>,
}

impl Input {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self { stream, bytes: Vec::new(), consumed: 0, filled: 0, is_filled: false, failed: None }
    }

    /// Passes the unconsumed input to `take`, which consumes it from the front.
    pub(crate) fn with<T>(&mut self, take: impl FnOnce(&mut &mut [u8]) -> T) -> T {
        let mut rest = &mut self.bytes[self.consumed..self.filled];
        let result = take(&mut rest);
        self.consumed = self.filled - rest.len();
        if self.consumed == self.filled {
            self.clear();
        }
        result
    }

    /// Discards unconsumed input.
    pub(crate) fn clear(&mut self) {
        (self.consumed, self.filled) = (0, 0);
        if self.stream.plain_tcp().is_some() {
            self.bytes = Vec::new();
        }
    }

    /// Returns whether the last [read](Self::read) took as much as one can: more input may have arrived.
    pub(crate) const fn is_filled(&self) -> bool {
        self.is_filled
    }

    /// Replaces the consumed input by the next, as [`Stream::receive`] does.
    pub(crate) fn read(&mut self, wait: Wait) -> io::Result<Option<usize>> {
        self.clear();
        self.is_filled = false;
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let read = match self.stream.plain_tcp() {
            Some(tcp) => {
                if !sys::wait_readable(tcp, wait)? {
                    return Ok(None);
                }
                self.failed = sys::read_arrived(tcp, &mut self.bytes)?;
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
        self.is_filled = read == READ_SIZE;
        Ok(Some(read))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write};
    use std::mem;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    #[cfg(target_os = "linux")]
    use rustix::event::{PollFd, PollFlags, poll};

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
        for len in [1, 4095, 4096, 4097, 40_000] {
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
        send(&input, &mut peer, &[7; 4096]);
        drop(peer);
        assert_eq!(input.read(Wait::default()).expect("input"), Some(4096));
        assert_eq!(input.read(Wait::default()).expect("the end"), Some(0));
    }

    /// On Linux, bytes that have arrived outlive a reset.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_reset_behind_the_first_bytes_is_found() {
        let (mut input, mut peer) = connected();
        send(&input, &mut peer, &[7; 4096]);
        socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("a socket");
        drop(peer);
        // No flag asks for it: a reset always ends the wait.
        let tcp = input.stream.tcp().expect("TCP");
        poll(&mut [PollFd::new(tcp, PollFlags::empty())], None).expect("a socket");
        assert_eq!(input.read(Wait::default()).expect("input"), Some(4096));
        let reset = input.read(Wait::default()).expect_err("the reset");
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        assert_eq!(input.read(Wait::default()).expect("the end"), Some(0));
    }

    #[test]
    fn consumed_input_is_freed_at_once() {
        let (mut input, mut peer) = connected();
        send(&input, &mut peer, &[7; READ_SIZE]);
        assert_eq!(input.read(Wait::default()).expect("input"), Some(READ_SIZE));
        input.with(|rest| *rest = &mut mem::take(rest)[1..]);
        assert_eq!(consume(&mut input), [7; READ_SIZE - 1]);
        assert_eq!((input.bytes.capacity(), input.is_filled()), (0, true));
        assert!(consume(&mut input).is_empty());
    }

    #[test]
    fn a_wait_holds_no_buffer() {
        let (mut input, mut peer) = connected();
        send(&input, &mut peer, b"hello");
        assert_eq!(input.read(Wait::default()).expect("input"), Some(5));
        assert_eq!(input.bytes.capacity(), 5);
        let wait = Wait { room: false, limit: Some(Duration::ZERO) };
        assert_eq!(input.read(wait).expect_err("no input").kind(), ErrorKind::TimedOut);
        assert_eq!((input.bytes.capacity(), input.is_filled()), (0, false));
        assert!(consume(&mut input).is_empty());
        send(&input, &mut peer, b"again");
        assert_eq!(input.read(wait).expect("input"), Some(5));
        assert_eq!(consume(&mut input), b"again");
    }
}
