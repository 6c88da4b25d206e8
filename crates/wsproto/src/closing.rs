//! The closing handshake: all transitions, for both roles (RFC 6455 section 7).

use core::fmt;

use crate::{CloseCode, Role};

/// The state of the closing handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closing {
    /// No Close was sent or received.
    Open,
    /// We sent a Close and wait for the peer's.
    Sent,
    /// Both ends sent a Close: the transport remains to be ended.
    Exchanged,
    /// The peer broke a rule or stopped responding; we sent a Close that reports it, and stopped
    /// receiving.
    Failed,
}

/// The cause of a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// This end closes.
    Local,
    /// The peer's Close arrived.
    Peer,
    /// The peer broke a rule or stopped responding.
    Violation,
}

/// The frame that a [`Cause`] makes us send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// A Close: our own, the answer to the peer's, or the one that reports the violation.
    Close,
    /// Nothing, because a Close was already sent.
    Nothing,
}

impl Closing {
    /// Returns the next state, and the frame to send. The table is the same for both roles, and no
    /// row sends a second Close.
    #[must_use]
    pub const fn next(self, cause: Cause) -> (Self, Reply) {
        use {Cause::*, Closing::*, Reply::*};
        match (self, cause) {
            (Open, Local) => (Sent, Close),
            (Open, Peer) => (Exchanged, Close),
            (Open, Violation) => (Failed, Close),
            (Sent, Local) => (Sent, Nothing),
            (Sent, Peer) => (Exchanged, Nothing),
            (Sent, Violation) => (Failed, Nothing),
            // Section 7.1.7: after a failure, not even the answering Close is processed. Section
            // 5.5.1: after both Closes nothing counts any more.
            (Exchanged, _) => (Exchanged, Nothing),
            (Failed, _) => (Failed, Nothing),
        }
    }

    /// Returns the next step for the owner of the transport: the part of the table where the roles
    /// differ, because a server ends the transport first (section 7.1.1).
    #[must_use]
    pub const fn advice<R: Role>(self) -> Advice {
        match (self, R::SERVER) {
            (Self::Open | Self::Sent, _) => Advice::KeepOpen,
            (Self::Exchanged, false) => Advice::AwaitEnd,
            (Self::Exchanged, true) | (Self::Failed, _) => Advice::Shutdown,
        }
    }
}

/// The next step for the owner of the transport.
///
/// After the end of a connection was reported, the transport may linger for a moment. Received bytes
/// are then ignored, and [`Session::deadline`](crate::Session::deadline) bounds the wait: to 2 s, or
/// with [`Flush`](Self::Flush) to [`Config::close_timeout`](crate::Config::close_timeout), which
/// restarts whenever the peer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Keep reading and writing.
    KeepOpen,
    /// Write the remaining output, then read and discard until the peer ends the transport; then
    /// drop it.
    AwaitEnd,
    /// Write the remaining output, then end the writing side (`shutdown(SHUT_WR)`, `close_notify`),
    /// and read and discard until the peer ends its side, so that no reset destroys our Close in
    /// transit (section 7.1.1); then drop the transport.
    Shutdown,
    /// Write the remaining output, then drop the transport. The peer has ended its writing side,
    /// but may still read: the answer to its last message is worth writing.
    Flush,
    /// Drop the transport now, even if output remains.
    Drop,
}

/// How a connection ended (sections 7.1.4 to 7.1.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CloseInfo {
    /// The code of the Close that was received: 1005 if it had none, 1006 if there was no Close.
    pub code: CloseCode,
    /// The reason of the Close that was received, or an empty string.
    pub reason: alloc::string::String,
    /// The code of the Close that this end sent: 1005 if it had none. `None` if it sent no Close. It may
    /// not have arrived, unless `was_clean`.
    pub sent: Option<CloseCode>,
    /// Whether both ends sent a Close, and ours was written.
    pub was_clean: bool,
    /// The end that sent its Close first, refused the connection, or detected a violation; the
    /// peer, if the transport simply ended.
    pub initiator: Initiator,
}

/// The side that initiated the end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initiator {
    /// This end.
    Local,
    /// The peer, or the network.
    Remote,
}

impl CloseInfo {
    /// Describes an end without a Close: code 1006, and only the initiator is known.
    #[must_use]
    pub const fn abnormal(initiator: Initiator) -> Self {
        let reason = alloc::string::String::new();
        Self { code: CloseCode::ABNORMAL, reason, sent: None, was_clean: false, initiator }
    }

    /// Returns whether the end was clean and the peer's Close had code 1000 or none: it has said all it had to
    /// say. Any other code may mean that something is missing.
    ///
    /// ```
    /// use wsproto::{CloseCode, CloseInfo, Initiator};
    ///
    /// let mut end = CloseInfo::abnormal(Initiator::Remote);
    /// assert!(!end.is_normal());
    /// (end.code, end.was_clean) = (CloseCode::NORMAL, true);
    /// assert!(end.is_normal());
    /// end.code = CloseCode::GOING_AWAY;
    /// assert!(!end.is_normal());
    /// ```
    #[must_use]
    pub const fn is_normal(&self) -> bool {
        self.was_clean && matches!(self.code, CloseCode::NORMAL | CloseCode::NO_STATUS)
    }
}

/// The code and the reason, as in `1001 Going Away: "until tomorrow"`, whether the end was unclean, and the
/// code that this end sent if it is another one.
impl fmt::Display for CloseInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, ": {:?}", self.reason)?;
        }
        match self.sent.filter(|sent| *sent != self.code) {
            Some(sent) if self.was_clean => write!(f, " (sent {sent})"),
            Some(sent) => write!(f, " (unclean, sent {sent})"),
            None if self.was_clean => Ok(()),
            None => f.write_str(" (unclean)"),
        }
    }
}
