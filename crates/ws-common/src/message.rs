//! Messages, and what becomes of those that are sent.

use std::fmt;

/// A whole message. Its `Debug` shows a length in bytes, and no payload, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl Message {
    /// Returns the text of a text message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Returns the payload of a message of either kind.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
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

/// The fate of a message that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendStatus {
    /// It is handed to the operating system; by an event loop, with all else that the connection has to
    /// send at the end of its turn. Nothing waits for the peer.
    Sent,
    /// It waits for a peer that does not read at the moment, and is sent when it does.
    Queued,
}

#[cfg(feature = "json")]
impl Message {
    /// Makes a text message of a value, as JSON.
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
    /// [`Error::Json`](crate::Error::Json) if the value cannot be written as JSON.
    pub fn from_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, crate::Error> {
        Ok(Self::Text(serde_json::to_string(value)?))
    }

    /// Reads a value from a message, text or binary, that is JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Json`](crate::Error::Json) if it is not JSON, or another value. That is for the
    /// application to deal with: the connection stays open.
    pub fn json<'m, T: serde::Deserialize<'m>>(&'m self) -> Result<T, crate::Error> {
        Ok(match self {
            Self::Text(text) => serde_json::from_str(text)?,
            Self::Binary(bytes) => serde_json::from_slice(bytes)?,
        })
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
