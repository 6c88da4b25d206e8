//! Clients on any stream.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use ws_common::Error;
use ws_common::adapter::{Conversation, client_endpoint};
use wsproto::Config;
use wsproto::handshake::ClientRequest;

use crate::WebSocket;
use crate::io::AsyncStream;
use crate::origin::OriginParts;
use crate::websocket::{Opening, Transported, connection};

/// Opens a client's connection on a stream to the server, such as one through a tunnel; TLS for a `wss://` URL is
/// the stream's.
///
/// # Errors
///
/// [`Error::Http`] for a response other than 101; [`Error::InvalidAnswer`] for an answer that breaks a rule;
/// [`Error::Session`] for none in time; [`Error::Io`] if the stream fails, if the operating system has no random
/// bytes, or outside of a runtime of tokio.
///
/// # Cancel safety
///
/// If the future is dropped, so is the stream.
pub async fn client<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
) -> Result<WebSocket, Error> {
    let parts =
        OriginParts { url: Some(Box::new(request.url().clone())), ..OriginParts::default() };
    let mut ws = begin(Transported::unknown(stream), parts, request, config.into())?;
    ws.open().await?;
    Ok(ws)
}

/// Begins a client's connection, which sends its request.
pub(crate) fn begin<S: AsyncStream>(
    transported: Transported<S>,
    parts: OriginParts,
    request: ClientRequest,
    config: Arc<Config>,
) -> Result<WebSocket, Error> {
    let start = Instant::now();
    let endpoint = client_endpoint(request.clone(), config, std::time::Duration::ZERO)?;
    let opening = Some(Opening { request, response: None });
    let connection = connection(parts, start, endpoint, transported);
    WebSocket::begin(connection, Conversation::client(()), opening)
}
