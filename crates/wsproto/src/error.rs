//! Violations by the peer after the opening handshake, and illegal calls by the application.

use crate::CloseCode;
use crate::utf8::InvalidUtf8;

/// A rule of RFC 6455 that the *peer* broke, or one of our limits that it exceeded.
///
/// An error is final: the [`Close`](crate::Event::Close) frame with
/// [`close_code`](Self::close_code) is already in the output when the error is returned, and every
/// later call returns the error again. There is one variant for each rule. If two rules are broken,
/// the one reported does not depend on how the bytes were cut: bytes are checked in the order in
/// which they arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
// As wide as the first word of an event: with a one-byte tag, a `Result<Option<Event>, Error>`
// would be moved as that byte and the rest, and loading it after stores of other widths stalls.
#[repr(usize)]
pub enum Error {
    /// The opcode is one of 3-7 or B-F, which no specification defines (section 5.2).
    #[error("reserved opcode")]
    ReservedOpcode,
    /// RSV1, RSV2 or RSV3 is set and no negotiated extension owns it (section 5.2).
    #[error("reserved bit set without an extension that owns it")]
    ReservedBit,
    /// A Ping, Pong or Close frame without FIN (section 5.4).
    #[error("fragmented control frame")]
    FragmentedControl,
    /// A continuation frame while no message is open (section 5.4).
    #[error("continuation frame without a message to continue")]
    UnexpectedContinuation,
    /// A text or binary frame while another message is unfinished (section 5.4).
    #[error("new message before the previous one was finished")]
    UnfinishedMessage,
    /// More fragments than [`Config::max_fragments`](crate::Config::max_fragments).
    #[error("message in too many fragments")]
    TooManyFragments,
    /// An unmasked frame arrived at a server (section 5.1).
    #[error("unmasked frame from a client")]
    UnmaskedFrame,
    /// A masked frame arrived at a client (section 5.1).
    #[error("masked frame from a server")]
    MaskedFrame,
    /// A control frame with more than 125 bytes of payload (section 5.5).
    #[error("control frame longer than 125 bytes")]
    ControlTooLong,
    /// A payload length that is not in its shortest form (section 5.2).
    #[error("payload length not in its shortest form")]
    NonMinimalLength,
    /// A 64-bit payload length whose most significant bit is set (section 5.2).
    #[error("most significant bit of the payload length is set")]
    LengthTopBit,
    /// More bytes than [`Config::max_frame_size`](crate::Config::max_frame_size) or
    /// [`Config::max_message_size`](crate::Config::max_message_size) allows (section 10.4).
    #[error("message too big")]
    MessageTooBig,
    /// A text message that is not UTF-8 (section 8.1).
    #[error("text message is not valid UTF-8")]
    InvalidUtf8,
    /// A compressed message that is not DEFLATE, refers to bytes before the window, or ends within a
    /// block (RFC 7692 section 7.2.2). Only with the feature `deflate`.
    #[error("compressed message is not valid DEFLATE")]
    InvalidDeflate,
    /// A Close frame with a body of a single byte (section 5.5.1).
    #[error("close frame with half a close code")]
    TruncatedCloseCode,
    /// A close code that may not appear in a frame (section 7.4).
    #[error("the peer's close code may not be sent")]
    InvalidCloseCode,
    /// A close reason that is not UTF-8 (sections 5.5.1 and 8.1).
    #[error("close reason is not valid UTF-8")]
    InvalidCloseReason,
}

impl Error {
    /// Returns the close code that reports the violation to the peer (section 7.4.1).
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidCloseReason | Self::InvalidDeflate => {
                CloseCode::INVALID_PAYLOAD
            }
            Self::MessageTooBig => CloseCode::MESSAGE_TOO_BIG,
            Self::TooManyFragments => CloseCode::POLICY_VIOLATION,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl From<InvalidUtf8> for Error {
    fn from(InvalidUtf8: InvalidUtf8) -> Self {
        Self::InvalidUtf8
    }
}

/// A send that the protocol does not allow, now or ever.
///
/// Nothing was appended to the output, and the state of the connection is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The opening handshake is not finished (section 4.1: nothing is sent before the response).
    #[error("the connection is not open yet")]
    NotOpen,
    /// A Close frame was sent or received; nothing may follow it (section 5.5.1).
    #[error("the connection is closing or closed")]
    Closed,
    /// A message was sent in fragments, and its last fragment is still missing (section 5.4).
    #[error("another message is unfinished")]
    UnfinishedMessage,
    /// The payload of a Ping or Pong is longer than 125 bytes (section 5.5).
    #[error("control frame payload of {len} bytes, but the maximum is 125")]
    ControlTooLong {
        /// The payload length passed in, in bytes.
        len: usize,
    },
    /// The length of a message does not fit in 63 bits (section 5.2).
    #[error("message of {len} bytes, but the maximum is 2^63 - 1")]
    TooLong {
        /// The message length passed in, in bytes.
        len: u64,
    },
    /// 1010 (Mandatory Extension) is for clients only (section 7.4.1).
    #[error("close code 1010 is for clients only")]
    ClientOnlyCode,
}
