//! A broken rule with its details.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use crate::{CloseCode, Error};

/// A rule that the peer broke, or a limit that it exceeded, with the values involved.
///
/// It does not depend on how the bytes were cut (promise I2). Its text is for people.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Violation(Box<Inner>);

/// Boxed, so that a connection without a violation reserves no space for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Inner {
    error: Error,
    details: Option<Details>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Details {
    /// The minimum size of the message or frame, and the limit, in bytes.
    TooBig { least: u64, limit: u64 },
    /// The maximum number of fragments per message.
    TooManyFragments { limit: u32 },
    /// The code and reason of the peer's Close.
    Close { code: CloseCode, reason: String },
}

impl Violation {
    /// A message or frame announced at least `least` bytes, and the limit is lower.
    pub(crate) fn too_big(least: u64, limit: u64) -> Self {
        Self::new(Error::MessageTooBig, Details::TooBig { least, limit })
    }

    pub(crate) fn too_many_fragments(limit: u32) -> Self {
        Self::new(Error::TooManyFragments, Details::TooManyFragments { limit })
    }

    /// The body of the peer's Close breaks a rule.
    pub(crate) fn close(error: Error, payload: &[u8]) -> Self {
        let [high, low, reason @ ..] = payload else { return error.into() };
        let code = u16::from_be_bytes([*high, *low]).into();
        Self::new(error, Details::Close { code, reason: String::from_utf8_lossy(reason).into() })
    }

    fn new(error: Error, details: Details) -> Self {
        Self(Box::new(Inner { error, details: Some(details) }))
    }

    /// Returns the rule that was broken.
    #[must_use]
    pub const fn error(&self) -> Error {
        self.0.error
    }

    /// Returns the code and reason of the peer's Close, if that Close breaks the rule. Invalid
    /// UTF-8 in the reason is replaced.
    #[must_use]
    pub fn received_close(&self) -> Option<(CloseCode, &str)> {
        match &self.0.details {
            Some(Details::Close { code, reason }) => Some((*code, reason)),
            _ => None,
        }
    }
}

impl From<Error> for Violation {
    fn from(error: Error) -> Self {
        Self(Box::new(Inner { error, details: None }))
    }
}

impl PartialEq<Error> for Violation {
    fn eq(&self, other: &Error) -> bool {
        self.error() == *other
    }
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.details {
            None => write!(f, "{:?}", self.error()),
            Some(details) => write!(f, "{:?} ({details:?})", self.error()),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error())?;
        match &self.0.details {
            None => Ok(()),
            Some(Details::TooBig { least, limit }) => {
                write!(f, ": at least {least} bytes, and the limit is {limit}")
            }
            Some(Details::TooManyFragments { limit }) => write!(f, ": the limit is {limit}"),
            Some(Details::Close { code, reason }) => {
                write!(f, ": the peer sent code {code} and reason {reason:?}")
            }
        }
    }
}

impl core::error::Error for Violation {}
