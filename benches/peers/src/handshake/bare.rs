//! A bound, not a product: the least that a handshake has to do, which is also what the transport and
//! the answer cost everybody.

use std::io::{Read, Write};

use super::{Line, answer};
use crate::Outcome;

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "bare"
    }

    fn server(&self, mut line: Line) -> Outcome {
        let mut buffer = [0; 1024];
        let read = line.read(&mut buffer)?;
        let answer = answer(&buffer[..read]).ok_or("no key")?;
        Ok(line.write_all(&answer)?)
    }

    fn client(&self, mut line: Line) -> Outcome {
        line.write_all(
            b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
              Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
              Sec-WebSocket-Version: 13\r\n\r\n",
        )?;
        let mut buffer = [0; 1024];
        let read = line.read(&mut buffer)?;
        if !buffer[..read].ends_with(b"\r\n\r\n") {
            return Err("half an answer".into());
        }
        Ok(())
    }
}
