//! Rarely used state, boxed so that an idle session stays small.

use alloc::boxed::Box;
use core::time::Duration;

use crate::closing::Initiator;
use crate::handshake::Agreed;
use crate::{CloseInfo, SessionError};

/// Rarely used state of a session. An idle session without a subprotocol has none.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rare {
    pub(super) agreed: Agreed,
    /// The close information known so far.
    pub(super) end: Option<Box<CloseInfo>>,
    /// The error to report next, before the end.
    pub(super) error: Option<SessionError>,
    /// Whether the end must be reported next.
    pub(super) closed: bool,
    /// Whether our Close has been written.
    pub(super) close_written: bool,
    /// The patience for the outstanding Pong, if it is not that of the keep-alive.
    pub(super) patience: Option<Duration>,
}

impl Rare {
    /// Returns the close information, and creates it with `initiator` if there is none.
    pub(super) fn end(&mut self, initiator: Initiator) -> &mut CloseInfo {
        self.end.get_or_insert_with(|| Box::new(CloseInfo::abnormal(initiator)))
    }
}
