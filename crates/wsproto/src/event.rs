//! The events of a connection.

use alloc::borrow::Cow;
use core::fmt;

use crate::CloseFrame;
use crate::redacted::Length;

/// Something the peer sent, complete.
///
/// It borrows from the input where a payload arrived in one piece, so the connection can be used
/// while the event is held. The replies that the protocol requires are already in the output, unless
/// the connection is [split](crate::Connection::split). The enum is exhaustive on purpose: RFC 6455 has
/// these five and no others.
#[derive(Clone, PartialEq, Eq)]
pub enum Event<'b> {
    /// A text message.
    Text(Cow<'b, str>),
    /// A binary message.
    Binary(Cow<'b, [u8]>),
    /// A Ping and its payload, at most 125 bytes. It gets no Pong once this end has sent a Close.
    Ping(Cow<'b, [u8]>),
    /// A Pong and its payload, at most 125 bytes, solicited or not.
    Pong(Cow<'b, [u8]>),
    /// The peer's Close. Anything the peer sends after it is ignored.
    Close(Option<CloseFrame<'b>>),
}

impl Event<'_> {
    /// Copies borrowed data, so that the event can outlive the input.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Text(text) => Event::Text(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => Event::Binary(Cow::Owned(bytes.into_owned())),
            Self::Ping(payload) => Event::Ping(Cow::Owned(payload.into_owned())),
            Self::Pong(payload) => Event::Pong(Cow::Owned(payload.into_owned())),
            Self::Close(frame) => Event::Close(frame.map(CloseFrame::into_owned)),
        }
    }
}

/// A complete message that lies in the input. Its `Debug` output shows the kind and the length in bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum MessageRef<'b> {
    /// A text message.
    Text(&'b str),
    /// A binary message.
    Binary(&'b [u8]),
}

impl<'b> MessageRef<'b> {
    /// Returns the text of a text message, `None` for a binary one.
    #[must_use]
    #[inline]
    pub const fn as_text(self) -> Option<&'b str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Returns the payload of either kind of message; for text, its UTF-8 bytes.
    #[must_use]
    #[inline]
    pub const fn as_bytes(self) -> &'b [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// The form in which a small message is handed out. It is built in the form that the caller needs,
/// because a conversion takes 18 instructions.
pub(crate) trait SmallMessage<'b> {
    /// Builds a text message.
    fn text(text: &'b str) -> Self;

    /// Builds a binary message.
    fn binary(bytes: &'b [u8]) -> Self;
}

impl<'b> SmallMessage<'b> for MessageRef<'b> {
    #[inline(always)]
    fn text(text: &'b str) -> Self {
        Self::Text(text)
    }

    #[inline(always)]
    fn binary(bytes: &'b [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'b> SmallMessage<'b> for Event<'b> {
    #[inline(always)]
    fn text(text: &'b str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    #[inline(always)]
    fn binary(bytes: &'b [u8]) -> Self {
        Self::Binary(Cow::Borrowed(bytes))
    }
}

/// Something the peer sent, with messages in pieces as they arrive.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece<'b> {
    /// The next part of a text message; characters are never split.
    Text {
        /// The text; empty only in the last piece.
        text: Cow<'b, str>,
        /// Whether this is the last piece of the message.
        fin: bool,
    },
    /// The next part of a binary message.
    Binary {
        /// The bytes; empty only in the last piece.
        bytes: Cow<'b, [u8]>,
        /// Whether this is the last piece of the message.
        fin: bool,
    },
    /// See [`Event::Ping`].
    Ping(Cow<'b, [u8]>),
    /// See [`Event::Pong`].
    Pong(Cow<'b, [u8]>),
    /// See [`Event::Close`].
    Close(Option<CloseFrame<'b>>),
}

impl<'b> From<Event<'b>> for Piece<'b> {
    fn from(event: Event<'b>) -> Self {
        match event {
            Event::Text(text) => Self::Text { text, fin: true },
            Event::Binary(bytes) => Self::Binary { bytes, fin: true },
            Event::Ping(payload) => Self::Ping(payload),
            Event::Pong(payload) => Self::Pong(payload),
            Event::Close(frame) => Self::Close(frame),
        }
    }
}

impl Piece<'_> {
    /// Copies borrowed data, so that the piece can outlive the input.
    #[must_use]
    pub fn into_owned(self) -> Piece<'static> {
        match self {
            Self::Text { text, fin } => Piece::Text { text: Cow::Owned(text.into_owned()), fin },
            Self::Binary { bytes, fin } => {
                Piece::Binary { bytes: Cow::Owned(bytes.into_owned()), fin }
            }
            Self::Ping(payload) => Piece::Ping(Cow::Owned(payload.into_owned())),
            Self::Pong(payload) => Piece::Pong(Cow::Owned(payload.into_owned())),
            Self::Close(frame) => Piece::Close(frame.map(CloseFrame::into_owned)),
        }
    }
}

/// Shows the length of a payload, not its content: `Text(5 bytes)`.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, len) = match self {
            Self::Text(text) => ("Text", text.len()),
            Self::Binary(bytes) => ("Binary", bytes.len()),
            Self::Ping(payload) => ("Ping", payload.len()),
            Self::Pong(payload) => ("Pong", payload.len()),
            Self::Close(frame) => return f.debug_tuple("Close").field(frame).finish(),
        };
        f.debug_tuple(name).field(&Length(len)).finish()
    }
}

/// Shows the length of a payload, not its content.
impl fmt::Debug for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.as_text().is_some() { "Text" } else { "Binary" };
        f.debug_tuple(name).field(&Length(self.as_bytes().len())).finish()
    }
}

/// Shows the length of a payload, not its content.
impl fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, len, fin) = match self {
            Self::Text { text, fin } => ("Text", text.len(), *fin),
            Self::Binary { bytes, fin } => ("Binary", bytes.len(), *fin),
            Self::Ping(payload) => ("Ping", payload.len(), true),
            Self::Pong(payload) => ("Pong", payload.len(), true),
            Self::Close(frame) => return f.debug_tuple("Close").field(frame).finish(),
        };
        match self {
            Self::Text { .. } | Self::Binary { .. } => {
                f.debug_struct(name).field("payload", &Length(len)).field("fin", &fin).finish()
            }
            _ => f.debug_tuple(name).field(&Length(len)).finish(),
        }
    }
}

/// The parts of an event that a session acts on.
pub(crate) trait Received {
    /// Returns the payload of a Pong.
    fn pong(&self) -> Option<&[u8]>;

    /// Returns the body of a Close.
    fn close(&self) -> Option<Option<&CloseFrame<'_>>>;
}

impl Received for Event<'_> {
    fn pong(&self) -> Option<&[u8]> {
        if let Self::Pong(payload) = self { Some(payload) } else { None }
    }

    fn close(&self) -> Option<Option<&CloseFrame<'_>>> {
        if let Self::Close(frame) = self { Some(frame.as_ref()) } else { None }
    }
}

impl Received for Piece<'_> {
    fn pong(&self) -> Option<&[u8]> {
        if let Self::Pong(payload) = self { Some(payload) } else { None }
    }

    fn close(&self) -> Option<Option<&CloseFrame<'_>>> {
        if let Self::Close(frame) = self { Some(frame.as_ref()) } else { None }
    }
}
