//! A connection as a stream of bytes: the payloads of binary messages, whose boundaries have no meaning.

use std::io::{self, ErrorKind};

use wsproto::{CloseInfo, SendError};

use crate::{Error, Message};

/// The maximum number of bytes of a message that is written.
const MOST_IN_MESSAGE: usize = 64 << 10;

/// The received bytes of a connection that is used as a stream: the last message, of which some may be read.
#[derive(Debug, Default)]
pub struct ReceivedBytes {
    message: Vec<u8>,
    read: usize,
}

impl ReceivedBytes {
    /// Returns the bytes that were not read.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.message.get(self.read..).unwrap_or_default()
    }

    /// Passes over bytes that were read. After the last one, nothing is held.
    pub fn consume(&mut self, len: usize) {
        self.read += len;
        if self.read >= self.message.len() {
            *self = Self::default();
        }
    }

    /// Takes what was received once all bytes are read: a message, which may be empty, or `None` with the `end` of the
    /// connection. Returns whether more may follow: false at the [normal](CloseInfo::is_normal) end.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](ErrorKind::InvalidData) for a text message, [`UnexpectedEof`](ErrorKind::UnexpectedEof) for
    /// another end, because bytes may be missing.
    pub fn take(&mut self, received: Option<Message>, end: Option<&CloseInfo>) -> io::Result<bool> {
        match (received, end) {
            (Some(Message::Binary(message)), _) => {
                *self = Self { message, read: 0 };
                Ok(true)
            }
            (Some(Message::Text(_)), _) => {
                Err(io::Error::new(ErrorKind::InvalidData, "a text message"))
            }
            (None, Some(end)) if end.is_normal() => Ok(false),
            (None, Some(end)) => Err(io::Error::new(ErrorKind::UnexpectedEof, end.to_string())),
            (None, None) => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Returns the bytes that were not read.
    #[must_use]
    pub fn into_unread(mut self) -> Vec<u8> {
        self.message.drain(..self.read);
        self.message
    }
}

/// Returns the first of the bytes, as many as one message carries: at most 64 KiB.
#[must_use]
pub fn one_message(bytes: &[u8]) -> &[u8] {
    bytes.get(..MOST_IN_MESSAGE).unwrap_or(bytes)
}

/// Converts an error to that of a stream: [`TimedOut`](ErrorKind::TimedOut) if there was no room in time,
/// [`BrokenPipe`](ErrorKind::BrokenPipe) after the end, [`NotConnected`](ErrorKind::NotConnected) before the connection
/// is open.
#[must_use]
pub fn stream_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::WouldExceed(_) => ErrorKind::TimedOut.into(),
        Error::Send(SendError::Closed) => io::Error::new(ErrorKind::BrokenPipe, error),
        Error::Send(SendError::NotOpen) => io::Error::new(ErrorKind::NotConnected, error),
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use wsproto::{CloseCode, Initiator};

    use super::*;

    fn end(code: CloseCode) -> CloseInfo {
        CloseInfo { code, was_clean: true, ..CloseInfo::abnormal(Initiator::Remote) }
    }

    #[test]
    fn messages_follow_each_other_and_the_end_is_told() {
        // M16
        let mut received = ReceivedBytes::default();
        let kind = |taken: io::Result<bool>| taken.map_err(|error| error.kind());
        for message in [&b""[..], b"abc", b"d"] {
            assert!(received.unread().is_empty());
            assert_eq!(kind(received.take(Some(message.to_vec().into()), None)), Ok(true));
            assert_eq!(received.unread(), message);
            for read in 1..=message.len() {
                received.consume(1);
                assert_eq!(received.unread(), &message[read..]);
            }
        }
        assert_eq!(kind(received.take(Some("text".into()), None)), Err(ErrorKind::InvalidData));
        assert_eq!(kind(received.take(None, Some(&end(CloseCode::NORMAL)))), Ok(false));
        let truncated = Err(ErrorKind::UnexpectedEof);
        assert_eq!(kind(received.take(None, Some(&end(CloseCode::GOING_AWAY)))), truncated);
        assert_eq!(kind(received.take(None, None)), truncated);
        received.take(Some(b"xyz"[..].into()), None).expect("binary");
        received.consume(1);
        assert_eq!(received.into_unread(), b"yz");
    }

    #[test]
    fn a_message_has_at_most_64_kib() {
        // M16
        let bytes = [7; (64 << 10) + 1];
        assert_eq!(one_message(&bytes).len(), 64 << 10);
        assert_eq!(one_message(&bytes[..9]), [7; 9]);
        assert!(one_message(&[]).is_empty());
        let errors = [
            (Error::WouldExceed(None), ErrorKind::TimedOut),
            (SendError::Closed.into(), ErrorKind::BrokenPipe),
            (SendError::NotOpen.into(), ErrorKind::NotConnected),
            (Error::Io(ErrorKind::ConnectionReset.into()), ErrorKind::ConnectionReset),
            (Error::NoExtendedConnect, ErrorKind::Other),
        ];
        for (error, kind) in errors {
            assert_eq!(stream_error(error).kind(), kind);
        }
    }
}
