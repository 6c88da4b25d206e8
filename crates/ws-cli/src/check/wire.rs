//! One connection of a probe: bytes in both directions, within a time and a number of bytes.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::stream::Stream;

/// The most bytes to receive in one probe.
const MOST_RECEIVED: usize = 1 << 20;

/// How many bytes of each direction a report keeps.
const MOST_KEPT: usize = 4 << 10;

/// How long to wait between two parts that must arrive apart.
const PAUSE: Duration = Duration::from_millis(20);

/// The outcome of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// So many bytes.
    Bytes(usize),
    /// Nothing in time.
    Nothing,
    /// The server has ended its side.
    End,
    /// The server has reset the connection.
    Reset,
    /// More bytes than a probe receives.
    TooMuch,
}

/// A connection and its bytes.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    received: usize,
    /// The bytes sent and received, for the report.
    pub(super) record: Record,
}

/// The bytes of both directions, up to a limit each.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) sent: Kept,
    pub(super) received: Kept,
}

/// The first bytes of a direction, and the number of all.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    pub(super) len: usize,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        let room = MOST_KEPT.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, received: 0, record: Record::default() }
    }

    /// Sends `bytes`, and reports `shown`. A server may have ended the connection: that is told by reading.
    pub(super) fn send_as(&mut self, bytes: &[u8], shown: &[u8], patience: Duration) {
        self.record.sent.add(shown);
        let _gone = self
            .stream
            .limit(patience)
            .and_then(|()| self.stream.write_all(bytes))
            .and_then(|()| self.stream.flush());
    }

    /// Sends bytes.
    pub(super) fn send(&mut self, bytes: &[u8], patience: Duration) {
        self.send_as(bytes, bytes, patience);
    }

    /// Waits, so that the bytes before and after it arrive apart.
    pub(super) fn pause(&self) {
        std::thread::sleep(PAUSE);
    }

    /// Receives once before `deadline`; appends the bytes.
    pub(super) fn receive(&mut self, to: &mut Vec<u8>, deadline: Instant) -> Arrived {
        let mut buffer = [0; 16 << 10];
        loop {
            if self.received > MOST_RECEIVED {
                return Arrived::TooMuch;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Arrived::Nothing;
            }
            let read = self.stream.limit(left).and_then(|()| self.stream.read(&mut buffer));
            match read {
                Ok(0) => return Arrived::End,
                Ok(len) => {
                    let bytes = buffer.get(..len).unwrap_or_default();
                    self.record.received.add(bytes);
                    self.received += len;
                    to.extend_from_slice(bytes);
                    return Arrived::Bytes(len);
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
                    // The server has ended TCP without the alert of TLS.
                    ErrorKind::UnexpectedEof => return Arrived::End,
                    _ => return Arrived::Reset,
                },
            }
        }
    }

    /// Ends the connection, and returns the bytes of both directions.
    pub(super) fn end(mut self) -> Record {
        // The server may be gone.
        let _ = self.stream.end();
        self.record
    }
}
