//! What few sessions have to remember, and none for long that is idle without a subprotocol.

use alloc::boxed::Box;

use crate::closing::Initiator;
use crate::handshake::{Agreed, Response};
use crate::{CloseInfo, SessionError};

/// The rare things that a session knows, in one place elsewhere, so that an idle one is small.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rare {
    pub(super) agreed: Agreed,
    pub(super) response: Option<Box<Response>>,
    /// What is known of the end, from the first that is.
    pub(super) end: Option<Box<CloseInfo>>,
    /// What the next calls report first: an error, then the end.
    pub(super) error: Option<SessionError>,
    pub(super) closed: bool,
}

impl Rare {
    /// Returns what is known of the end, which begins here if it has not begun before.
    pub(super) fn end(&mut self, initiator: Initiator) -> &mut CloseInfo {
        self.end.get_or_insert_with(|| Box::new(CloseInfo::abnormal(initiator)))
    }
}
