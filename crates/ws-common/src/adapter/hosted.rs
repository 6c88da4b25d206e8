//! Requests that a web server has read, and whose answers it writes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::{Accept, Agreed, Request, RequestError, Response};
use wsproto::{Endpoint, Server, Session};

use super::acceptor::internal_error;
use super::logging::debug;
use super::{Acceptor, Decided, Permit, TransportInfo, Verdict};
use crate::stats::Counted;
use crate::{Decision, Error, IncomingRequest};

/// A connection that is accepted, and begins once the web server has sent the [answer](Self::response) and hands over
/// the stream. Dropping it gives its place up.
#[derive(Debug)]
pub struct Hosted {
    response: Response,
    agreed: Agreed,
    /// The permit of the connection.
    pub permit: Permit,
    /// The request.
    pub request: IncomingRequest,
}

impl Hosted {
    /// Returns the answer, with status 101 or, to an extended CONNECT, 200. It has no body.
    #[must_use]
    pub const fn response(&self) -> &Response {
        &self.response
    }

    /// Creates the endpoint, which is open.
    #[must_use]
    pub fn endpoint(&self, now: Duration) -> Endpoint<Server> {
        let config = Arc::clone(&self.permit.server().options().config);
        let session = Session::opened(Server, config, self.agreed.clone(), now);
        Endpoint::new(session, Vec::new())
    }
}

/// The answer to a request that is no opening handshake, or one for which there is no stream.
#[derive(Debug)]
pub struct NotHosted {
    /// The response that refuses it.
    pub response: Response,
    /// Whether the request asks for no WebSocket at all, valid or not.
    pub ordinary: bool,
}

/// Checks a request that a web server has read, and that this server can hand over its stream. Returns both.
///
/// # Errors
///
/// [`NotHosted`]: with the response of the request's own error, or else 500 without a stream.
pub fn check_hosted<T>(
    read: Result<Request, RequestError>,
    stream: Option<T>,
) -> Result<(Request, T), NotHosted> {
    let refuse = |response, ordinary| NotHosted { response, ordinary };
    let request = read.map_err(|error| refuse(error.response(), false))?;
    request.check_upgrade().map_err(|error| refuse(error.response(), !request.is_upgrade()))?;
    match stream {
        Some(stream) => Ok((request, stream)),
        None => {
            let response = Response::text(500, "The web server cannot hand over its stream\n");
            Err(refuse(response, false))
        }
    }
}

impl Acceptor {
    /// Accepts a request that a web server has read, unless there are too many connections, the server's options do
    /// not allow it, or the server is ending. `peer` is the address of the client, or of a proxy.
    ///
    /// # Errors
    ///
    /// The response that refuses the request, with the server's own header fields.
    pub fn accept_hosted(
        &self,
        request: Request,
        peer: Option<SocketAddr>,
        accept: &Accept,
    ) -> Result<Hosted, Response> {
        let options = self.server().options();
        self.judge_hosted(request, peer, accept)
            .map_err(|response| response.with_missing(&options.config.refusal_headers))
    }

    fn judge_hosted(
        &self,
        request: Request,
        peer: Option<SocketAddr>,
        accept: &Accept,
    ) -> Result<Hosted, Response> {
        let options = self.server().options();
        request.check_upgrade()?;
        let mut permit = self.permit(peer)?;
        // Checked with the permit: an end of the server that begins later waits for it.
        if self.server().is_ending() {
            return Err(Response::text(503, "The server is ending\n"));
        }
        let client = options.trusted_proxies.client_addr(peer, &request);
        let request = IncomingRequest::new(request, TransportInfo::of(peer, client));
        let decision = self.decide_by(&mut permit, &request, |_| Decision::accept(()));
        match decision.verdict() {
            Verdict::Now(Decided::Accept(..)) => {}
            Verdict::Now(Decided::Refuse(response, _) | Decided::Respond(response)) => {
                return Err(response);
            }
            Verdict::Now(Decided::Decline) | Verdict::Later(_) => return Err(internal_error()),
        }
        match accept.answer(&request, &options.config) {
            Ok((response, agreed)) => {
                self.count(Counted::Opened);
                Ok(Hosted { response, agreed, permit, request })
            }
            Err(error) => {
                debug!("{peer:?} is not accepted: {error}");
                self.report(peer, &Error::from(error.clone()));
                Err(error.into())
            }
        }
    }
}
