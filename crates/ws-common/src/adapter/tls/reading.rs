//! Reading in event loops: bounded, and without losing the alert of a failed connection.

use std::io::{self, ErrorKind, Read, Write};

use super::TlsState;

/// The maximum number of ciphertext reads per call: 4 KiB each, or the rest of a TLS handshake message. To decrypt
/// these costs about as much as another round of the loop.
const READS: usize = 4;

/// How many bytes of ciphertext to read and discard after an error.
const DRAIN: usize = 1 << 20;

impl TlsState {
    /// Reads plaintext from a socket that does not block, from a bounded amount of ciphertext. Returns its length, 0 at
    /// the end of the stream, or `None` if that ciphertext contains none; then call it again without waiting for the
    /// socket.
    ///
    /// If the peer breaks TLS, calls `shut_down`, which must shut down the writing side of the socket, and discards up
    /// to 1 MiB of input. Otherwise the alert would be lost: closing a socket with unread input resets the connection,
    /// and the peer then discards its unread input, too.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    pub fn read_from(
        &mut self,
        to: &mut [u8],
        from: &mut impl Read,
        socket: &mut impl Write,
        shut_down: impl FnOnce(),
    ) -> io::Result<Option<usize>> {
        for reads in 0.. {
            if let Some(read) = self.read(to)? {
                return Ok(Some(read));
            }
            if reads == READS {
                break;
            }
            let Err(error) = self.receive(from, socket) else { continue };
            if error.kind() == ErrorKind::InvalidData {
                shut_down();
                drain(from);
            }
            return Err(error);
        }
        Ok(None)
    }
}

/// Discards input, until there is none now.
fn drain(from: &mut impl Read) {
    let (mut buffer, mut drained) = ([0; 16 << 10], 0);
    while drained < DRAIN {
        match from.read(&mut buffer) {
            Ok(read @ 1..) => drained += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::ClientTls;

    /// A stream of zeros, which no TLS record begins with.
    struct Zeros {
        shut_down: Cell<bool>,
        discarded: Cell<usize>,
    }

    impl Read for &Zeros {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            if self.shut_down.get() {
                self.discarded.set(self.discarded.get() + to.len());
            }
            to.fill(0);
            Ok(to.len())
        }
    }

    #[test]
    fn a_broken_peer_is_shut_down_and_its_input_discarded_up_to_a_limit() {
        let client = ClientTls::default().begin("localhost").expect("a name");
        let (mut state, mut written) = (TlsState::new(client.into()), Vec::new());
        let zeros = Zeros { shut_down: Cell::new(false), discarded: Cell::new(0) };
        let shut_down = || assert!(!zeros.shut_down.replace(true), "once");
        let read = state.read_from(&mut [0; 100], &mut &zeros, &mut written, shut_down);
        assert_eq!(read.expect_err("no TLS").kind(), ErrorKind::InvalidData);
        assert_eq!(zeros.discarded.get(), DRAIN);
        // The record of an alert (RFC 8446 section 5.1).
        assert!(written.windows(3).any(|bytes| bytes == [21, 3, 3]), "an alert was written");
    }
}
