//! The client's side of an open TLS connection at the least cost: output is encrypted, and input only counted. So the
//! load needs less time than the servers, and they are what is measured.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::TcpStream;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::error::Unspecified;
use rustls::ConnectionTrafficSecrets;

/// A record (RFC 8446 section 5.1): its type, two bytes of an old version, two of the length of its body.
const HEADER: usize = 5;

/// The type of encrypted records (section 5.2), and of those with data.
const APPLICATION_DATA: u8 = 23;

/// The most plaintext of a record.
const MOST: usize = 1 << 14;

/// The bytes that encryption adds to a plaintext: its type, and a tag.
const ADDED: usize = 1 + 16;

/// A connection of the load.
pub(super) enum Line {
    Plain(TcpStream),
    Tls(Box<Sealed>),
}

/// One of them with TLS.
pub(super) struct Sealed {
    tcp: TcpStream,
    key: LessSafeKey,
    iv: [u8; 12],
    /// The number of the next record.
    number: u64,
    /// Ciphertext that is to be written.
    output: Vec<u8>,
    written: usize,
    /// How many bytes of plaintext it has.
    taken: usize,
    records: Records,
}

impl Line {
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(sealed) => &sealed.tcp,
        }
    }

    /// Reads, and returns the number of bytes: with TLS, those of the plaintext, which is not in the buffer.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(sealed) => sealed.read(buffer),
        }
    }

    /// Writes, and returns the number of bytes. With TLS, bytes count once all their ciphertext is written; until then,
    /// call it with the same ones.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(sealed) => sealed.write(bytes),
        }
    }
}

impl Sealed {
    pub(super) fn new(
        tcp: TcpStream,
        (number, secrets): (u64, ConnectionTrafficSecrets),
    ) -> io::Result<Self> {
        let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else {
            return Err(io::Error::other("another cipher than was offered"));
        };
        let iv = iv.as_ref().try_into().map_err(io::Error::other)?;
        let key = UnboundKey::new(&AES_128_GCM, key.as_ref()).map_err(refused)?;
        let (key, records) = (LessSafeKey::new(key), Records::default());
        Ok(Self { tcp, key, iv, number, output: Vec::new(), written: 0, taken: 0, records })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tcp.read(buffer)?;
        match self.records.count(&buffer[..read])? {
            0 if read > 0 => Err(ErrorKind::WouldBlock.into()),
            plaintext => Ok(plaintext),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.taken == 0 {
            self.output.clear();
            self.written = 0;
            for part in bytes.chunks(MOST) {
                self.seal(part)?;
            }
            self.taken = bytes.len();
        }
        while self.written < self.output.len() {
            self.written += self.tcp.write(&self.output[self.written..])?;
        }
        Ok(mem::take(&mut self.taken))
    }

    fn seal(&mut self, plaintext: &[u8]) -> io::Result<()> {
        let length = u16::try_from(plaintext.len() + ADDED).map_err(io::Error::other)?;
        let [high, low] = length.to_be_bytes();
        let header = [APPLICATION_DATA, 3, 3, high, low];
        self.output.extend(header);
        let start = self.output.len();
        self.output.extend_from_slice(plaintext);
        self.output.push(APPLICATION_DATA);
        // Section 5.3.
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= number;
        }
        self.number += 1;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let body = &mut self.output[start..];
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(header), body);
        self.output.extend_from_slice(tag.map_err(refused)?.as_ref());
        Ok(())
    }
}

fn refused(_: Unspecified) -> io::Error {
    io::Error::other("ring does not encrypt")
}

/// The position in a stream of records.
#[derive(Default)]
struct Records {
    header: [u8; HEADER],
    /// Bytes of a header that has not arrived whole.
    received: usize,
    /// Bytes left of the body.
    left: usize,
}

impl Records {
    /// Returns how many bytes of plaintext have arrived; those of a record count when its header does.
    fn count(&mut self, mut input: &[u8]) -> io::Result<usize> {
        let mut plaintext = 0;
        while !input.is_empty() {
            let taken = if self.left > 0 {
                let taken = self.left.min(input.len());
                self.left -= taken;
                taken
            } else {
                let taken = (HEADER - self.received).min(input.len());
                self.header[self.received..][..taken].copy_from_slice(&input[..taken]);
                self.received += taken;
                if self.received == HEADER {
                    let [kind, _, _, high, low] = self.header;
                    self.received = 0;
                    self.left = usize::from(u16::from_be_bytes([high, low]));
                    if kind != APPLICATION_DATA || self.left <= ADDED {
                        return Err(io::Error::other("the server sends no data"));
                    }
                    plaintext += self.left - ADDED;
                }
                taken
            };
            input = &input[taken..];
        }
        Ok(plaintext)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_is_counted_however_the_records_are_cut() {
        let mut wire = vec![APPLICATION_DATA, 3, 3, 0, 22];
        wire.extend([7; 22]);
        wire.extend([APPLICATION_DATA, 3, 3, 1, 17]);
        wire.extend([9; 256 + 17]);
        for part in [1, 3, 4, 26, 1000] {
            let mut records = Records::default();
            let counts = wire.chunks(part).map(|part| records.count(part).expect("records"));
            assert_eq!(counts.sum::<usize>(), 5 + 256);
        }
        // An alert that is not encrypted.
        assert!(Records::default().count(&[21, 3, 3, 0, 2, 2, 40]).is_err());
    }
}
