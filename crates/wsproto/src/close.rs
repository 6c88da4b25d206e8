//! Close codes and the body of a Close frame (RFC 6455 sections 5.5.1 and 7.4).

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use crate::Error;
use crate::frame::MAX_CONTROL_LEN;

/// The maximum length of a close reason in bytes: that of a control frame's payload less the code.
pub const MAX_REASON_LEN: usize = MAX_CONTROL_LEN - 2;

/// The reason for closing a connection (section 7.4, and the codes registered since).
///
/// Any number can be represented, but few may be sent:
///
/// | codes | in a frame | set by a client's application |
/// |---|---|---|
/// | 1000 | yes | yes |
/// | 1001-1003, 1007-1014 | yes | no |
/// | 1005, 1006, 1015 | never: they report an end to the local application | no |
/// | 1004, 1016-2999, all below 1000 and above 4999 | no | no |
/// | 3000-3999 (registered), 4000-4999 (private) | yes | yes |
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: a server is shutting down, or a browser has left the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke a rule of the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: data of a type that this endpoint does not accept.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005: the peer's Close had no code. Never in a frame.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: the connection ended without a Close from the peer. Never in a frame.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: text that is not UTF-8, or data that does not match its type.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a policy was violated, and no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the server did not accept an extension that the client requires. For clients only.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: an unexpected condition in this endpoint.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service is restarting; reconnect later.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: overload; try again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid response from its upstream server.
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015: the TLS handshake failed. Never in a frame.
    pub const TLS_HANDSHAKE: Self = Self(1015);

    /// Creates a code from any number, sendable or not.
    #[must_use]
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// Returns whether the code may appear in a Close frame, sent or received.
    #[must_use]
    pub const fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// Returns whether a client's application may set the code: 1000 and 3000-4999, as in the browser's
    /// `WebSocket.close`. A server's application may use all codes that can be sent, except for 1010.
    #[must_use]
    pub const fn is_application(self) -> bool {
        matches!(self.0, 1000 | 3000..=4999)
    }

    /// Returns the name of a code from 1000 to 1015, if it has one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NORMAL => "Normal Closure",
            Self::GOING_AWAY => "Going Away",
            Self::PROTOCOL_ERROR => "Protocol Error",
            Self::UNSUPPORTED_DATA => "Unsupported Data",
            Self::NO_STATUS => "No Status Received",
            Self::ABNORMAL => "Abnormal Closure",
            Self::INVALID_PAYLOAD => "Invalid Payload Data",
            Self::POLICY_VIOLATION => "Policy Violation",
            Self::MESSAGE_TOO_BIG => "Message Too Big",
            Self::MANDATORY_EXTENSION => "Mandatory Extension",
            Self::INTERNAL_ERROR => "Internal Error",
            Self::SERVICE_RESTART => "Service Restart",
            Self::TRY_AGAIN_LATER => "Try Again Later",
            Self::BAD_GATEWAY => "Bad Gateway",
            Self::TLS_HANDSHAKE => "TLS Handshake",
            _ => return None,
        })
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Shows the number, and the name if there is one: `1001 Going Away`.
impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} {name}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The reason why a [`CloseFrame`] cannot be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CloseError {
    /// The code may not appear in a Close frame.
    #[error("close code {0} may not be sent")]
    CodeNotAllowed(CloseCode),
    /// The reason has more than [`MAX_REASON_LEN`] bytes.
    #[error("a close reason holds 123 bytes, not {len}")]
    ReasonTooLong {
        /// The length of the reason in bytes.
        len: usize,
    },
}

/// The body of a Close frame that is not empty: a sendable code, and a reason.
///
/// A Close without a body is `None` wherever the API uses `Option<CloseFrame>`. A reason without a
/// code cannot be expressed, on the wire or here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CloseFrame<'a> {
    code: CloseCode,
    reason: Cow<'a, str>,
}

impl<'a> CloseFrame<'a> {
    /// Creates a body with any sendable code; a client's application should use only those that
    /// [`CloseCode::is_application`] accepts.
    ///
    /// # Errors
    ///
    /// [`CloseError`] if the code may not be sent or the reason is longer than [`MAX_REASON_LEN`]
    /// bytes.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'a, str>>) -> Result<Self, CloseError> {
        let reason = reason.into();
        if !code.is_sendable() {
            Err(CloseError::CodeNotAllowed(code))
        } else if reason.len() > MAX_REASON_LEN {
            Err(CloseError::ReasonTooLong { len: reason.len() })
        } else {
            Ok(Self { code, reason })
        }
    }

    /// Creates a body, as [`new`](Self::new) does, but cuts a reason that is too long after the
    /// last character that fits.
    ///
    /// # Errors
    ///
    /// [`CloseError::CodeNotAllowed`] if the code may not be sent.
    pub fn truncated(code: CloseCode, reason: impl Into<Cow<'a, str>>) -> Result<Self, CloseError> {
        let mut reason = reason.into();
        let most = reason.len().min(MAX_REASON_LEN);
        let len = (0..=most).rev().find(|len| reason.is_char_boundary(*len)).unwrap_or_default();
        match &mut reason {
            Cow::Borrowed(reason) => *reason = reason.get(..len).unwrap_or_default(),
            Cow::Owned(reason) => reason.truncate(len),
        }
        Self::new(code, reason)
    }

    /// Creates a body with code 1000.
    ///
    /// # Errors
    ///
    /// [`CloseError::ReasonTooLong`] if the reason has more than [`MAX_REASON_LEN`] bytes.
    pub fn normal(reason: impl Into<Cow<'a, str>>) -> Result<Self, CloseError> {
        Self::new(CloseCode::NORMAL, reason)
    }

    /// Parses the payload of a Close frame.
    ///
    /// # Errors
    ///
    /// [`Error::TruncatedCloseCode`], [`Error::InvalidCloseCode`], [`Error::InvalidCloseReason`], or
    /// [`Error::ControlTooLong`] beyond 125 bytes.
    pub fn parse(payload: &'a [u8]) -> Result<Option<Self>, Error> {
        match payload {
            [] => Ok(None),
            [_] => Err(Error::TruncatedCloseCode),
            _ if payload.len() > MAX_CONTROL_LEN => Err(Error::ControlTooLong),
            [high, low, reason @ ..] => {
                let code = CloseCode(u16::from_be_bytes([*high, *low]));
                if !code.is_sendable() {
                    return Err(Error::InvalidCloseCode);
                }
                let reason = core::str::from_utf8(reason).map_err(|_| Error::InvalidCloseReason)?;
                Ok(Some(Self { code, reason: reason.into() }))
            }
        }
    }

    /// Appends the payload of a Close frame to `out`: the code, then the reason; at most 125 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.code.0.to_be_bytes());
        out.extend_from_slice(self.reason.as_bytes());
    }

    /// Returns the code.
    #[must_use]
    pub const fn code(&self) -> CloseCode {
        self.code
    }

    /// Returns the reason, empty if none was given. It is meant for programs and logs; section
    /// 5.5.1 says that it must not be shown to end users.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Copies a borrowed reason, so that the frame can outlive the input.
    #[must_use]
    pub fn into_owned(self) -> CloseFrame<'static> {
        CloseFrame { code: self.code, reason: Cow::Owned(self.reason.into_owned()) }
    }
}
