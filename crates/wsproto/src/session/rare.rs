//! Rarely used state, boxed so that an idle session stays small.

use alloc::boxed::Box;

use crate::closing::Initiator;
use crate::handshake::{Agreed, Response};
use crate::{CloseInfo, SessionError};

/// Rarely used state of a session. An idle session without a subprotocol has none.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rare {
    pub(super) agreed: Agreed,
    pub(super) response: Option<Box<Response>>,
    /// How the connection ends, as far as it is known.
    pub(super) end: Option<Box<CloseInfo>>,
    /// The error to report next, before the end.
    pub(super) error: Option<SessionError>,
    /// Whether the end is to be reported next.
    pub(super) closed: bool,
    /// Whether our Close was written.
    pub(super) close_written: bool,
}

impl Rare {
    /// Returns what is known of the end, which begins here if it has not begun before.
    pub(super) fn end(&mut self, initiator: Initiator) -> &mut CloseInfo {
        self.end.get_or_insert_with(|| Box::new(CloseInfo::abnormal(initiator)))
    }
}
