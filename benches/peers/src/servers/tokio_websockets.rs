//! tokio-websockets, used as its examples do.

use std::io;

use tokio::net::TcpStream;
use tokio_websockets::{Limits, ServerBuilder};

use super::{LIMIT, Start, echo, with_tasks};

pub(super) fn serve(start: Start) -> io::Result<()> {
    with_tasks(start, converse)
}

async fn converse(stream: TcpStream) {
    let limits = Limits::default().max_payload_len(Some(LIMIT));
    let accepted = ServerBuilder::new().limits(limits).accept(stream).await;
    let Ok((_, socket)) = accepted else { return };
    echo(socket, |message| message.is_text() || message.is_binary()).await;
}
