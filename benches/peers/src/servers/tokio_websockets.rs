//! tokio-websockets, used as its examples do.

use std::io;
use std::net::TcpListener;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_websockets::{Limits, ServerBuilder};

use super::LIMIT;

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    super::on_this_thread(listener, converse)
}

async fn converse(stream: TcpStream) {
    let limits = Limits::default().max_payload_len(Some(LIMIT));
    let accepted = ServerBuilder::new().limits(limits).accept(stream).await;
    let Ok((_, mut socket)) = accepted else { return };
    while let Some(Ok(message)) = socket.next().await {
        let data = message.is_text() || message.is_binary();
        if data && socket.send(message).await.is_err() {
            return;
        }
    }
}
