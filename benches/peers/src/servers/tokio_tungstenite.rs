//! tokio-tungstenite, used as its examples do.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Start, echo, with_tasks_or_tls};

pub(super) fn serve(start: Start) -> io::Result<()> {
    with_tasks_or_tls(start, converse, converse)
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
    echo(socket, |message| message.is_text() || message.is_binary()).await;
}
