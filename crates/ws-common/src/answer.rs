//! What an application says to a request.

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use wsproto::handshake::{Accept, Request, Response};
use wsproto::{Server, Session};

use crate::{Accepted, Error, ServerHandle, ServerHandler};

/// What an application answers to a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Opens the connection. To an ordinary request, which asks for none, it is a refusal.
    Accept(Accept),
    /// Sends a response instead: a page to an ordinary request, a refusal to an upgrade.
    Respond(Response),
}

impl Answer {
    /// Asks the handler of a server, unless the server's options decide, or it has ended. Returns what
    /// carries the connection, too, if there is to be one. If the handler panics, the request is refused
    /// with status 500. For adapters.
    pub fn of<H: ServerHandler>(
        handler: &mut H,
        server: &ServerHandle,
        request: &Request,
    ) -> (Self, Option<H::Connection>) {
        let asked = AssertUnwindSafe(|| Self::ask(handler, server, request));
        panic::catch_unwind(asked).unwrap_or_else(|_| (Self::Respond(sorry()), None))
    }

    fn ask<H: ServerHandler>(
        handler: &mut H,
        server: &ServerHandle,
        request: &Request,
    ) -> (Self, Option<H::Connection>) {
        if server.is_terminated() {
            return (Self::Respond(Response::text(503, "The server has ended\n")), None);
        }
        if !request.is_upgrade() {
            let page = handler.on_request(server, request);
            // Without a page it is a refusal, because the request asks for no connection.
            return (page.map_or_else(|| Self::Accept(Accept::new()), Self::Respond), None);
        }
        if let Some(refusal) = server.options().refusal(request) {
            return (Self::Respond(refusal), None);
        }
        match handler.on_connection(server, request) {
            Ok(Accepted { accept, handler }) => (Self::Accept(accept), Some(handler)),
            Err(refusal) => (Self::Respond(refusal), None),
        }
    }

    /// Answers the request that waits in a session; appends to `out`. For adapters.
    ///
    /// # Errors
    ///
    /// [`Error::Accept`] if that is not possible; the request is refused with status 500 then.
    pub fn give(
        self,
        session: &mut Session<Server>,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let upgrade = session.request().is_some_and(|request| request.check_upgrade().is_ok());
        let given = match self {
            Self::Respond(response) => session.respond(&response, now, out),
            Self::Accept(accept) if upgrade => session.accept(&accept, now, out),
            // Left undecided, it gets the refusal that the protocol asks for.
            Self::Accept(_) => Ok(()),
        };
        given.or_else(|error| {
            session.respond(&sorry(), now, out)?;
            Err(error.into())
        })
    }
}

fn sorry() -> Response {
    Response::text(500, "Internal Server Error\n")
}
