//! The opening handshake on a stream of HTTP/2.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Uri, Version};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use ws_common::Error;
use ws_common::adapter::{Conversation, opened_client_endpoint};
use wsproto::handshake::{ClientRequest, ExtendedConnect, Response, ResponseError};
use wsproto::{Config, SessionError};

use crate::WebSocket;
use crate::origin::From;
use crate::websocket::{Opening, Transported, connection};

/// The body of an extended CONNECT: the stream is the WebSocket's.
pub(super) struct NoBody;

impl Body for NoBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}

/// Opens a WebSocket on a stream of its own.
pub(super) async fn open(
    mut sender: SendRequest<NoBody>,
    request: ClientRequest,
    config: &Arc<Config>,
) -> Result<WebSocket, Error> {
    let connect = request.extended_connect(config);
    sender.ready().await.map_err(io::Error::other)?;
    let mut answered = sender.send_request(head(&connect)?).await.map_err(io::Error::other)?;
    let status = answered.status().as_u16();
    let response = received(status, answered.headers(), Vec::new())?;
    let agreed = match connect.verify(&response, config) {
        Ok(agreed) => agreed,
        Err(ResponseError::Status(_)) => {
            let headers = answered.headers().clone();
            let body = read_body(answered.into_body(), config.max_body_size).await;
            return Err(Error::Http(Box::new(received(status, &headers, body)?)));
        }
        Err(error) => return Err(SessionError::from(error).into()),
    };
    let upgraded = hyper::upgrade::on(&mut answered).await.map_err(io::Error::other)?;

    let request = connect.into_request();
    let from = From { url: Some(Box::new(request.url().clone())), ..From::default() };
    let endpoint = opened_client_endpoint(agreed, Arc::clone(config), Duration::ZERO)?;
    let stream = Transported::unknown(TokioIo::new(upgraded));
    let connection = connection(from, Instant::now(), endpoint, stream);
    let opening = Some(Opening { request, response: Some(response) });
    let mut ws = WebSocket::begin(connection, Conversation::client(()), opening)?;
    ws.open().await?;
    Ok(ws)
}

/// Returns the request for hyper to send.
fn head(connect: &ExtendedConnect) -> io::Result<http::Request<NoBody>> {
    let pseudo = connect.pseudo_headers();
    let uri = Uri::builder()
        .scheme(pseudo.scheme.unwrap_or_default())
        .authority(pseudo.authority.unwrap_or_default())
        .path_and_query(pseudo.path.unwrap_or_default())
        .build()
        .map_err(io::Error::other)?;
    let mut request = http::Request::builder()
        .method(Method::from_bytes(pseudo.method.as_bytes()).map_err(io::Error::other)?)
        .uri(uri)
        .version(Version::HTTP_2);
    if let Some(protocol) = pseudo.protocol {
        request = request.extension(Protocol::from(protocol));
    }
    for (name, value) in connect.headers().iter() {
        request = request.header(name, value);
    }
    request.body(NoBody).map_err(io::Error::other)
}

fn received(status: u16, headers: &http::HeaderMap, body: Vec<u8>) -> Result<Response, Error> {
    Ok(Response::from_parts(status, headers, body).map_err(SessionError::from)?)
}

/// Reads at most `most` bytes of a body; what arrives before a failure is kept.
async fn read_body(mut body: Incoming, most: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while read.len() < most
        && let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
    {
        if let Ok(data) = frame.into_data() {
            read.extend_from_slice(&data[..data.len().min(most - read.len())]);
        }
    }
    read
}
