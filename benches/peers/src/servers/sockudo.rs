//! sockudo-ws, used as its examples do, and told to validate texts.

use std::io;

use bytes::BytesMut;
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::{Config, Message, WebSocketStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{LIMIT, Start, echo, with_tasks};

pub(super) fn serve(start: Start) -> io::Result<()> {
    with_tasks(start, converse)
}

async fn converse(mut stream: TcpStream) {
    if accept(&mut stream).await.is_some() {
        echo(WebSocketStream::server(stream, config()), is_data).await;
    }
}

pub(super) fn config() -> Config {
    Config::builder()
        .max_payload_length(LIMIT)
        .max_message_size(LIMIT)
        .max_frame_size(LIMIT)
        .validate_text_utf8(true)
        .build()
}

pub(super) const fn is_data(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}

/// Shakes hands; returns `None` if the client is gone.
async fn accept(stream: &mut TcpStream) -> Option<()> {
    let mut request = BytesMut::with_capacity(4096);
    loop {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
        if let Some((request, _)) = parse_request(&request).ok()? {
            let response = build_response(&generate_accept_key(request.key), None, None);
            return stream.write_all(&response).await.ok();
        }
    }
}
