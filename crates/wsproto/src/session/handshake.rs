//! The interface between a session and either role's opening handshake.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::handshake::{Agreed, Request, Response};
use crate::{Config, Role, SessionError};

/// The part of the opening handshake that differs between the roles.
pub(super) trait Handshake<R: Role>: fmt::Debug + Send + Sync + Unpin {
    /// Reads the next input, and leaves any bytes after the handshake in `input`.
    fn advance(
        &mut self,
        now: Duration,
        input: &mut &mut [u8],
        out: &mut Vec<u8>,
        config: &Arc<Config>,
    ) -> Progress;

    /// Gives up after a timeout or the end of the transport. Returns the error to report, and
    /// whether a response was appended that must still reach the peer.
    fn give_up(
        &mut self,
        error: SessionError,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> (Option<SessionError>, bool);

    /// Takes out the role, for the connection after the handshake.
    fn take_role(&mut self) -> Option<R>;

    /// Returns the request received by a server.
    fn request(&self) -> Option<&Request> {
        None
    }

    /// Refuses the request as the protocol requires. Returns the error to report, if it is one.
    fn decline(&mut self, now: Duration, out: &mut Vec<u8>) -> Option<SessionError> {
        let _ = (now, out);
        None
    }

    /// Returns whether the peer has sent nothing.
    fn is_blank(&self) -> bool {
        false
    }

    /// Postpones the decision on the request; returns whether there is a request.
    fn postpone(&mut self) -> bool {
        false
    }

    /// Sets a server's time since the UNIX epoch at the session's time zero.
    fn set_unix_time(&mut self, _at_zero: Duration) {}

    /// Returns the time since the UNIX epoch, if it was set.
    fn unix_time(&self, _now: Duration) -> Option<Duration> {
        None
    }

    /// Returns the response whose head a client has received.
    fn response(&self) -> Option<&Response> {
        None
    }

    /// Takes out the answer that a client received, or the part of it that has arrived.
    fn take_answer(&mut self) -> Option<R::Answer> {
        None
    }
}

/// The result of reading handshake bytes.
pub(super) enum Progress {
    NeedMore,
    /// A request waits for a decision, see [`SessionEvent`].
    Upgrade,
    Http,
    /// The handshake is complete.
    Open(Agreed),
    /// The handshake failed; a server has appended its response.
    Failed(SessionError),
    /// A request was refused because the application made no decision.
    Undecided,
    /// The application postponed the decision on a request.
    Postponed,
}
