//! tokio-tungstenite, used as its examples do.

use std::io;

use tokio::net::TcpStream;

use super::{Start, echo, with_tasks};

pub(super) fn serve(start: Start) -> io::Result<()> {
    with_tasks(start, converse)
}

async fn converse(stream: TcpStream) {
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
    echo(socket, |message| message.is_text() || message.is_binary()).await;
}
