//! What the opening handshakes of both roles have in common.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::handshake::{Agreed, Request, Response};
use crate::{Config, Connection, SessionError};

/// The part of the opening handshake that differs between the roles.
pub(super) trait Handshake<R>: fmt::Debug + Send + Sync + Unpin {
    /// Reads on. May leave input behind what belongs to the handshake.
    fn advance(
        &mut self,
        now: Duration,
        input: &mut &mut [u8],
        out: &mut Vec<u8>,
        config: &Arc<Config>,
    ) -> Progress<R>;

    /// Gives up because time ran out, or the transport ended. Returns the error to report, and
    /// whether an answer was appended that has to reach the peer.
    fn give_up(
        &mut self,
        error: SessionError,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> (Option<SessionError>, bool);

    /// Returns the request that a server has received.
    fn request(&self) -> Option<&Request> {
        None
    }

    /// Refuses the request as the protocol asks for. Returns the error to report, if it is one.
    fn decline(&mut self, now: Duration, out: &mut Vec<u8>) -> Option<SessionError> {
        let _ = (now, out);
        None
    }

    /// Whether the peer has sent nothing.
    fn is_blank(&self) -> bool {
        false
    }

    /// Notes that the decision on the request comes later; whether there is one.
    fn postpone(&mut self) -> bool {
        false
    }

    /// Tells a server the time since the UNIX epoch at the session's time zero.
    fn set_unix_time(&mut self, _at_zero: Duration) {}

    /// Returns the time since the UNIX epoch, if a server was told it.
    fn unix_time(&self, _now: Duration) -> Option<Duration> {
        None
    }

    /// Returns the response whose head a client has received.
    fn response(&self) -> Option<&Response> {
        None
    }

    /// Takes out the response that a client received.
    fn take_response(&mut self) -> Option<Box<Response>> {
        None
    }
}

/// What the bytes of a handshake led to.
pub(super) enum Progress<R> {
    NeedMore,
    /// A request waits for a decision, see [`SessionEvent`].
    Upgrade,
    Http,
    Open(Connection<R>, Agreed),
    /// The handshake failed; a server's answer is appended.
    Failed(SessionError),
    /// A request was refused because nobody decided on it.
    Undecided,
    /// The decision on a request comes later.
    Postponed,
}
