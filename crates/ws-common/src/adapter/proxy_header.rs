//! The header of the PROXY protocol, with which a proxy begins a connection.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str;

use wsproto::SessionError;

use crate::Error;

/// The longest header of version 1, in bytes, with its CR LF.
const MOST_V1: usize = 107;

/// The shortest header of version 1: `PROXY UNKNOWN` and CR LF.
const LEAST_V1: usize = 15;

const V1: &[u8] = b"PROXY ";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The length of the fixed part of a header of version 2.
const FIXED_V2: usize = V2.len() + 4;

/// The header of the PROXY protocol, version 1 or 2, as it arrives. It is read from the transport before
/// TLS and HTTP, and never a byte beyond it: [`read`](Self::read) does both.
///
/// It takes 128 bytes, however long the header is. TLVs are discarded.
pub struct ProxyHeader {
    /// The line of version 1, or the fixed part and the addresses of version 2.
    bytes: [u8; MOST_V1],
    len: usize,
    /// How many bytes are still to be read, at least.
    wanted: usize,
    /// How many of these are TLVs, which are discarded.
    discarded: usize,
    client: Option<SocketAddr>,
}

/// The reason why a connection from a proxy does not begin with a PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyHeaderError {
    /// The first bytes are not those of a PROXY header.
    #[error("a connection from a trusted proxy must begin with a PROXY header")]
    Missing,
    /// The line of version 1 has more than 107 bytes.
    #[error("the line of the PROXY header has more than 107 bytes")]
    TooLong,
    /// The line of version 1 is malformed.
    #[error("the line of the PROXY header is malformed")]
    Line,
    /// The version and command of version 2 are neither 0x20 nor 0x21.
    #[error("{0:#04x} is no version and command of a PROXY header")]
    Command(u8),
    /// The address family and protocol of version 2 are not those of a stream.
    #[error("{0:#04x} is no family and protocol of a stream in a PROXY header")]
    Family(u8),
    /// The length of version 2 is too short for the addresses.
    #[error("the length {0} of the PROXY header is too short for its addresses")]
    Length(u16),
}

/// The outcome of [`ProxyHeader::read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeaderRead {
    /// The header is complete, and names this client; `None` if it names none, so that the peer counts.
    Complete(Option<SocketAddr>),
    /// The transport has no more input at the moment.
    Blocked,
    /// The transport has ended without any input, as a health check does.
    Ended,
}

impl ProxyHeader {
    /// Creates a header of which nothing has arrived.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; MOST_V1], len: 0, wanted: V2.len(), discarded: 0, client: None }
    }

    /// Returns how many bytes certainly belong to the header and have not arrived; 0 once it is complete.
    #[must_use]
    pub const fn wanted(&self) -> usize {
        self.wanted + self.discarded
    }

    /// Returns whether nothing has arrived.
    #[must_use]
    pub const fn is_blank(&self) -> bool {
        self.len == 0
    }

    /// Returns the address that a complete header names, if it names one.
    #[must_use]
    pub const fn client(&self) -> Option<SocketAddr> {
        self.client
    }

    /// Takes the next bytes, at most as many as are [wanted](Self::wanted); further ones are ignored.
    ///
    /// # Errors
    ///
    /// [`ProxyHeaderError`], at the first byte that cannot belong to a header, or at the end of a malformed
    /// line. End the connection then.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), ProxyHeaderError> {
        for byte in bytes {
            if self.wanted == 0 {
                self.discarded = self.discarded.saturating_sub(1);
                continue;
            }
            if let Some(next) = self.bytes.get_mut(self.len) {
                *next = *byte;
            }
            self.len += 1;
            self.wanted -= 1;
            self.check_beginning()?;
            if self.wanted == 0 {
                self.advance()?;
            }
        }
        Ok(())
    }

    /// Reads until the header is complete or the transport has no more input.
    ///
    /// # Errors
    ///
    /// [`Error::ProxyHeader`] as [`take`](Self::take), [`Error::Io`] of the transport, or
    /// [`Error::Session`] if it ends within the header. End the connection then.
    pub fn read(&mut self, from: &mut impl Read) -> Result<ProxyHeaderRead, Error> {
        let mut buffer = [0; 256];
        while self.wanted() > 0 {
            let most = self.wanted().min(buffer.len());
            match from.read(&mut buffer[..most]) {
                Ok(0) if self.is_blank() => return Ok(ProxyHeaderRead::Ended),
                Ok(0) => return Err(SessionError::EndOfInput.into()),
                Ok(read) => self.take(&buffer[..read])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(ProxyHeaderRead::Blocked);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) if self.is_blank() => return Ok(ProxyHeaderRead::Ended),
                Err(error) => return Err(io::Error::into(error)),
            }
        }
        Ok(ProxyHeaderRead::Complete(self.client))
    }

    fn arrived(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }

    fn is_v1(&self) -> bool {
        self.bytes[0] == V1[0]
    }

    /// Checks the bytes that are the same in all headers.
    fn check_beginning(&self) -> Result<(), ProxyHeaderError> {
        let beginning = if self.is_v1() { V1 } else { V2 };
        let compared = self.len.min(beginning.len());
        match self.bytes[..compared] == beginning[..compared] {
            true => Ok(()),
            false => Err(ProxyHeaderError::Missing),
        }
    }

    /// Decides how much more is wanted; parses the header once it is complete.
    fn advance(&mut self) -> Result<(), ProxyHeaderError> {
        if self.is_v1() {
            return self.advance_line();
        }
        match self.len {
            len if len < FIXED_V2 => {
                self.wanted = FIXED_V2 - len;
                Ok(())
            }
            FIXED_V2 => self.begin_addresses(),
            _ => {
                self.client = self.parse_addresses();
                Ok(())
            }
        }
    }

    fn advance_line(&mut self) -> Result<(), ProxyHeaderError> {
        let line = self.arrived();
        self.wanted = match line {
            _ if line.len() < LEAST_V1 => LEAST_V1 - line.len(),
            [.., b'\r', b'\n'] => {
                self.client = parse_line(line).ok_or(ProxyHeaderError::Line)?;
                return Ok(());
            }
            [.., b'\r'] => 1,
            // The line ends with two more bytes at least.
            _ => 2,
        };
        if self.len + self.wanted > MOST_V1 {
            return Err(ProxyHeaderError::TooLong);
        }
        Ok(())
    }

    /// Reads the fixed part of version 2.
    fn begin_addresses(&mut self) -> Result<(), ProxyHeaderError> {
        let [command, family, high, low] = [12, 13, 14, 15].map(|at| self.bytes[at]);
        let len = u16::from_be_bytes([high, low]);
        let addresses: u16 = match (command, family) {
            // LOCAL: the addresses must be ignored.
            (0x20, _) => 0,
            (0x21, 0x00) => 0,
            (0x21, 0x11) => 12,
            (0x21, 0x21) => 36,
            // Unix sockets have no address that would name a client.
            (0x21, 0x31) if len >= 216 => 0,
            (0x21, 0x31) => return Err(ProxyHeaderError::Length(len)),
            (0x21, _) => return Err(ProxyHeaderError::Family(family)),
            _ => return Err(ProxyHeaderError::Command(command)),
        };
        let discarded = len.checked_sub(addresses).ok_or(ProxyHeaderError::Length(len))?;
        (self.wanted, self.discarded) = (addresses.into(), discarded.into());
        Ok(())
    }

    fn parse_addresses(&self) -> Option<SocketAddr> {
        match *self.arrived().get(FIXED_V2..)? {
            [a, b, c, d, _, _, _, _, high, low, _, _] => {
                let port = u16::from_be_bytes([high, low]);
                Some((Ipv4Addr::new(a, b, c, d), port).into())
            }
            ref addresses => {
                let source: [u8; 16] = addresses.get(..16)?.try_into().ok()?;
                let port = u16::from_be_bytes(addresses.get(32..34)?.try_into().ok()?);
                Some((Ipv6Addr::from(source), port).into())
            }
        }
    }
}

/// Parses a line of version 1. Returns the client it names, if it names one; `None` if it is malformed.
fn parse_line(line: &[u8]) -> Option<Option<SocketAddr>> {
    let line = str::from_utf8(line).ok()?.strip_prefix("PROXY ")?.strip_suffix("\r\n")?;
    if line.contains(['\r', '\n']) {
        return None;
    }
    let mut parts = line.split(' ');
    let family = parts.next()?;
    if family == "UNKNOWN" {
        return Some(None);
    }
    let (source, destination) = (parts.next()?, parts.next()?);
    let port = parse_port(parts.next()?)?;
    parse_port(parts.next()?)?;
    if parts.next().is_some() {
        return None;
    }
    let client: SocketAddr = match family {
        "TCP4" => {
            destination.parse::<Ipv4Addr>().ok()?;
            (source.parse::<Ipv4Addr>().ok()?, port).into()
        }
        "TCP6" => {
            destination.parse::<Ipv6Addr>().ok()?;
            (source.parse::<Ipv6Addr>().ok()?, port).into()
        }
        _ => return None,
    };
    Some(Some(client))
}

/// Parses a decimal number without leading zeros.
fn parse_port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let leading = digits.len() > 1 && digits.starts_with('0');
    digits.parse().ok().filter(|_| plain && !leading)
}

impl Default for ProxyHeader {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ProxyHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyHeader")
            .field("len", &self.len)
            .field("wanted", &self.wanted())
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
