//! Messages and the outcome of sending them.

use std::fmt;

#[cfg(feature = "bytes")]
use bytes::Bytes;
use wsproto::PreparedMessage;

use crate::MessageRef;

/// A complete message. Its `Debug` output shows the kind and the length in bytes, not the payload, which
/// may be secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl Message {
    /// Returns the text of a text message, `None` for a binary one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Borrows the message.
    #[must_use]
    #[inline]
    pub fn as_ref(&self) -> MessageRef<'_> {
        match self {
            Self::Text(text) => MessageRef::Text(text),
            Self::Binary(bytes) => MessageRef::Binary(bytes),
        }
    }

    /// Returns the payload of either kind of message; for text, its UTF-8 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Encodes the message for many connections.
    pub(crate) fn prepare(&self) -> PreparedMessage {
        match self {
            Self::Text(text) => PreparedMessage::text(text),
            Self::Binary(bytes) => PreparedMessage::binary(bytes),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Text(_) => "Text",
            Self::Binary(_) => "Binary",
        };
        write!(f, "{kind}({} bytes)", self.as_bytes().len())
    }
}

/// The state of an accepted message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendStatus {
    /// The transport is not blocked. An event loop writes the message in the connection's turn. A blocking
    /// adapter has passed it to the operating system, or, while the input that was read holds more messages,
    /// collects it with the answers to those and passes it on within 10 ms.
    Sent,
    /// The message waits in memory, because the transport accepts no more at the moment.
    /// [`on_drained`](crate::ConnectionHandler::on_drained) is called when all output is written.
    Queued,
}

#[cfg(feature = "json")]
impl Message {
    /// Serializes a value as JSON into a text message.
    ///
    /// ```
    /// # use ws_common::Message;
    /// let message = Message::from_json(&[("temperature", 21)])?;
    /// assert_eq!(message, r#"[["temperature",21]]"#.into());
    /// # Ok::<(), ws_common::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Json`](crate::Error::Json) if the value cannot be serialized as JSON.
    pub fn from_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, crate::Error> {
        Ok(Self::Text(serde_json::to_string(value)?))
    }

    /// Deserializes a value from a text or binary message that contains JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Json`](crate::Error::Json) if the payload is not JSON, or not a `T`. The connection stays
    /// open; the application decides what follows.
    pub fn json<'m, T: serde::Deserialize<'m>>(&'m self) -> Result<T, crate::Error> {
        Ok(match self {
            Self::Text(text) => serde_json::from_str(text)?,
            Self::Binary(bytes) => serde_json::from_slice(bytes)?,
        })
    }
}

/// Copies the message.
impl From<MessageRef<'_>> for Message {
    fn from(message: MessageRef<'_>) -> Self {
        match message {
            MessageRef::Text(text) => Self::Text(text.into()),
            MessageRef::Binary(bytes) => Self::Binary(bytes.into()),
        }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

/// The payload of either kind of message, without a copy.
///
/// ```
/// use bytes::Bytes;
/// use ws_common::Message;
///
/// let message = Message::from("received");
/// let before = message.as_bytes().as_ptr();
/// let payload = Bytes::from(message);
/// assert_eq!(payload.as_ptr(), before);
/// ```
#[cfg(feature = "bytes")]
impl From<Message> for Bytes {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => text.into(),
            Message::Binary(bytes) => bytes.into(),
        }
    }
}

/// A binary message. Copies the payload if its memory is shared; to send it without a copy, use
/// [`send_bytes`](crate::WebSocketConnection::send_bytes).
#[cfg(feature = "bytes")]
impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes.into())
    }
}
