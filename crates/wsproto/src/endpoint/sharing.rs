//! Messages whose memory the application shares with the output.

use bytes::Bytes;

use super::Endpoint;
use crate::frame::Opcode;
use crate::output::{LARGE, Payload};
use crate::{Role, SendError};

impl<R: Role> Endpoint<R> {
    /// Sends a binary message, as [`send_binary`](Self::send_binary) does. A server does not copy one of at least
    /// 16 KiB: it shares the memory until all of it is written, unless compression makes it shorter. A client masks
    /// a copy.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use wsproto::handshake::Accept;
    /// use bytes::Bytes;
    /// use wsproto::{Config, Endpoint};
    ///
    /// # let mut request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    /// #     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".to_vec();
    /// let mut ws = Endpoint::server(Config::default(), Duration::ZERO);
    /// # assert!(ws.next_event(Duration::ZERO, &mut &mut request[..]).is_some());
    /// # ws.accept(&Accept::new(), Duration::ZERO)?;
    /// # let head = ws.pending().len();
    /// # ws.wrote(head, Duration::ZERO);
    /// let image = Bytes::from(vec![7; 1 << 20]);
    /// ws.send_bytes(&image)?;
    /// let [_, payload] = ws.pending_slices();
    /// assert_eq!(payload.as_ptr(), image.as_ptr());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    pub fn send_bytes(&mut self, bytes: &Bytes) -> Result<(), SendError> {
        if self.is_fragmented(bytes.len()) {
            return self.send_fragments(Opcode::Binary, Payload::Bytes(bytes.clone()));
        }
        if !R::SERVER || bytes.len() < LARGE {
            return self.send_binary(&bytes[..]);
        }
        #[cfg(feature = "deflate")]
        if self.send_with(|sender, out| sender.try_deflated_binary(bytes, out))? {
            self.count_message();
            return Ok(());
        }
        let len = bytes.len() as u64;
        self.send_with(|sender, out| sender.send_binary_header(len, out))?;
        self.count_message();
        self.push(bytes.len(), |output| output.push_lent(bytes.clone()));
        Ok(())
    }
}
