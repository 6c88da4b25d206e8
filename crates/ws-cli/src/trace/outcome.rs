//! The outcomes of a run of `ws trace`.

use std::io;

/// The state of a capture that was decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Both ends obey the rules.
    Sound,
    /// An end broke a rule; an event names it.
    Broken,
    /// Bytes are missing; the line for the user.
    Incomplete(String),
}

/// The reason for which a capture cannot be decoded.
#[derive(Debug)]
pub(super) enum Failure {
    /// The content of the file cannot be decoded; the line for the user.
    Input(String),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
