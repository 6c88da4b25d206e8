//! sockudo-ws, used as its examples do, and told to validate texts.

use std::io;
use std::net::TcpListener;

use bytes::BytesMut;
use futures::{SinkExt, StreamExt};
use sockudo_ws::deflate::{DeflateConfig, negotiate_server_deflate};
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::stream::CompressedWebSocketStream;
use sockudo_ws::{Config, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::{LIMIT, on_this_thread};

pub(super) fn serve(listener: TcpListener) -> io::Result<()> {
    on_this_thread(listener, converse)
}

async fn converse(mut stream: TcpStream) {
    let Some(deflate) = accept(&mut stream).await else { return };
    let config = Config::builder()
        .max_payload_length(LIMIT)
        .max_message_size(LIMIT)
        .max_frame_size(LIMIT)
        .validate_text_utf8(true)
        .build();
    let mut socket = CompressedWebSocketStream::server(stream, config, deflate);
    while let Some(Ok(message)) = socket.next().await {
        let data = matches!(message, Message::Text(_) | Message::Binary(_));
        if data && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// Shakes hands; returns what was agreed, or `None` if the client does not compress or is gone.
async fn accept(stream: &mut TcpStream) -> Option<DeflateConfig> {
    let mut request = BytesMut::with_capacity(4096);
    loop {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
        if let Some((request, _)) = parse_request(&request).ok()? {
            let agreed = negotiate_server_deflate(request.extensions?, &DeflateConfig::default())?;
            let key = generate_accept_key(request.key);
            let response = build_response(&key, None, Some(&agreed.to_response_header()));
            stream.write_all(&response).await.ok()?;
            return Some(agreed.config);
        }
    }
}
