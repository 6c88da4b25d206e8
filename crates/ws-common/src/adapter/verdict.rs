//! A decision on a request, and a connection's handler, without the handler's type.

use std::fmt;

use wsproto::MessageRef;
use wsproto::handshake::{Accept, Response};

use crate::{ConnectionHandler, Decision, Message, WebSocketConnection};

/// A final decision, with a boxed handler.
pub enum Decided {
    /// Accept the connection.
    Accept(Accept, Box<dyn DynHandler>),
    /// Answer with this response.
    Respond(Response),
    /// Refuse with this response, which is not the application's, for this reason.
    Refuse(Response, &'static str),
    /// Refuse as the protocol requires.
    Decline,
}

impl Decided {
    /// Returns the handler of an accepted connection.
    pub(crate) fn into_handler(self) -> Option<Box<dyn DynHandler>> {
        match self {
            Self::Accept(_, handler) => Some(handler),
            Self::Respond(_) | Self::Refuse(..) | Self::Decline => None,
        }
    }
}

impl fmt::Debug for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept(..) => "Accept",
            Self::Respond(_) => "Respond",
            Self::Refuse(..) => "Refuse",
            Self::Decline => "Decline",
        })
    }
}

/// A postponed decision. Dropping it tells the [`Decider`](crate::Decider) that the client no longer waits.
pub trait Undecided: Send {
    /// Takes the decision. Returns `None` if it is not made yet, or was taken.
    fn take(&mut self) -> Option<Decided>;

    /// Registers `wake`, which is called once when the decision is made, or at once if it was. Replaces an
    /// earlier `wake`.
    fn set_wake(&mut self, wake: Box<dyn FnOnce() + Send>);
}

/// A final or a postponed decision.
pub enum Verdict {
    /// Final.
    Now(Decided),
    /// Postponed.
    Later(Box<dyn Undecided>),
}

impl<H: ConnectionHandler> From<Decision<H>> for Verdict {
    /// Boxes the handler of a decision, so that the verdict does not depend on its type.
    fn from(decision: Decision<H>) -> Self {
        decision.verdict()
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(decided) => decided.fmt(f),
            Self::Later(_) => f.write_str("Later"),
        }
    }
}

/// A connection's handler, or a postponed decision on it. One trait object, so that a conversation stores
/// either in one box.
pub trait DynHandler: Send {
    /// Returns the handler, if this is one.
    fn handler(&mut self) -> Option<&mut dyn ConnectionHandler> {
        None
    }

    /// Calls the handler's `on_message`, if this is one: the most frequent call, without a detour.
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        let _ = (ws, message);
    }

    /// Calls the handler's `on_message_ref`, if this is one.
    fn on_message_ref(&mut self, ws: &WebSocketConnection, message: MessageRef<'_>) {
        let _ = (ws, message);
    }

    /// Returns whether this is a handler that borrows messages.
    fn borrows(&self) -> bool {
        false
    }

    /// Returns the postponed decision, if this is one.
    fn undecided(&mut self) -> Option<&mut dyn Undecided> {
        None
    }
}

impl<H: ConnectionHandler> DynHandler for H {
    #[inline]
    fn handler(&mut self) -> Option<&mut dyn ConnectionHandler> {
        Some(self)
    }

    #[inline]
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        ConnectionHandler::on_message(self, ws, message);
    }

    #[inline]
    fn on_message_ref(&mut self, ws: &WebSocketConnection, message: MessageRef<'_>) {
        ConnectionHandler::on_message_ref(self, ws, message);
    }

    fn borrows(&self) -> bool {
        ConnectionHandler::borrows(self)
    }
}

/// A postponed decision.
pub(super) struct Deciding(pub(super) Box<dyn Undecided>);

impl DynHandler for Deciding {
    fn undecided(&mut self) -> Option<&mut dyn Undecided> {
        Some(&mut *self.0)
    }
}
