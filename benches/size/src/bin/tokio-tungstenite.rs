//! tokio-tungstenite, with a task for each connection.

use futures_util::{SinkExt, StreamExt};

fn main() -> size::Outcome {
    size::with_tasks(converse)
}

async fn converse(stream: size::Stream) -> Option<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            socket.send(message).await.ok()?;
        }
    }
    Some(())
}
