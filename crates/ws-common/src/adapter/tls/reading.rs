//! Reading in adapters: few system calls, a bounded amount at a time, and no loss of the alert of a failed connection.

use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;

use super::{TlsState, process};

/// The maximum number of ciphertext reads per call into a small buffer: 4 KiB each, or the rest of a TLS handshake
/// message. To decrypt these costs about as much as another round of the loop.
const READS: usize = 4;

/// The most plaintext of a record that began in an earlier read: less than a record with its header (RFC 8446 section
/// 5.2, RFC 5246 section 6.2.3).
const HELD: usize = (1 << 14) + 2048 + 5;

/// The least room for ciphertext, in bytes, for which a read of the socket bypasses the buffer of rustls.
const LEAST: usize = 16 << 10;

/// How many bytes of ciphertext to read and discard after an error.
const DRAIN: usize = 1 << 20;

impl TlsState {
    /// Reads plaintext from a socket that does not block, from a bounded amount of ciphertext. Returns its length, 0 at
    /// the end of the stream, or `None` if that ciphertext contains none; then call it again without waiting for the
    /// socket. After some plaintext, do that if it [`has_more`](Self::has_more).
    ///
    /// With a buffer of 64 KiB, it reads the socket once. Each read into a smaller one may take only 4 KiB.
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
        let read = match self.ciphertext_room(to) {
            Some(room) => self.read_at_once(to, room, from, socket),
            None => self.read_in_parts(to, from, socket),
        };
        if read.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidData) {
            shut_down();
            drain(from);
        }
        read
    }

    /// Returns whether the next read may return something without waiting for the socket, after a read that returned
    /// plaintext.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.has_more
    }

    /// Returns where in a buffer ciphertext is to be read, for [`decrypt`](Self::decrypt); `None` if the buffer is too
    /// small.
    #[must_use]
    pub fn ciphertext_room(&self, buffer: &[u8]) -> Option<Range<usize>> {
        let start = HELD * self.depth();
        (buffer.len() >= start + LEAST).then_some(start..buffer.len())
    }

    /// Decrypts ciphertext that lies at the front of a buffer's [room](Self::ciphertext_room). Call it only once
    /// [`read`](Self::read) has returned `None`. The plaintext is written from the front of the buffer on, and never
    /// reaches ciphertext that is not taken yet. Empty ciphertext is the end of the input. Returns as
    /// [`read_from`](Self::read_from) does, and writes to `socket` as [`receive`](Self::receive) does.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), after the plaintext before the error.
    pub fn decrypt(
        &mut self,
        buffer: &mut [u8],
        ciphertext: Range<usize>,
        socket: &mut impl Write,
    ) -> io::Result<Option<usize>> {
        let mut decrypted = 0;
        let result = self.take(buffer, ciphertext, &mut decrypted);
        // If it fails, reading reports the reason.
        let _ = self.flush(socket);
        match result {
            Err(error) if decrypted == 0 => Err(error),
            result => {
                self.failure = result.err();
                self.has_more |= self.failure.is_some();
                match decrypted {
                    // The end, or more is needed.
                    0 => self.read(buffer),
                    decrypted => Ok(Some(decrypted)),
                }
            }
        }
    }

    /// Decrypts without writing, and adds the length of the plaintext to `decrypted`.
    fn take(
        &mut self,
        buffer: &mut [u8],
        ciphertext: Range<usize>,
        decrypted: &mut usize,
    ) -> io::Result<()> {
        let (mut ciphertext, mut outcome) = (ciphertext, Ok(()));
        self.has_more = false;
        if let Some(outer) = &mut self.outer {
            let (inner, mut length) = (buffer.get_mut(HELD..).unwrap_or_default(), 0);
            let shifted = ciphertext.start - HELD..ciphertext.end - HELD;
            outcome = outer.take(inner, shifted, &mut length);
            self.has_more = outer.has_more;
            if length == 0 && !ciphertext.is_empty() {
                return outcome;
            }
            ciphertext = HELD..HELD + length;
        }
        loop {
            let mut rest = buffer.get(ciphertext.clone()).unwrap_or_default();
            let taken = self.tls.read_tls(&mut rest)?;
            ciphertext.start += taken;
            let processed = process(&mut self.tls);
            // The plaintext before an error, too.
            let free = buffer.get_mut(*decrypted..ciphertext.start).unwrap_or_default();
            match self.tls.reader().read(free) {
                Ok(read) => *decrypted += read,
                // More is needed, or there is no more.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::UnexpectedEof) => {
                }
                Err(error) => return Err(error),
            }
            self.has_more |= processed?;
            if taken == 0 || ciphertext.is_empty() {
                return outcome;
            }
        }
    }

    fn read_at_once(
        &mut self,
        to: &mut [u8],
        room: Range<usize>,
        from: &mut impl Read,
        socket: &mut impl Write,
    ) -> io::Result<Option<usize>> {
        if let Some(read) = self.read(to)? {
            return Ok(Some(read));
        }
        let (start, size) = (room.start, room.len());
        let received = from.read(to.get_mut(room).unwrap_or_default())?;
        let decrypted = self.decrypt(to, start..start + received, socket);
        self.has_more |= received == size;
        decrypted
    }

    fn read_in_parts(
        &mut self,
        to: &mut [u8],
        from: &mut impl Read,
        socket: &mut impl Write,
    ) -> io::Result<Option<usize>> {
        for reads in 0.. {
            if let Some(read) = self.read(to)? {
                return Ok(Some(read));
            }
            if reads == READS {
                break;
            }
            self.receive(from, socket)?;
        }
        Ok(None)
    }

    /// How many connections carry each other.
    fn depth(&self) -> usize {
        1 + self.outer.as_ref().map_or(0, |outer| outer.depth())
    }
}

/// Discards input, at most [`DRAIN`] bytes, until a read finds none.
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
mod tests;
