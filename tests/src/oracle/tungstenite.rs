//! `tungstenite`, which reads from and writes to memory.

use std::io::{self, Cursor, Read, Write};

use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::Role as Side;
use tungstenite::{Error, Message, WebSocket};

use super::{Difference, Verdict};
use crate::model::{Role, Seen};

/// The known differences of `tungstenite`.
pub const TUNGSTENITE: &[Difference] =
    &[("InvalidCloseCode", "answers with 1002, too, and reports that as a Close")];

/// Bytes to read; output is discarded.
struct Memory(Cursor<Vec<u8>>);

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the verdict of `tungstenite` on whole frames.
///
/// # Panics
///
/// If it fails for a reason unrelated to the frames.
#[must_use]
pub fn tungstenite(role: Role, frames: &[u8]) -> Verdict {
    let side = if role == Role::Server { Side::Server } else { Side::Client };
    let memory = Memory(Cursor::new(frames.to_vec()));
    let mut socket = WebSocket::from_raw_socket(memory, side, None);
    let mut verdict = Verdict::default();
    loop {
        verdict.events.push(match socket.read() {
            Ok(Message::Text(text)) => Seen::Text(text.as_str().to_owned()),
            Ok(Message::Binary(bytes)) => Seen::Binary(bytes.to_vec()),
            Ok(Message::Ping(payload)) => Seen::Ping(payload.to_vec()),
            Ok(Message::Pong(payload)) => Seen::Pong(payload.to_vec()),
            Ok(Message::Close(frame)) => {
                let body = frame.map(|f| (f.code.into(), f.reason.as_str().to_owned()));
                verdict.events.push(Seen::Close(body));
                return verdict;
            }
            Ok(Message::Frame(_)) => unreachable!("frames are not asked for"),
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return verdict,
            Err(
                Error::Protocol(_)
                | Error::Utf8(_)
                | Error::Capacity(CapacityError::MessageTooLong { .. }),
            ) => {
                verdict.refused = true;
                return verdict;
            }
            Err(error) => panic!("{error:?}"),
        });
    }
}
