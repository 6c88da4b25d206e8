//! Large messages, read into the loop's buffer or straight into their memory.

use wsproto::handshake::Agreed;
use wsproto::{Config, Endpoint, Server, Session};

use super::*;
use crate::Message;
use crate::adapter::Step;

const NOW: Duration = Duration::ZERO;

/// The size of the message, in bytes.
const SIZE: usize = 1 << 20;

/// A transport that has all of its input already.
#[derive(Default)]
struct Source {
    input: Vec<u8>,
    taken: usize,
    /// Whether it can read into messages.
    lends: bool,
    /// How many reads there were, into a buffer and into a message.
    reads: [usize; 2],
}

impl Transport for Source {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn is_blocked(&self) -> bool {
        false
    }

    fn shutdown(&mut self) {}
}

impl Duplex for Source {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads[0] += 1;
        let len = buffer.len().min(self.input.len() - self.taken);
        buffer[..len].copy_from_slice(&self.input[self.taken..self.taken + len]);
        self.taken += len;
        Ok(len)
    }

    fn try_read_into(&mut self, message: &mut Vec<u8>) -> Option<io::Result<usize>> {
        if !self.lends {
            return None;
        }
        self.reads[1] += 1;
        let room = message.capacity() - message.len();
        let len = room.min(self.input.len() - self.taken);
        message.extend_from_slice(&self.input[self.taken..self.taken + len]);
        self.taken += len;
        Some(Ok(len))
    }

    fn is_readable(&self) -> bool {
        true
    }
}

/// Receives the first `len` bytes of a frame of a client, and the end of the stream if the message does not come
/// before. Returns the steps, and how many reads there were.
fn receive(len: usize, lends: bool) -> (Vec<Step>, [usize; 2]) {
    let mut input = b"\x82\xFF\0\0\0\0\0\x10\0\0\x01\x02\x03\x04".to_vec();
    input.extend([1, 2, 3, 4].iter().cycle().take(SIZE));
    input.truncate(input.len() - SIZE + len);
    let session = Session::opened(Server, Config::new(), Agreed::default(), NOW);
    let endpoint = Endpoint::new(session, Vec::new());
    let mut link = Link::new(endpoint, Source { input, lends, ..Source::default() });
    let (mut buffer, mut steps) = (vec![0; READ_SIZE], Vec::new());
    while !matches!(steps.last(), Some(Step::Message(_) | Step::Closed(_))) {
        let mut input = match link.read_payload(NOW) {
            Some(read) => read.map(|_| &mut [][..]).expect("no failure"),
            None => link.read(&mut buffer, NOW).expect("no failure"),
        };
        steps.extend(std::iter::from_fn(|| link.next(NOW, &mut input)));
    }
    (steps, link.transport().reads)
}

#[test]
fn a_large_message_is_read_into_itself() {
    for (lends, reads) in [(true, [1, 4]), (false, [17, 0])] {
        let (steps, seen) = receive(SIZE, lends);
        match &steps[..] {
            [Step::Open, Step::Message(Message::Binary(bytes))] => assert!(*bytes == [0; SIZE]),
            steps => panic!("{steps:?}"),
        }
        assert_eq!(seen, reads, "into the buffer, and into the message");
    }
}

#[test]
fn the_end_within_a_large_message_is_noticed() {
    for lends in [true, false] {
        let (steps, reads) = receive(SIZE / 2, lends);
        assert!(matches!(&steps[..], [Step::Open, Step::Closed(_)]), "{steps:?}");
        assert_eq!(reads[1] > 0, lends);
    }
}
