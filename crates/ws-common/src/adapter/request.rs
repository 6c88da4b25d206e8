//! The answer to a request: now, or when a postponed decision is made or the server ends.

use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::{AcceptError, Request, RequestError, Response};
use wsproto::{Endpoint, ReadyState, Role};

use super::acceptor::internal_error;
use super::{Connection, Decided, Driver, Undecided};
use crate::Error;
use crate::server::AwaitedDecision;
use crate::stats::Counted;

/// The status of a refused opening handshake.
const FORBIDDEN: u16 = 403;

/// Postpones the answer to the request of `connection`, and notifies it when there is one: the decision, or
/// status 503 once the server is ending.
///
/// No notice is lost: one whose cause has already come is given at once, and the adapter checks for the
/// decision once this call has returned.
pub fn postpone<R: Role, D: Driver<R>>(
    connection: &Arc<Connection<R, D>>,
    mut undecided: Box<dyn Undecided>,
) -> Box<dyn Undecided> {
    if let Ok(link) = connection.lock().live() {
        // Fails only without a request.
        let _ = link.endpoint_mut().postpone();
    }
    let waiting = Arc::clone(connection);
    undecided.set_wake(Box::new(move || waiting.notify()));
    let Some(acceptor) = connection.driver().acceptor() else { return undecided };
    let waiting = Arc::downgrade(connection);
    let awaited = acceptor.server().await_decision(connection.id(), move || {
        if let Some(connection) = waiting.upgrade() {
            connection.notify();
        }
    });
    Box::new(Postponed { undecided, awaited })
}

struct Postponed {
    undecided: Box<dyn Undecided>,
    awaited: AwaitedDecision,
}

impl Undecided for Postponed {
    fn take(&mut self) -> Option<Decided> {
        if self.awaited.server().is_ending() {
            let response = Response::text(503, "The server is ending\n");
            return Some(Decided::Refuse(response, "the server is ending"));
        }
        self.undecided.take()
    }

    fn set_wake(&mut self, wake: Box<dyn FnOnce() + Send>) {
        self.undecided.set_wake(wake);
    }
}

impl<R: Role, D: Driver<R>> Connection<R, D> {
    /// Answers the pending request with a decision, which the server counts. Returns whether the connection is
    /// accepted. Accepting an ordinary request declines it. The connection must not be locked.
    ///
    /// # Errors
    ///
    /// [`Error::Accept`] if the request cannot be accepted in this way; it was then refused with status 500.
    /// [`Error::Send`] if the connection is over.
    pub fn answer(&self, decided: &Decided, now: Duration) -> Result<bool, Error> {
        let mut held = self.lock();
        let endpoint = held.live()?.endpoint_mut();
        if endpoint.ready_state() != ReadyState::Connecting {
            // A late decision: the deadline has passed and the client was told, or it is gone.
            return Ok(false);
        }
        let request = endpoint.request();
        let upgrade = request.is_some_and(Request::is_upgrade);
        let declined = request.and_then(|request| request.check_upgrade().err());
        let (given, status) = match decided {
            Decided::Accept(accept, _) if upgrade => (endpoint.accept(accept, now), None),
            Decided::Respond(response) => {
                (endpoint.respond(response, now), Some(response.status()))
            }
            Decided::Refuse(response, _) => {
                (refuse(endpoint, now, response.clone()), Some(response.status()))
            }
            Decided::Accept(..) | Decided::Decline => {
                let status = declined.map_or(FORBIDDEN, RequestError::status);
                (endpoint.decline(now), Some(status))
            }
        };
        let (given, status) = match given {
            Ok(()) => (Ok(status.is_none()), status),
            Err(error) => {
                let internal = internal_error();
                let status = internal.status();
                refuse(endpoint, now, internal)?;
                (Err(error.into()), Some(status))
            }
        };
        drop(held);
        self.count_answer(given.as_ref().ok().copied(), decided, upgrade);
        if let Some(status) = status {
            self.log_answer(status);
        }
        given
    }

    /// Counts an answer, unless that was done before: refusals by the server itself are counted when they are made,
    /// errors when they are reported.
    fn count_answer(&self, opened: Option<bool>, decided: &Decided, upgrade: bool) {
        let Some(acceptor) = self.driver().acceptor() else { return };
        match (opened, decided) {
            (Some(true), _) => acceptor.count(Counted::Opened),
            (Some(false), Decided::Respond(_) | Decided::Decline) if upgrade => {
                acceptor.count(Counted::Application);
            }
            _ => {}
        }
    }
}

/// Answers with a response that is not the application's, but has its header fields.
fn refuse<R: Role>(
    endpoint: &mut Endpoint<R>,
    now: Duration,
    response: Response,
) -> Result<(), AcceptError> {
    let response = response.with_missing(&endpoint.session().config().refusal_headers);
    endpoint.respond(&response, now)
}
