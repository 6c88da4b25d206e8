//! The answer to a client's opening handshake, in the form in which it can be kept.

use alloc::vec::Vec;
use core::fmt;

use super::Response;
use crate::redacted::Length;

/// The answer to a client's opening handshake.
#[allow(unnameable_types, reason = "sealed: a client's role names it")]
pub enum Arrived {
    Response(Response),
    /// These bytes, of which no head of a response could be read.
    Bytes(Vec<u8>),
}

impl fmt::Debug for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(response) => response.fmt(f),
            Self::Bytes(bytes) => Length(bytes.len()).fmt(f),
        }
    }
}
