//! yawc on hyper, used as its examples do, and told to validate texts.

use std::convert::Infallible;
use std::io;

use futures::StreamExt;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use yawc::{OpCode, Options, UpgradeFut, WebSocket, WebSocketError};

use super::{LIMIT, Start, echo, with_tasks};

pub(super) fn serve(start: Start) -> io::Result<()> {
    with_tasks(start, |stream| converse(stream, options()))
}

/// Options of connections that do not compress.
pub(super) fn options() -> Options {
    Options { compression: None, ..Options::default().with_limits(LIMIT, 2 * LIMIT).with_utf8() }
}

pub(super) async fn converse(stream: TcpStream, options: Options) {
    let service = service_fn(|request| accept(request, options.clone()));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Fails if the client does not finish the handshake.
    let _ = connection.with_upgrades().await;
}

async fn accept(
    mut request: Request<Incoming>,
    options: Options,
) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let (response, upgraded) = WebSocket::upgrade_with_options(&mut request, options)?;
    tokio::spawn(converse_over(upgraded));
    Ok(response)
}

async fn converse_over(upgraded: UpgradeFut) {
    let Ok(socket) = upgraded.await else { return };
    let socket = socket.map(Ok::<_, Infallible>);
    echo(socket, |frame| matches!(frame.opcode(), OpCode::Text | OpCode::Binary)).await;
}
