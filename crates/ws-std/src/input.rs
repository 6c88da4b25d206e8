//! The bytes that were read and are not consumed yet.

use std::io::{self, Read};
use std::mem;
use std::net::TcpStream;

use crate::Stream;
use crate::buffers;
use crate::sys::{self, Wait};

/// How many bytes are read on the stack, while a thread waits for input without a buffer: most reads of small messages.
const FIRST: usize = 4 << 10;

/// The input buffer, and how much of it is consumed. It has memory only while there is input, so that a connection that
/// waits costs little more than its thread.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) stream: Stream,
    /// Empty while nothing is read.
    buffer: Box<[u8]>,
    consumed: usize,
    filled: usize,
    /// The failure of the second of two reads; the next read returns it.
    failed: Option<io::Error>,
}

impl Input {
    pub(crate) fn new(stream: Stream) -> Self {
        buffers::join();
        Self { stream, buffer: Box::default(), consumed: 0, filled: 0, failed: None }
    }

    /// Passes the unconsumed input to `take`, which consumes it from the front.
    pub(crate) fn with<T>(&mut self, take: impl FnOnce(&mut &mut [u8]) -> T) -> T {
        let mut rest = &mut self.buffer[self.consumed..self.filled];
        let result = take(&mut rest);
        self.consumed = self.filled - rest.len();
        result
    }

    /// Discards unconsumed input.
    pub(crate) const fn clear(&mut self) {
        (self.consumed, self.filled) = (0, 0);
    }

    /// Returns whether the last [read](Self::read) has filled the buffer: more input may have arrived.
    pub(crate) fn is_filled(&self) -> bool {
        self.filled == self.buffer.len() && self.filled > 0
    }

    /// Waits for input and replaces the buffer's content by it, as [`Stream::receive`] does. All of the content must be
    /// consumed.
    pub(crate) fn read(&mut self, wait: Wait) -> io::Result<Option<usize>> {
        self.release();
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let read = match self.stream.plain_tcp() {
            Some(tcp) if !sys::wait_readable(tcp, wait)? => return Ok(None),
            Some(tcp) if wait.is_for_input_alone() => {
                let (buffer, read, failed) = read_on_the_stack(tcp)?;
                (self.buffer, self.failed) = (buffer, failed);
                read
            }
            Some(tcp) => {
                self.buffer = buffers::take();
                (&**tcp).read(&mut self.buffer)?
            }
            None => {
                self.buffer = buffers::take();
                match self.stream.receive(&mut self.buffer, wait)? {
                    Some(read) => read,
                    None => return Ok(None),
                }
            }
        };
        self.filled = read;
        Ok(Some(read))
    }

    /// Gives the buffer back.
    fn release(&mut self) {
        self.clear();
        buffers::give(mem::take(&mut self.buffer));
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.release();
        buffers::leave();
    }
}

/// Waits for input, and reads it. Takes a buffer only then, and fills it with what else has arrived. Returns the buffer,
/// how much was read, and the failure of the second read.
#[inline(never)]
fn read_on_the_stack(tcp: &TcpStream) -> io::Result<(Box<[u8]>, usize, Option<io::Error>)> {
    let mut first = [0; FIRST];
    let mut read = { tcp }.read(&mut first)?;
    let mut buffer = buffers::take();
    buffer[..read].copy_from_slice(&first[..read]);
    let mut failed = None;
    if read == FIRST {
        match sys::read_now(tcp, &mut buffer[read..]) {
            Ok(more) => read += more,
            Err(error) if crate::retry::is_timeout(&error) => {}
            Err(error) => failed = Some(error),
        }
    }
    Ok((buffer, read, failed))
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    use ws_common::adapter::READ_SIZE;

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
        assert_eq!((consume(&mut input), input.buffer.len()), (b"hello".to_vec(), READ_SIZE));
        let wait = Wait { room: false, limit: Some(Duration::ZERO) };
        assert_eq!(input.read(wait).expect_err("no input").kind(), ErrorKind::TimedOut);
        assert_eq!((input.buffer.len(), input.is_filled()), (0, false));
        input.with(|rest| assert!(rest.is_empty()));
        send(&input, &mut peer, b"again");
        assert_eq!(input.read(wait).expect("input"), Some(5));
        assert_eq!(consume(&mut input), b"again");
    }
}
