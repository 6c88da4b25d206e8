//! Servers on any stream, and the requests of their clients.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use ws_common::adapter::{Acceptor, Conversation, server_endpoint};
use ws_common::{Decider, Decision, Error, IncomingRequest};
use wsproto::handshake::{Accept, Response};
use wsproto::{Config, SessionError};

use crate::WebSocket;
use crate::origin::OriginParts;
use crate::websocket::{Transported, connection};

/// Reads the request of a client that has opened a stream. Returns `None` if the client sends nothing at all until it
/// leaves, or until [`Config::handshake_timeout`](wsproto::Config::handshake_timeout), 10 s by default: that is a
/// connection opened in advance, or a health check.
///
/// ```no_run
/// # async fn example(stream: tokio::io::DuplexStream) -> Result<(), ws_tokio::Error> {
/// use ws_tokio::wsproto::handshake::{Accept, Response};
///
/// let Some(request) = ws_tokio::server(stream, ws_tokio::wsproto::Config::new()).await? else {
///     return Ok(());
/// };
/// if request.path() != "/chat" {
///     return request.refuse(Response::text(404, "no such page\n")).await;
/// }
/// let mut ws = request.accept(&Accept::new()).await?;
/// while let Some(message) = ws.recv().await? {
///     ws.send(message).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Session`] if the request is malformed or incomplete when its time is over, and was refused; also if the
/// client leaves in the middle of it. [`Error::Io`] if the stream fails, or outside of a runtime of tokio.
///
/// # Cancel safety
///
/// If the future is dropped, so is the stream.
pub async fn server<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    config: impl Into<Arc<Config>>,
) -> Result<Option<Request>, Error> {
    let endpoint = server_endpoint(config, Duration::ZERO);
    let start = Instant::now();
    let connection =
        connection(OriginParts::default(), start, endpoint, Transported::unknown(stream));
    let ws = WebSocket::begin(connection, Conversation::client(()), None)?;
    Request::read(ws, None).await
}

/// Accepts a WebSocket on a stream that a client has opened, for any path, with the default limits and deadlines of
/// [`Config`]. Requests that are not an upgrade are refused.
///
/// # Errors
///
/// As [`server`], and [`Error::Session`] of [`EndOfInput`](SessionError::EndOfInput) if that returns `None`.
///
/// # Cancel safety
///
/// If the future is dropped, so is the stream.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
) -> Result<WebSocket, Error> {
    match server(stream, Config::new()).await? {
        Some(request) => request.accept(&Accept::new()).await,
        None => Err(SessionError::EndOfInput.into()),
    }
}

/// A client's request, which waits for an answer. Dereferences to the [`IncomingRequest`]. The deadline of the opening
/// handshake keeps running; nothing is read meanwhile.
///
/// If it is dropped, the client gets status 503.
#[derive(Debug)]
pub struct Request {
    request: IncomingRequest,
    // Dropped before the connection, which then sends the answer.
    decider: Decider<()>,
    ws: WebSocket,
}

impl Request {
    /// Waits for the request of a connection that has just begun.
    pub(crate) async fn read(
        mut ws: WebSocket,
        acceptor: Option<&Acceptor>,
    ) -> Result<Option<Self>, Error> {
        let asked = ws.ask(acceptor).await?;
        Ok(asked.map(|(request, decider)| Self { request, decider, ws }))
    }

    /// Accepts the connection. A request that is not an upgrade is refused with status 426 or 405.
    ///
    /// # Errors
    ///
    /// [`Error::Accept`] if the request cannot be accepted in this way, for example with a subprotocol that was not
    /// offered: the client then gets status 500. [`Error::Session`] if the deadline of the opening handshake has passed,
    /// or the client is gone.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is the connection.
    pub fn accept(
        self,
        accept: &Accept,
    ) -> impl Future<Output = Result<WebSocket, Error>> + Send + use<> {
        let Self { decider, mut ws, .. } = self;
        let accept = accept.clone();
        // Boxed, so that the task of an open connection reserves no memory for its opening.
        Box::pin(async move {
            decider.decide(Decision::accept_with(accept, ()));
            ws.open().await?;
            Ok(ws)
        })
    }

    /// Answers with a response, which refuses a connection, or serves an ordinary request. Returns once the connection
    /// is closed.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    ///
    /// # Cancel safety
    ///
    /// If the future was polled and is dropped, the response is on its way.
    pub async fn refuse(self, response: impl Into<Response>) -> Result<(), Error> {
        self.answer(Decision::respond(response)).await
    }

    /// Refuses the request as the protocol requires: with status 403 for an opening handshake, 426 or 405 for an
    /// ordinary request.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    ///
    /// # Cancel safety
    ///
    /// As [`refuse`](Self::refuse).
    pub async fn decline(self) -> Result<(), Error> {
        self.answer(Decision::decline()).await
    }

    async fn answer(self, decision: Decision<()>) -> Result<(), Error> {
        let Self { decider, mut ws, .. } = self;
        decider.decide(decision);
        ws.closed().await.map(drop)
    }
}

impl Deref for Request {
    type Target = IncomingRequest;

    fn deref(&self) -> &IncomingRequest {
        &self.request
    }
}
