//! The answer to a request: now, or when a postponed decision is made or the server ends.

use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::{AcceptError, Request, Response};
use wsproto::{Endpoint, ReadyState, Role};

use super::{Acceptor, Connection, Decided, Driver, Undecided};
use crate::Error;
use crate::server::AwaitedDecision;
use crate::stats::Counted;

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
            return Some(Decided::Refuse(Response::text(503, "The server is ending\n")));
        }
        self.undecided.take()
    }

    fn set_wake(&mut self, wake: Box<dyn FnOnce() + Send>) {
        self.undecided.set_wake(wake);
    }
}

/// Answers the pending request with a decision, which `acceptor` counts. Returns whether the connection is
/// accepted. Accepting an ordinary request declines it.
///
/// # Errors
///
/// [`Error::Accept`] if the request cannot be accepted in this way; it was then refused with status 500.
pub fn answer<R: Role>(
    endpoint: &mut Endpoint<R>,
    acceptor: Option<&Acceptor>,
    now: Duration,
    decided: &Decided,
) -> Result<bool, Error> {
    if endpoint.ready_state() != ReadyState::Connecting {
        // A late decision: the deadline has passed and the client was told, or it is gone.
        return Ok(false);
    }
    let upgrade = endpoint.request().is_some_and(Request::is_upgrade);
    let given = match decided {
        Decided::Respond(response) => endpoint.respond(response, now).map(|()| false),
        Decided::Refuse(response) => refuse(endpoint, now, response.clone()).map(|()| false),
        Decided::Accept(accept, _) if upgrade => endpoint.accept(accept, now).map(|()| true),
        Decided::Accept(..) | Decided::Decline => endpoint.decline(now).map(|()| false),
    };
    let counted = match (&given, decided) {
        (Ok(true), _) => Some(Counted::Opened),
        (Ok(false), Decided::Respond(_) | Decided::Decline) if upgrade => {
            Some(Counted::Application)
        }
        // Refusals by the server itself are counted when they are made, errors when they are reported.
        _ => None,
    };
    if let (Some(counted), Some(acceptor)) = (counted, acceptor) {
        acceptor.count(counted);
    }
    given.or_else(|error| {
        refuse(endpoint, now, super::acceptor::internal_error())?;
        Err(error.into())
    })
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
