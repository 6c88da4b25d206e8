//! One end of a TLS connection: the state of rustls, and how its bytes move.

mod reading;

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;

use rustls::{Connection, Side};

use crate::TlsInfo;
use crate::tls::{HTTP_1_1, explained, guarded};

/// The limit of buffered plaintext, and of buffered ciphertext, in bytes; the default of rustls.
const BUFFER_LIMIT: usize = 64 << 10;

/// How many bytes of an outer connection's plaintext are decrypted at once.
const CHUNK: usize = 4096;

/// One end of a TLS connection, without its socket. In its methods, `socket` is the writing side of the
/// socket and must not block. A connection may be carried over another one.
#[derive(Debug)]
pub struct TlsState {
    tls: Connection,
    /// How many bytes of plaintext are encrypted, but not reported as written: some of their ciphertext is
    /// unwritten.
    taken: usize,
    /// Whether the next read may return something without input from the socket.
    has_more: bool,
    /// Why the connection has failed, behind the last plaintext.
    failure: Option<io::Error>,
    /// The connection that carries the ciphertext of this one.
    outer: Option<Box<Self>>,
}

/// The writing side of an outer connection.
struct Through<'a, W> {
    outer: &'a mut TlsState,
    socket: &'a mut W,
}

impl<W: Write> Write for Through<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outer.try_write(&[IoSlice::new(bytes)], self.socket)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsState {
    /// Creates the state of a connection that has not begun.
    #[must_use]
    pub const fn new(tls: Connection) -> Self {
        Self { tls, taken: 0, has_more: true, failure: None, outer: None }
    }

    /// Carries this connection over another one, as through a proxy that speaks TLS. Neither has any bytes to
    /// write.
    #[must_use]
    pub(crate) fn over(mut self, outer: Self) -> Self {
        self.outer = Some(Box::new(outer));
        self
    }

    /// Encrypts bytes for a socket that takes everything.
    pub(crate) fn encrypt(&mut self, bytes: &[u8], socket: &mut Vec<u8>) -> io::Result<()> {
        self.tls.writer().write_all(bytes)?;
        self.flush(socket)
    }

    /// Returns whether the TLS handshake is in progress.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Returns the parameters; complete once the handshake is done.
    #[must_use]
    pub fn info(&self) -> TlsInfo {
        TlsInfo::new(&self.tls)
    }

    /// Encrypts and writes, as [`Transport::try_write`](super::Transport::try_write) does. Bytes count as
    /// written once all their ciphertext is.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush); `WouldBlock` also while the TLS handshake is in progress and rustls buffers
    /// no more plaintext.
    pub fn try_write(
        &mut self,
        from: &[IoSlice<'_>],
        socket: &mut impl Write,
    ) -> io::Result<usize> {
        self.flush(socket)?;
        if self.taken == 0 {
            self.taken = self.tls.writer().write_vectored(from)?;
            if self.taken == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.flush(socket)?;
        }
        Ok(mem::take(&mut self.taken))
    }

    /// Returns whether ciphertext is unwritten: call [`flush`](Self::flush) when the socket accepts bytes.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.tls.wants_write() || self.outer.as_ref().is_some_and(|outer| outer.wants_write())
    }

    /// Writes all pending ciphertext.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of the socket, `WouldBlock` if it does not take all.
    pub fn flush(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.tls.wants_write() {
            let written = match self.outer.as_deref_mut() {
                Some(outer) => self.tls.write_tls(&mut Through { outer, socket }),
                None => self.tls.write_tls(socket),
            };
            match written {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                written => {
                    written?;
                }
            }
        }
        match &mut self.outer {
            Some(outer) => outer.flush(socket),
            None => Ok(()),
        }
    }

    /// Writes a `close_notify` alert. Call it again if the socket did not take all of it; without the alert, the peer
    /// sees only the end of the TCP stream.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn close(&mut self, socket: &mut impl Write) -> io::Result<()> {
        self.tls.send_close_notify();
        self.flush(socket)?;
        match &mut self.outer {
            Some(outer) => outer.close(socket),
            None => Ok(()),
        }
    }

    /// Reads plaintext. Returns its length, 0 at the end of the stream, or `None` if more ciphertext is
    /// needed. The end of the TCP stream without a `close_notify` counts as the end: a missing Close frame
    /// reveals a truncation.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of rustls.
    pub fn read(&mut self, to: &mut [u8]) -> io::Result<Option<usize>> {
        self.has_more = true;
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        loop {
            match self.tls.reader().read(to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.take_from_outer()?.is_none() {
                        return Ok(None);
                    }
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Some(0)),
                result => return result.map(Some),
            }
        }
    }

    /// Takes ciphertext that an outer connection has decrypted. Returns its length, 0 at the end.
    fn take_from_outer(&mut self) -> io::Result<Option<usize>> {
        let mut chunk = [0; CHUNK];
        let Some(outer) = &mut self.outer else { return Ok(None) };
        let Some(read) = outer.read(&mut chunk)? else { return Ok(None) };
        let mut rest = chunk.get(..read).unwrap_or_default();
        loop {
            self.tls.read_tls(&mut rest)?;
            process(&mut self.tls)?;
            if rest.is_empty() {
                return Ok(Some(read));
            }
        }
    }

    /// Takes ciphertext with one read of `from`, and writes handshake messages, or the alert of a failed
    /// handshake. Returns the number of bytes read.
    ///
    /// # Errors
    ///
    /// [`io::Error`] of `from`; of kind [`InvalidData`](ErrorKind::InvalidData), which is
    /// [`Error::Tls`](crate::Error::Tls) when converted, if the peer breaks TLS.
    pub fn receive(&mut self, from: &mut impl Read, socket: &mut impl Write) -> io::Result<usize> {
        let (received, processed) = match &mut self.outer {
            None => (self.tls.read_tls(from)?, process(&mut self.tls).map(drop)),
            Some(outer) => {
                let received = outer.receive(from, socket)?;
                // During a handshake, there is no plaintext, and all of its messages are answered below.
                let mut processed = self.take_from_outer();
                while self.tls.is_handshaking() && matches!(processed, Ok(Some(1..))) {
                    processed = self.take_from_outer();
                }
                (received, processed.map(drop))
            }
        };
        // If it fails, reading reports the reason.
        let _ = self.flush(socket);
        processed.map(|()| received)
    }
}

/// Processes received ciphertext. Returns whether the peer has ended its side. When the handshake is done, checks
/// the negotiated ALPN protocol (RFC 7301): if one other than `http/1.1` was selected, discards all buffered
/// output, so that the request is not sent.
fn process(tls: &mut Connection) -> io::Result<bool> {
    let was_handshaking = tls.is_handshaking();
    let this_end = match tls {
        Connection::Client(_) => Side::Client,
        Connection::Server(_) => Side::Server,
    };
    let state = guarded(|| tls.process_new_packets())?
        .map_err(|error| explained(error, this_end, !was_handshaking))?;
    if was_handshaking && !tls.is_handshaking() {
        // `ClientTls::begin` removed the limit for the request.
        tls.set_buffer_limit(Some(BUFFER_LIMIT));
        if let Some(protocol) = tls.alpn_protocol().filter(|protocol| *protocol != HTTP_1_1) {
            let error = rustls::Error::General(format!(
                "the peer has selected the protocol {:?}, not http/1.1",
                protocol.escape_ascii().to_string()
            ));
            discard_output(tls)?;
            return Err(explained(error, this_end, false));
        }
    }
    Ok(state.peer_has_closed())
}

fn discard_output(tls: &mut Connection) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(&mut io::sink())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
