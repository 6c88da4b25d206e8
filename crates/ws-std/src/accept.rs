//! The server's side of the opening handshake.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::{Accept, Request};
use wsproto::{Config, ReadyState, Server, Session, SessionError};

use crate::step::Step;
use crate::transport::Control;
use crate::websocket::Opening;
use crate::{Answer, Error, Stream, WebSocket};

/// Accepts a WebSocket on a `TcpStream`, or on what [`Stream::accept_tls`] makes of one, whatever path it asks for, with the default limits and
/// deadlines. Ordinary requests are refused.
///
/// # Errors
///
/// [`Error::Session`] if the request was refused, [`Error::Io`] if the transport failed.
pub fn accept(stream: impl Into<Stream>) -> Result<WebSocket<Stream, Server>, Error> {
    let always = |_: &Request| Answer::Accept(Accept::new());
    // Without an answer of our own, only a client that sends nothing gets no connection.
    let ws = accept_with(stream, Config::default(), always)?;
    ws.ok_or(Error::Session(SessionError::EndOfInput))
}

/// Reads a request from a stream, as [`accept`] does, and answers as `answer` says. Returns the connection if it was
/// opened, and `None` once another response was sent, or the client went without a request, and the
/// stream is done with.
///
/// # Errors
///
/// As [`accept`], and [`Error::Accept`] if the request cannot be accepted as `answer` says; it was
/// then refused with status 500.
pub fn accept_with(
    stream: impl Into<Stream>,
    config: impl Into<Arc<Config>>,
    answer: impl FnOnce(&Request) -> Answer,
) -> Result<Option<WebSocket<Stream, Server>>, Error> {
    let stream = stream.into();
    // Messages are written whole; waiting for more only delays them.
    stream.tcp().set_nodelay(true)?;
    let session = Session::server(config, Duration::ZERO);
    let opening = Opening::Server { request: None };
    let mut ws = WebSocket::new(stream, Control::own(), session, Vec::new(), opening);
    let open = ws.handshake(answer);
    if matches!(open, Ok(true)) {
        return Ok(Some(ws));
    }
    // A response arrives if the stream is read to its end.
    let closed = ws.wait_closed().map(|_| None);
    open.and(closed)
}

impl<S: Read + Write> WebSocket<S, Server> {
    /// Takes over any stream that a client has opened, such as one of TLS. Nothing is read yet:
    /// [`handshake`](Self::handshake) comes next.
    ///
    /// Deadlines are observed whenever a read or write returns; give the stream timeouts for more.
    #[must_use]
    pub fn server(stream: S, config: impl Into<Arc<Config>>) -> Self {
        let session = Session::server(config, Duration::ZERO);
        let opening = Opening::Server { request: None };
        Self::new(stream, Control::none(), session, Vec::new(), opening)
    }

    /// Reads the request and answers as `answer` says. Returns whether the connection is open; if
    /// not, [`wait_closed`](Self::wait_closed) lets the response arrive, and tells what was wrong.
    ///
    /// # Errors
    ///
    /// As [`accept_with`]. After `WouldBlock` or `TimedOut`, which a stream may return that is
    /// non-blocking or has timeouts, call it again.
    pub fn handshake(&mut self, answer: impl FnOnce(&Request) -> Answer) -> Result<bool, Error> {
        let mut answer = Some(answer);
        while self.ready_state() == ReadyState::Connecting {
            match (self.step()?, answer.take()) {
                (Some(Step::Upgrade | Step::Http), Some(answer)) => self.answer(answer)?,
                (None, _) => return Ok(false),
                (Some(_), unused) => answer = unused,
            }
        }
        self.finish_handshake()?;
        Ok(self.ready_state() == ReadyState::Open)
    }

    fn answer(&mut self, answer: impl FnOnce(&Request) -> Answer) -> Result<(), Error> {
        let Some(request) = self.link(|link| link.session.request().cloned()) else {
            return Ok(());
        };
        let answer = answer(&request);
        let given = self.link(|link| {
            let now = link.now();
            answer.give(&mut link.session, now, &mut link.out)
        });
        self.opening = Opening::Server { request: Some(Box::new(request)) };
        given
    }
}
