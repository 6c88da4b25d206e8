//! The answer of an application to a request: now, or later.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wsproto::handshake::{Accept, Response};

use crate::ConnectionHandler;
use crate::adapter::Part;

/// The answer to a request. `H` is the handler of the connection, if it is accepted.
///
/// ```
/// use ws_common::wsproto::handshake::{Accept, Request, Response};
/// use ws_common::{Decision, Message, WebSocketConnection};
///
/// fn decide(request: &Request) -> Decision<fn(&WebSocketConnection, Message)> {
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

/// A decision that was made.
#[derive(Debug)]
enum Accepted<H> {
    Yes(Accept, H),
    No(Response),
    Decline,
}

impl<H> Decision<H> {
    /// Accepts the connection, which the handler then carries.
    #[must_use]
    pub fn accept(handler: H) -> Self {
        Self::accept_with(Accept::new(), handler)
    }

    /// Accepts the connection with a subprotocol, or with headers of the application's own.
    #[must_use]
    pub const fn accept_with(accept: Accept, handler: H) -> Self {
        Self(Kind::Decided(Accepted::Yes(accept, handler)))
    }

    /// Answers with a response instead: a refusal of a connection, or a page.
    #[must_use]
    pub fn respond(response: impl Into<Response>) -> Self {
        Self(Kind::Decided(Accepted::No(response.into())))
    }

    /// Leaves the answer to the protocol: 403 to a request for a connection, 426 or 405 to another one.
    #[must_use]
    pub const fn decline() -> Self {
        Self(Kind::Decided(Accepted::Decline))
    }

    /// Decides later: the [`Decider`] may go to another thread, which asks a database, say. Other
    /// requests and connections go on meanwhile. The deadline of the opening handshake goes on too,
    /// [`Config::handshake_timeout`](wsproto::Config::handshake_timeout): after it, the request is refused
    /// with status 503.
    ///
    /// ```
    /// # use ws_common::{Decision, Message, WebSocketConnection};
    /// # fn look_up() -> bool { true }
    /// # fn on_connection() -> Decision<fn(&WebSocketConnection, Message)> {
    /// let (decision, decider) = Decision::later();
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

/// A handler that is not there: for connections whose owner receives by itself.
impl ConnectionHandler for () {
    fn on_message(&mut self, _: &crate::WebSocketConnection, _: crate::Message) {}
}

/// A refusal is enough.
impl<H> From<Response> for Decision<H> {
    fn from(response: Response) -> Self {
        Self::respond(response)
    }
}

/// No response is [`decline`](Decision::decline).
impl<H> From<Option<Response>> for Decision<H> {
    fn from(response: Option<Response>) -> Self {
        response.map_or_else(Self::decline, Self::respond)
    }
}

/// Makes a decision that was put off; from any thread. Dropped without one, the request is refused with
/// status 503.
pub struct Decider<H>(Arc<Pending<H>>);

impl<H> Decider<H> {
    /// Decides. To decide [later](Decision::later) once more refuses the request with status 503.
    pub fn decide(self, decision: Decision<H>) {
        if let Kind::Decided(decided) = decision.0 {
            self.0.decide(decided);
        }
    }

    /// Whether the client still waits.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        matches!(&*self.0.lock(), State::Waiting(_))
    }
}

impl<H> Drop for Decider<H> {
    fn drop(&mut self) {
        self.0.decide(Accepted::No(Response::text(503, "No decision was made\n")));
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
    /// Nothing was decided; `wake` has the adapter look.
    Waiting(Option<Wake>),
    Decided(Accepted<H>),
    /// Decided and taken, or the client does not wait any more.
    Over,
}

impl<H> Pending<H> {
    fn lock(&self) -> MutexGuard<'_, State<H>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, decided: Accepted<H>) {
        let mut state = self.lock();
        let State::Waiting(wake) = &mut *state else { return };
        let wake = wake.take();
        *state = State::Decided(decided);
        drop(state);
        if let Some(wake) = wake {
            wake();
        }
    }
}

impl<H> fmt::Debug for Pending<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

/// A decision that was made, with a boxed handler. For adapters.
pub enum Decided {
    /// The connection is accepted.
    Accept(Accept, Box<dyn Part>),
    /// The request gets a response.
    Respond(Response),
    /// The request gets the refusal that the protocol asks for.
    Decline,
}

/// A decision that is not made yet. For adapters.
pub trait Undecided: Send {
    /// Returns the decision, once it is made.
    fn take(&mut self) -> Option<Decided>;

    /// Has `wake` called when it is made; at once, if it is made already.
    fn notify(&mut self, wake: Box<dyn FnOnce() + Send>);
}

/// A decision, or the wait for one. For adapters.
pub enum Verdict {
    /// It is made.
    Now(Decided),
    /// It is made later.
    Later(Box<dyn Undecided>),
}

impl<H: ConnectionHandler> Decision<H> {
    /// Returns the decision, or the wait for it. For adapters.
    #[must_use]
    pub fn verdict(self) -> Verdict {
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

    fn notify(&mut self, wake: Box<dyn FnOnce() + Send>) {
        let mut state = self.0.lock();
        if let State::Waiting(slot) = &mut *state {
            *slot = Some(wake);
            return;
        }
        drop(state);
        wake();
    }
}

/// The client does not wait any more.
impl<H> Drop for Later<H> {
    fn drop(&mut self) {
        let old = std::mem::replace(&mut *self.0.lock(), State::Over);
        drop(old);
    }
}
