//! The answer to a client's opening handshake: a response, or bytes that are none.

use alloc::vec::Vec;
use core::fmt;

use super::Response;
use crate::redacted::Length;

/// The answer to a client's opening handshake.
#[allow(unnameable_types, reason = "sealed: a client's role names it")]
pub enum Answer {
    Response(Response),
    /// Bytes that are not the head of a response.
    Bytes(Vec<u8>),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(response) => response.fmt(f),
            Self::Bytes(bytes) => Length(bytes.len()).fmt(f),
        }
    }
}
