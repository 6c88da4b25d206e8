//! The closing handshake: every transition, for both roles (RFC 6455 section 7).

use core::fmt;

use crate::{CloseCode, Role};

/// How far the closing of a connection has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closing {
    /// No Close was sent or received.
    Open,
    /// We sent a Close and wait for the peer's.
    Sent,
    /// Both ends sent a Close: what remains is to end the transport.
    Exchanged,
    /// The peer broke a rule, or does not answer; we sent a Close that says so and stopped listening.
    Failed,
}

/// What can bring the closing forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// We close.
    Local,
    /// The peer's Close arrived.
    Peer,
    /// The peer broke a rule, or does not answer.
    Violation,
}

/// What a [`Cause`] makes us send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// A Close: our own, the answer to the peer's, or the one that names the violation.
    Close,
    /// Nothing, because a Close was already sent.
    Nothing,
}

impl Closing {
    /// The closing table. It is the same for both roles, and no row sends a second Close.
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
            // Section 7.1.7: after failing, not even the answering Close is processed. Section
            // 5.5.1: after both Closes nothing counts any more.
            (Exchanged, _) => (Exchanged, Nothing),
            (Failed, _) => (Failed, Nothing),
        }
    }

    /// What to do with the transport: the part of the table where the roles differ, because a
    /// server ends the transport first (section 7.1.1).
    #[must_use]
    pub const fn advice<R: Role>(self) -> Advice {
        match (self, R::SERVER) {
            (Self::Open | Self::Sent, _) => Advice::KeepOpen,
            (Self::Exchanged, false) => Advice::AwaitEnd,
            (Self::Exchanged, true) | (Self::Failed, _) => Advice::Shutdown,
        }
    }
}

/// What the owner of the transport does next.
///
/// After the end of a connection was reported, the transport may linger for a moment; it counts for
/// nothing then, and [`Session::deadline`](crate::Session::deadline) bounds it (2 s at most).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Go on reading and writing.
    KeepOpen,
    /// Write what is left, then read and discard until the peer ends the transport; then drop it.
    AwaitEnd,
    /// Write what is left, then end the writing side (`shutdown(SHUT_WR)`, `close_notify`), and read
    /// and discard until the peer ends its side, so that no reset destroys our Close on its way
    /// (section 7.1.1); then drop the transport.
    Shutdown,
    /// Write what is left, and drop the transport once that is done. The peer has ended its side, and
    /// may still read: the answer to its last message is worth writing.
    Flush,
    /// Drop the transport now, whatever is left to write.
    Drop,
}

/// How a connection ended (sections 7.1.4 to 7.1.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CloseInfo {
    /// The code of the Close that was received: 1005 if it had none, 1006 if there was no Close.
    pub code: CloseCode,
    /// The reason of the Close that was received, or nothing.
    pub reason: alloc::string::String,
    /// Whether both ends sent a Close, and ours was written.
    pub was_clean: bool,
    /// Which end sent its Close first, refused the connection, or found the other at fault; the
    /// peer, if the transport just ended.
    pub initiator: Initiator,
}

/// Who began the end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initiator {
    /// We did.
    Local,
    /// The peer, or the network.
    Remote,
}

impl CloseInfo {
    /// Describes an end without a Close: 1006, and nothing more is known but who began it.
    #[must_use]
    pub const fn abnormal(initiator: Initiator) -> Self {
        let reason = alloc::string::String::new();
        Self { code: CloseCode::ABNORMAL, reason, was_clean: false, initiator }
    }
}

/// The code and the reason, as in `1001 Going Away: "until tomorrow"`, and whether the end was unclean.
impl fmt::Display for CloseInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, ": {:?}", self.reason)?;
        }
        if self.was_clean { Ok(()) } else { f.write_str(" (unclean)") }
    }
}
