//! The server side of the opening handshake.

use std::sync::Arc;

use ws_common::adapter::{Decided, Step, Verdict, server_endpoint};
use wsproto::{Config, ReadyState, Role, Server, SessionError};

use crate::clock::{CallTimeout, now};
use crate::driver::BlockingDriver;
use crate::origin::Origin;
use crate::websocket::Opening;
use crate::{Decision, Error, IncomingRequest, Stream, WebSocket};

/// Accepts a WebSocket on a `TcpStream`, or on a TLS stream from [`Stream::accept_tls`], for any path, with
/// the default limits and deadlines of [`Config`]. Requests that are not an upgrade are refused.
///
/// # Errors
///
/// [`Error::Session`] if the request was refused or the client sent none; [`Error::Io`] if the transport
/// failed.
pub fn accept(stream: impl Into<Stream>) -> Result<WebSocket<Server>, Error> {
    let ws = accept_with(stream, Config::default(), |_: &IncomingRequest| Decision::accept(()))?;
    // Every request is accepted or an error, so `None` is a client that sent nothing.
    ws.ok_or(Error::Session(SessionError::EndOfInput))
}

/// Reads a request from a stream, as [`accept`] does, and answers it with the decision of `decide`. Returns
/// the open connection. If another response was sent, or the client left without a request, waits for the
/// end of the stream and returns `None`.
///
/// # Errors
///
/// As [`accept`], and [`Error::Accept`] if the request cannot be accepted as decided; the client then got
/// status 500.
pub fn accept_with(
    stream: impl Into<Stream>,
    config: impl Into<Arc<Config>>,
    decide: impl FnOnce(&IncomingRequest) -> Decision<()>,
) -> Result<Option<WebSocket<Server>>, Error> {
    let mut ws = WebSocket::server(stream, config);
    let open = ws.handshake(decide);
    if matches!(open, Ok(true)) {
        return Ok(Some(ws));
    }
    // Read to the end of the stream, so that no reset overtakes the response.
    let closed = ws.wait_closed().map(|_| None);
    open.and(closed)
}

impl WebSocket<Server> {
    /// Creates a connection on a stream that a client has opened. Reads nothing yet: call
    /// [`handshake`](Self::handshake) next.
    #[must_use]
    pub fn server(stream: impl Into<Stream>, config: impl Into<Arc<Config>>) -> Self {
        let stream = stream.into();
        tune(&stream);
        let endpoint = server_endpoint(config, now());
        let connection = BlockingDriver::begin(Origin::default(), endpoint, stream.clone(), None);
        Self::new(connection, stream, Opening::Server { request: None })
    }

    /// Reads the request and answers it with the decision of `decide`. Returns whether the connection is
    /// open. If not, call [`wait_closed`](Self::wait_closed), so that the response arrives; it returns the
    /// error.
    ///
    /// # Errors
    ///
    /// As [`accept_with`]. A stream that is non-blocking or has timeouts may fail with `WouldBlock` or
    /// `TimedOut`; then call it again.
    pub fn handshake(
        &mut self,
        decide: impl FnOnce(&IncomingRequest) -> Decision<()>,
    ) -> Result<bool, Error> {
        let mut decide = Some(decide);
        let mut connecting = self.ready_state() == ReadyState::Connecting;
        while connecting {
            match (self.step(&mut CallTimeout::new(None))?, decide.take()) {
                (Some(Step::Request), Some(decide)) => {
                    self.decide(decide)?;
                    // An accepted request is followed by `Step::Open`, a refused one by no step.
                    connecting = self.ready_state() != ReadyState::Closed;
                }
                (Some(Step::Open), _) => connecting = false,
                (Some(_), unused) => decide = unused,
                (None, _) => return Ok(false),
            }
        }
        self.flush_now();
        Ok(self.ready_state() == ReadyState::Open)
    }

    fn decide(
        &mut self,
        decide: impl FnOnce(&IncomingRequest) -> Decision<()>,
    ) -> Result<(), Error> {
        let Some(request) = self.connection.lock().incoming_request() else { return Ok(()) };
        let verdict = Verdict::from(decide(&request));
        self.opening = Opening::Server { request: Some(Box::new(request)) };
        match verdict {
            Verdict::Now(decided) => self.answer(&decided),
            Verdict::Later(undecided) => {
                self.undecided = Some(ws_common::adapter::postpone(&self.connection, undecided));
                Ok(())
            }
        }
    }
}

impl<R: Role> WebSocket<R> {
    /// Answers the request with the decision.
    pub(crate) fn answer(&self, decided: &Decided) -> Result<(), Error> {
        self.connection.answer(decided, now()).map(drop)
    }
}

/// Sets the options of the socket, if there is one.
pub(crate) fn tune(stream: &Stream) {
    if let Some(tcp) = stream.tcp() {
        ws_common::adapter::tune(tcp);
    }
}

impl WebSocket<Server> {
    /// Returns the request that opened the connection; `None` before it has arrived.
    #[must_use]
    pub fn request(&self) -> Option<&IncomingRequest> {
        match &self.opening {
            Opening::Server { request } => request.as_deref(),
            Opening::Client { .. } => None,
        }
    }
}
