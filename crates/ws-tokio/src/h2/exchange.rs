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
use ws_common::adapter::{Conversation, opened_client_endpoint};
use ws_common::{Error, InvalidAnswer};
use wsproto::Config;
use wsproto::handshake::{ClientRequest, ExtendedConnect, Response, ResponseError};

use super::Alive;
use crate::WebSocket;
use crate::origin::OriginParts;
use crate::pieces::Pieces;
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

/// The answer to an extended CONNECT.
pub(super) enum Answer {
    Open(Box<WebSocket>),
    /// The head of a refusal, whose body was not read yet.
    Refused(Response, Box<http::Response<Incoming>>),
}

/// Opens a WebSocket on a stream of its own, which keeps the connection alive.
pub(super) async fn open(
    mut sender: SendRequest<NoBody>,
    alive: Arc<Alive>,
    request: ClientRequest,
    config: &Arc<Config>,
) -> Result<Answer, Error> {
    let connect = request.extended_connect(config);
    sender.ready().await.map_err(io::Error::other)?;
    let mut answered = sender.send_request(head(&connect)?).await.map_err(io::Error::other)?;
    let response = received(&answered, Vec::new())?;
    let agreed = match connect.verify(&response, config) {
        Ok(agreed) => agreed,
        Err(ResponseError::Status(_)) => return Ok(Answer::Refused(response, Box::new(answered))),
        Err(error) => {
            let answer = InvalidAnswer::Response(Box::new(response));
            return Err(Error::InvalidAnswer { error, answer });
        }
    };
    let upgraded = hyper::upgrade::on(&mut answered).await.map_err(io::Error::other)?;

    let request = connect.into_request();
    let parts =
        OriginParts { url: Some(Box::new(request.url().clone())), ..OriginParts::default() };
    let endpoint = opened_client_endpoint(agreed, Arc::clone(config), Duration::ZERO)?;
    let stream = Transported::unknown(Pieces::keeping(TokioIo::new(upgraded), alive));
    let connection = connection(parts, Instant::now(), endpoint, stream);
    let opening = Some(Opening { request, response: Some(response) });
    let mut ws = WebSocket::begin(connection, Conversation::client(()), opening)?;
    ws.open().await?;
    Ok(Answer::Open(Box::new(ws)))
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

/// Returns a response with the part of its body that was read.
pub(super) fn received<B>(head: &http::Response<B>, body: Vec<u8>) -> Result<Response, Error> {
    let status = head.status().as_u16();
    Response::from_parts(status, head.headers(), body).map_err(|error| {
        let answer = InvalidAnswer::Bytes(Vec::new());
        Error::InvalidAnswer { error, answer }
    })
}

/// Reads at most `most` bytes of a body into `read`; what arrives before a failure is kept.
pub(super) async fn read_body(body: &mut Incoming, most: usize, read: &mut Vec<u8>) {
    while read.len() < most
        && let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
    {
        if let Ok(data) = frame.into_data() {
            read.extend_from_slice(&data[..data.len().min(most - read.len())]);
        }
    }
}
