//! The server's side of the opening handshake.

use std::sync::Arc;

use ws_common::adapter::{Decided, Step, Verdict, server_endpoint};
use wsproto::handshake::Request;
use wsproto::{Config, ReadyState, Role, Server, SessionError};

use crate::clock::{Patience, now};
use crate::driver::Owner;
use crate::websocket::Opening;
use crate::{Decision, Error, Stream, WebSocket};

/// Accepts a WebSocket on a `TcpStream`, or on what [`Stream::accept_tls`] makes of one, whatever path it
/// asks for, with the default limits and deadlines. Ordinary requests are refused.
///
/// # Errors
///
/// [`Error::Session`] if the request was refused, [`Error::Io`] if the transport failed.
pub fn accept(stream: impl Into<Stream>) -> Result<WebSocket<Server>, Error> {
    let ws = accept_with(stream, Config::default(), |_: &Request| Decision::accept(()))?;
    // Without an answer of our own, only a client that sends nothing gets no connection.
    ws.ok_or(Error::Session(SessionError::EndOfInput))
}

/// Reads a request from a stream, as [`accept`] does, and answers as `decide` says. Returns the connection
/// if it was opened, and `None` once another response was sent, or the client went without a request, and
/// the stream is done with.
///
/// # Errors
///
/// As [`accept`], and [`Error::Accept`] if the request cannot be accepted as `decide` says; it was
/// then refused with status 500.
pub fn accept_with(
    stream: impl Into<Stream>,
    config: impl Into<Arc<Config>>,
    decide: impl FnOnce(&Request) -> Decision<()>,
) -> Result<Option<WebSocket<Server>>, Error> {
    let mut ws = WebSocket::server(stream, config);
    let open = ws.handshake(decide);
    if matches!(open, Ok(true)) {
        return Ok(Some(ws));
    }
    // The response arrives if the stream is read to its end.
    let closed = ws.wait_closed().map(|_| None);
    open.and(closed)
}

impl WebSocket<Server> {
    /// Takes over a stream that a client has opened. Nothing is read yet: [`handshake`](Self::handshake)
    /// comes next.
    #[must_use]
    pub fn server(stream: impl Into<Stream>, config: impl Into<Arc<Config>>) -> Self {
        let stream = stream.into();
        tune(&stream);
        let endpoint = server_endpoint(config, now());
        let connection = Owner::begin(None, None, endpoint, stream.clone(), None);
        Self::new(connection, stream, Opening::Server { request: None })
    }

    /// Reads the request and answers as `decide` says. Returns whether the connection is open; if
    /// not, [`wait_closed`](Self::wait_closed) lets the response arrive, and tells what was wrong.
    ///
    /// # Errors
    ///
    /// As [`accept_with`]. After `WouldBlock` or `TimedOut`, which a stream may return that is
    /// non-blocking or has timeouts, call it again.
    pub fn handshake(
        &mut self,
        decide: impl FnOnce(&Request) -> Decision<()>,
    ) -> Result<bool, Error> {
        let mut decide = Some(decide);
        let mut connecting = self.ready_state() == ReadyState::Connecting;
        while connecting {
            match (self.step(&mut Patience::new(None))?, decide.take()) {
                (Some(Step::Request), Some(decide)) => {
                    self.decide(decide)?;
                    // That it is open is an event, too; that it was refused is not.
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

    fn decide(&mut self, decide: impl FnOnce(&Request) -> Decision<()>) -> Result<(), Error> {
        let mut held = self.connection.lock();
        let Some(request) = held.live()?.endpoint().request().cloned() else { return Ok(()) };
        drop(held);
        let verdict = decide(&request).verdict();
        self.opening = Opening::Server { request: Some(Box::new(request)) };
        match verdict {
            Verdict::Now(decided) => self.answer(&decided),
            Verdict::Later(mut undecided) => {
                if let Ok(link) = self.connection.lock().live() {
                    // There is a request, so it can wait.
                    let _ = link.endpoint_mut().postpone();
                }
                let waiting = Arc::clone(&self.connection);
                undecided.notify(Box::new(move || waiting.notify()));
                self.undecided = Some(undecided);
                Ok(())
            }
        }
    }
}

impl<R: Role> WebSocket<R> {
    /// Answers the request as was decided.
    pub(crate) fn answer(&self, decided: &Decided) -> Result<(), Error> {
        let mut held = self.connection.lock();
        let endpoint = held.live()?.endpoint_mut();
        if endpoint.ready_state() != ReadyState::Connecting {
            // The deadline has passed, and the client was told.
            return Ok(());
        }
        ws_common::adapter::answer(endpoint, now(), decided).map(drop)
    }
}

/// Sets the options of the socket, if there is one.
pub(crate) fn tune(stream: &Stream) {
    if let Some(tcp) = stream.tcp() {
        ws_common::adapter::tune(tcp);
    }
}
