//! What is sent and received.

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

/// What became of a message that was taken.
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
