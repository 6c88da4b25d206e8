//! The decision on a request: made now, or postponed until the application makes it.

use std::sync::Arc;
use std::time::Duration;

use wsproto::Role;

use super::Conversation;
use crate::Error;
use crate::adapter::request::postpone;
use crate::adapter::verdict::{Decided, Deciding, Undecided, Verdict};
use crate::adapter::{Connection, ConnectionLink, Driver};

impl Conversation {
    /// Asks the application for its decision, and answers the request or postpones the answer.
    pub(super) fn decide<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Arc<Connection<R, D>>,
        now: Duration,
    ) {
        let Some(acceptor) = connection.driver().acceptor() else { return };
        let request = connection.lock().incoming_request();
        let Some(request) = request else { return };
        match acceptor.decide(self.permit.as_mut(), &request) {
            Verdict::Now(decided) => self.answer(connection, now, decided),
            Verdict::Later(undecided) => {
                let undecided = postpone(connection, undecided);
                self.handler = Some(Box::new(Deciding(undecided)));
            }
        }
    }

    /// Answers a request whose decision was postponed, if it is made now.
    pub fn resume<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Arc<Connection<R, D>>,
        now: Duration,
    ) {
        let undecided = self.handler.as_mut().and_then(|handler| handler.undecided());
        if let Some(decided) = undecided.and_then(Undecided::take) {
            drop(self.drop_handler());
            self.answer(connection, now, decided);
        }
    }

    fn answer<R: Role, D: Driver<R>>(
        &mut self,
        connection: &Connection<R, D>,
        now: Duration,
        decided: Decided,
    ) {
        let answered = connection.answer(&decided, now);
        self.handler = decided.into_handler();
        if let Ok(true) = answered {
            return;
        }
        let _ = self.drop_handler();
        if let Err(error @ Error::Accept(_)) = answered
            && let Some(acceptor) = connection.driver().acceptor()
        {
            acceptor.report(connection.peer_addr(), &error);
        }
    }
}
