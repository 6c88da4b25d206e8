//! yawc on hyper, used as its examples do, and told to validate texts.

use std::io;
use std::net::TcpListener;

use futures::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use yawc::{DeflateOptions, HttpStream, OpCode, Options, UpgradeFut, WebSocket, WebSocketError};

use super::super::{LIMIT, on_this_thread};

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    on_this_thread(listener, converse)
}

async fn converse(stream: TcpStream) {
    let connection =
        http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(accept));
    // Fails if the client does not finish the handshake.
    let _ = connection.with_upgrades().await;
}

async fn accept(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let options = Options {
        compression: Some(DeflateOptions::default()),
        ..Options::default().with_limits(LIMIT, 2 * LIMIT).with_utf8()
    };
    let (response, upgraded) = WebSocket::upgrade_with_options(&mut request, options)?;
    spawn_local(echo(upgraded));
    Ok(response)
}

async fn echo(upgraded: UpgradeFut) -> Result<(), WebSocketError> {
    let mut socket: WebSocket<HttpStream> = upgraded.await?;
    while let Some(frame) = socket.next().await {
        if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) {
            socket.send(frame).await?;
        }
    }
    Ok(())
}
