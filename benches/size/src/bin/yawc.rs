//! yawc on hyper, with a task for each connection.

use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use yawc::{OpCode, Options, UpgradeFut, WebSocket, WebSocketError};

fn main() -> size::Outcome {
    size::with_tasks(converse)
}

fn options() -> Options {
    let options = Options::default().with_utf8();
    #[cfg(not(feature = "deflate"))]
    let options = Options { compression: None, ..options };
    options
}

async fn converse(stream: size::Stream) -> Option<()> {
    let connection =
        http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(accept));
    connection.with_upgrades().await.ok()
}

async fn accept(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let (response, upgraded) = WebSocket::upgrade_with_options(&mut request, options())?;
    tokio::spawn(echo(upgraded));
    Ok(response)
}

async fn echo(upgraded: UpgradeFut) -> Option<()> {
    let mut socket = upgraded.await.ok()?;
    while let Some(frame) = socket.next().await {
        if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) {
            socket.send(frame).await.ok()?;
        }
    }
    Some(())
}
