//! tokio-websockets, used as its examples do.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_websockets::{Limits, ServerBuilder};

use super::{LIMIT, Start, echo, with_tasks_or_tls};

pub(super) fn serve(start: Start) -> io::Result<()> {
    with_tasks_or_tls(start, converse, converse)
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let limits = Limits::default().max_payload_len(Some(LIMIT));
    let accepted = ServerBuilder::new().limits(limits).accept(stream).await;
    let Ok((_, socket)) = accepted else { return };
    echo(socket, |message| message.is_text() || message.is_binary()).await;
}
