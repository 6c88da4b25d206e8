//! Messages whose memory a connection shares.

use bytes::Bytes;

use super::WebSocketConnection;
use crate::adapter::Outgoing;
use crate::{Error, SendStatus};

impl WebSocketConnection {
    /// Sends a binary message whose memory others may share. A server does not copy one of at least 16 KiB, unless
    /// compression makes it shorter: the connection shares the memory until all of it is written. A client masks a
    /// copy (RFC 6455 section 5.3). Needs the feature `bytes`.
    ///
    /// ```
    /// use bytes::Bytes;
    /// # use ws_common::{Error, WebSocketConnection};
    ///
    /// fn send_to_all(image: &Bytes, players: &[WebSocketConnection]) -> Result<(), Error> {
    ///     players.iter().try_for_each(|player| player.send_bytes(image).map(drop))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but [`Error::WouldExceed`] contains no message.
    pub fn send_bytes(&self, bytes: &Bytes) -> Result<SendStatus, Error> {
        self.0.send(Outgoing::Bytes(bytes))
    }
}
