//! The server's side of the opening handshake.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::{Accept, Request, Response};
use wsproto::{Config, Server, Session, SessionError};

use crate::transport::Control;
use crate::websocket::Step;
use crate::{Error, WebSocket};

/// What an application answers to a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Opens the connection. To an ordinary request, which asks for none, it is a refusal.
    Accept(Accept),
    /// Sends a response instead: a page to an ordinary request, a refusal to an upgrade.
    Respond(Response),
}

/// Accepts a WebSocket on a TCP stream, whatever path it asks for, with the default limits and
/// deadlines. Ordinary requests are refused.
///
/// # Errors
///
/// [`Error::Session`] if the request was refused, [`Error::Io`] if the transport failed.
pub fn accept(stream: TcpStream) -> Result<WebSocket<TcpStream, Server>, Error> {
    let always = |_: &Request| Answer::Accept(Accept::new());
    // Without an answer of our own, only a client that sends nothing gets no connection.
    let ws = accept_with(stream, Config::default(), always)?;
    ws.ok_or(Error::Session(SessionError::EndOfInput))
}

/// Reads a request from a TCP stream and answers as `answer` says. Returns the connection if it was
/// opened, and `None` once another response was sent, or the client went without a request, and the
/// stream is done with.
///
/// # Errors
///
/// As [`accept`], and [`Error::Accept`] if the request cannot be accepted as `answer` says; it was
/// then refused with status 500.
pub fn accept_with(
    stream: TcpStream,
    config: impl Into<Arc<Config>>,
    answer: impl FnOnce(&Request) -> Answer,
) -> Result<Option<WebSocket<TcpStream, Server>>, Error> {
    // Messages are written whole; waiting for more only delays them.
    stream.set_nodelay(true)?;
    open(stream, Control::tcp(), config.into(), answer)
}

impl<S: Read + Write> WebSocket<S, Server> {
    /// Reads a request from any stream, such as one of TLS, and answers it as [`accept_with`]
    /// does. Deadlines are observed whenever a read returns; give the stream a read timeout for
    /// more.
    ///
    /// # Errors
    ///
    /// As [`accept_with`]. A timeout of the stream ends the handshake.
    pub fn server(
        stream: S,
        config: impl Into<Arc<Config>>,
        answer: impl FnOnce(&Request) -> Answer,
    ) -> Result<Option<Self>, Error> {
        open(stream, Control::none(), config.into(), answer)
    }
}

fn open<S: Read + Write>(
    stream: S,
    control: Control<S>,
    config: Arc<Config>,
    answer: impl FnOnce(&Request) -> Answer,
) -> Result<Option<WebSocket<S, Server>>, Error> {
    let session = Session::server(config, Duration::ZERO);
    let mut ws = WebSocket::new(stream, control, session, Vec::new());
    let mut answer = Some(answer);
    let mut failed = None;
    loop {
        match ws.step() {
            Ok(Some(Step::Upgrade | Step::Http)) => {
                let Some(answer) = answer.take() else { continue };
                if let Err(error) = ws.answer(answer) {
                    failed = Some(error);
                }
            }
            Ok(Some(Step::Open)) => return Ok(Some(ws)),
            Ok(Some(_)) => {}
            Ok(None) => return failed.map_or(Ok(None), Err),
            // The refusal is on its way; it arrives if the stream is read to its end.
            Err(error @ Error::Session(_)) if failed.is_none() => failed = Some(error),
            Err(error) => return Err(failed.unwrap_or(error)),
        }
    }
}

impl<S: Read + Write> WebSocket<S, Server> {
    fn answer(&mut self, answer: impl FnOnce(&Request) -> Answer) -> Result<(), Error> {
        self.link(|link| {
            let now = link.now();
            let (session, out) = (&mut link.session, &mut link.out.bytes);
            let Some(request) = session.request() else { return Ok(()) };
            let upgrade = request.check_upgrade().is_ok();
            match answer(request) {
                Answer::Respond(response) => session.respond(&response, now, out),
                Answer::Accept(accept) if upgrade => {
                    if let Err(error) = session.accept(&accept, now, out) {
                        session.respond(&Response::text(500, "Internal Server Error\n"), now, out);
                        return Err(error.into());
                    }
                }
                // Left undecided, it gets the refusal that the protocol asks for.
                Answer::Accept(_) => {}
            }
            Ok(())
        })
    }
}
