//! fastwebsockets on hyper. Its reads cannot be cancelled, so each connection has a task for either direction.

use std::io;

use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use fastwebsockets::{FragmentCollectorRead, Frame, OpCode, Payload, WebSocketError};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};

use super::super::{Start, with_tasks_sharing};
use super::news;

pub(super) fn serve(start: Start) -> io::Result<()> {
    with_tasks_sharing(start, news(), converse)
}

async fn converse(stream: TcpStream, news: Sender<Bytes>) {
    let accept = |request| accept(request, news.clone());
    let connection =
        http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(accept));
    // Fails if the client does not finish the handshake.
    let _ = connection.with_upgrades().await;
}

async fn accept(
    mut request: Request<Incoming>,
    news: Sender<Bytes>,
) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let (response, upgraded) = upgrade(&mut request)?;
    let receiver = news.subscribe();
    tokio::spawn(relay(upgraded, news, receiver));
    Ok(response)
}

async fn relay(
    upgraded: UpgradeFut,
    news: Sender<Bytes>,
    mut receiver: Receiver<Bytes>,
) -> Result<(), WebSocketError> {
    let (read, mut write) = upgraded.await?.split(tokio::io::split);
    tokio::spawn(async move {
        loop {
            match receiver.recv().await {
                Ok(bytes) => write.write_frame(Frame::binary(Payload::Borrowed(&bytes))).await?,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok::<(), WebSocketError>(()),
            }
        }
    });
    let mut read = FragmentCollectorRead::new(read);
    loop {
        // The load sends no Ping, so nothing has to be answered.
        let frame = read.read_frame(&mut |_| async { Ok::<(), WebSocketError>(()) }).await?;
        match frame.opcode {
            OpCode::Binary => drop(news.send(Vec::from(frame.payload).into())),
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Continuation | OpCode::Ping | OpCode::Pong => {}
        }
    }
}
