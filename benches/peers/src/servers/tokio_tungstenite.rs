//! tokio-tungstenite, used as its examples do.

use std::io;
use std::net::TcpListener;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    super::on_this_thread(listener, converse)
}

async fn converse(stream: TcpStream) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let data = message.is_text() || message.is_binary();
        if data && socket.send(message).await.is_err() {
            return;
        }
    }
}
