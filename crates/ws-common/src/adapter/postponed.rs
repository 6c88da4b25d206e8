//! A request that waits for a postponed decision, or for the end of its server.

use std::sync::Arc;

use wsproto::Role;
use wsproto::handshake::Response;

use super::{Connection, Driver};
use crate::decision::{Decided, Undecided};
use crate::server::AwaitedDecision;

/// Postpones the answer to the request of `connection`, and notifies it when there is one: the decision, or
/// status 503 once the server is ending.
///
/// No notice is lost: each is given however early its cause comes, and the adapter looks after this call has
/// returned.
pub fn postpone<R: Role, D: Driver<R>>(
    connection: &Arc<Connection<R, D>>,
    mut undecided: Box<dyn Undecided>,
) -> Box<dyn Undecided> {
    if let Ok(link) = connection.lock().live() {
        // It fails only without a request, and there is one.
        let _ = link.endpoint_mut().postpone();
    }
    let waiting = Arc::clone(connection);
    undecided.notify(Box::new(move || waiting.notify()));
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
            return Some(Decided::Respond(Response::text(503, "The server is ending\n")));
        }
        self.undecided.take()
    }

    fn notify(&mut self, wake: Box<dyn FnOnce() + Send>) {
        self.undecided.notify(wake);
    }
}
