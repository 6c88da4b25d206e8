//! An application's answer to a request, given at once or later.

use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use wsproto::handshake::{Accept, Response};

use crate::ConnectionHandler;
use crate::adapter::{Decided, Undecided, Verdict};

/// An application's answer to a request. `H` is the handler type of an accepted connection.
///
/// ```
/// use ws_common::wsproto::handshake::{Accept, Response};
/// use ws_common::{Decision, IncomingRequest, Message, WebSocketConnection};
///
/// fn decide(request: &IncomingRequest) -> Decision<fn(&WebSocketConnection, Message)> {
///     if request.headers().get("Authorization").is_none() {
///         return Decision::respond(Response::text(401, "Who are you?\n"));
///     }
///     let accept = Accept::new().select_subprotocol(request, &["chat.v2", "chat.v1"]);
///     Decision::accept_with(accept, |ws, message| println!("{}: {message:?}", ws.id()))
/// }
/// ```
#[derive(Debug)]
pub struct Decision<H>(Kind<H>);

#[derive(Debug)]
enum Kind<H> {
    Decided(Accepted<H>),
    Later(Arc<Pending<H>>),
}

/// A final decision.
#[derive(Debug)]
enum Accepted<H> {
    Yes(Accept, H),
    No(Response),
    /// A response that is not the application's, and the reason.
    Refuse(Response, &'static str),
    Decline,
}

impl<H> Decision<H> {
    /// Accepts the connection; `handler` receives its events.
    #[must_use]
    pub fn accept(handler: H) -> Self {
        Self::accept_with(Accept::new(), handler)
    }

    /// Accepts the connection with a subprotocol or additional response headers.
    #[must_use]
    pub const fn accept_with(accept: Accept, handler: H) -> Self {
        Self(Kind::Decided(Accepted::Yes(accept, handler)))
    }

    /// Answers with an HTTP response: it refuses a connection, or serves an ordinary request.
    #[must_use]
    pub fn respond(response: impl Into<Response>) -> Self {
        Self(Kind::Decided(Accepted::No(response.into())))
    }

    /// Refuses the request with a response that is not the application's.
    pub(crate) const fn refuse(response: Response, reason: &'static str) -> Self {
        Self(Kind::Decided(Accepted::Refuse(response, reason)))
    }

    /// Refuses the request as the protocol requires: with status 403 for an opening handshake, 426 or 405
    /// for an ordinary request.
    #[must_use]
    pub const fn decline() -> Self {
        Self(Kind::Decided(Accepted::Decline))
    }

    /// Postpones the decision. The [`Decider`] may move to another thread, for example to query a database;
    /// other requests and connections are served meanwhile. The deadline of the opening handshake,
    /// [`Config::handshake_timeout`](wsproto::Config::handshake_timeout), keeps running; when it expires, the
    /// request is refused with status 503. If the client leaves before the decision, its place among the
    /// connections is free at once.
    ///
    /// Name the type of the handler, as in this example. Otherwise it is the type of the first closure, and no
    /// other one fits:
    ///
    /// ```
    /// # use ws_common::{Decision, Message, WebSocketConnection};
    /// # type Handler = fn(&WebSocketConnection, Message);
    /// # fn look_up() -> bool { true }
    /// # fn on_connection() -> Decision<Handler> {
    /// let (decision, decider) = Decision::<Handler>::later();
    /// std::thread::spawn(move || match look_up() {
    ///     true => decider.decide(Decision::accept(|_, _| {})),
    ///     false => decider.decide(Decision::decline()),
    /// });
    /// decision
    /// # }
    /// ```
    #[must_use]
    pub fn later() -> (Self, Decider<H>) {
        let pending = Arc::new(Pending(Mutex::new(State::Waiting(None))));
        (Self(Kind::Later(Arc::clone(&pending))), Decider(pending))
    }
}

/// Ignores all messages; for connections without a handler.
impl ConnectionHandler for () {
    fn on_message(&mut self, _: &crate::WebSocketConnection, _: crate::Message) {}
}

/// The same as [`respond`](Decision::respond).
impl<H> From<Response> for Decision<H> {
    fn from(response: Response) -> Self {
        Self::respond(response)
    }
}

/// `Some` is [`respond`](Decision::respond), `None` is [`decline`](Decision::decline).
impl<H> From<Option<Response>> for Decision<H> {
    fn from(response: Option<Response>) -> Self {
        response.map_or_else(Self::decline, Self::respond)
    }
}

/// Makes a postponed decision, from any thread. If it is dropped undecided, the request is refused with
/// status 503.
pub struct Decider<H>(Arc<Pending<H>>);

impl<H> Decider<H> {
    /// Makes the decision. A second postponement, [`Decision::later`], refuses the request with status 503.
    /// Returns whether the decision counts. It is dropped, and `false` returned, if the client has left, the deadline
    /// has passed, or the server is ending.
    #[allow(clippy::must_use_candidate, reason = "the client may leave at any time")]
    pub fn decide(self, decision: Decision<H>) -> bool {
        match decision.0 {
            Kind::Decided(decided) => self.0.decide(decided),
            Kind::Later(_) => false,
        }
    }

    /// Returns whether a decision would still count: until the client leaves, or the deadline of the opening
    /// handshake passes. A client that has sent more than its request leaves unnoticed until then.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        matches!(&*self.0.lock(), State::Waiting(_))
    }
}

impl<H> Drop for Decider<H> {
    fn drop(&mut self) {
        let response = Response::text(503, "No decision was made\n");
        self.0.decide(Accepted::Refuse(response, "no decision was made"));
    }
}

impl<H> fmt::Debug for Decider<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decider").field("is_awaited", &self.is_awaited()).finish()
    }
}

struct Pending<H>(Mutex<State<H>>);

type Wake = Box<dyn FnOnce() + Send>;

enum State<H> {
    /// No decision yet; `Wake` makes the adapter check again.
    Waiting(Option<Wake>),
    Decided(Accepted<H>),
    /// The adapter took the decision, or the client no longer waits.
    Over,
}

impl<H> Pending<H> {
    fn lock(&self) -> MutexGuard<'_, State<H>> {
        self.0.lock()
    }

    fn decide(&self, decided: Accepted<H>) -> bool {
        let mut state = self.lock();
        let State::Waiting(wake) = &mut *state else { return false };
        // `set_wake` sets it under this lock. Either it runs first, and this calls `wake`, or it finds the
        // decision and calls `wake` itself: no wake-up is lost.
        let wake = wake.take();
        *state = State::Decided(decided);
        drop(state);
        if let Some(wake) = wake {
            wake();
        }
        true
    }
}

impl<H> fmt::Debug for Pending<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

impl<H: ConnectionHandler> Decision<H> {
    /// Boxes the handler, so that the verdict no longer depends on `H`.
    pub(crate) fn verdict(self) -> Verdict {
        match self.0 {
            Kind::Decided(decided) => Verdict::Now(decided.boxed()),
            Kind::Later(pending) => Verdict::Later(Box::new(Later(pending))),
        }
    }
}

impl<H: ConnectionHandler> Accepted<H> {
    fn boxed(self) -> Decided {
        match self {
            Self::Yes(accept, handler) => Decided::Accept(accept, Box::new(handler)),
            Self::No(response) => Decided::Respond(response),
            Self::Refuse(response, reason) => Decided::Refuse(response, reason),
            Self::Decline => Decided::Decline,
        }
    }
}

struct Later<H>(Arc<Pending<H>>);

impl<H: ConnectionHandler> Undecided for Later<H> {
    fn take(&mut self) -> Option<Decided> {
        let mut state = self.0.lock();
        if let State::Waiting(_) = &*state {
            return None;
        }
        match std::mem::replace(&mut *state, State::Over) {
            State::Decided(decided) => Some(decided.boxed()),
            State::Waiting(_) | State::Over => None,
        }
    }

    fn set_wake(&mut self, wake: Box<dyn FnOnce() + Send>) {
        let mut state = self.0.lock();
        if let State::Waiting(slot) = &mut *state {
            *slot = Some(wake);
            return;
        }
        drop(state);
        wake();
    }
}

/// Tells the [`Decider`] that the client no longer waits.
impl<H> Drop for Later<H> {
    fn drop(&mut self) {
        // The guard is a temporary: the old state, which may own a handler, is dropped without the lock.
        let old = std::mem::replace(&mut *self.0.lock(), State::Over);
        drop(old);
    }
}
