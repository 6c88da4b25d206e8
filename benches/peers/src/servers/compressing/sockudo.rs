//! sockudo-ws, as without compression, with its default parameters.

use std::io;

use bytes::BytesMut;
use sockudo_ws::deflate::{DeflateConfig, negotiate_server_deflate};
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::stream::CompressedWebSocketStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::sockudo::{config, is_data};
use super::super::{Start, echo, with_tasks};

pub(super) fn serve(start: Start) -> io::Result<()> {
    with_tasks(start, converse)
}

async fn converse(mut stream: TcpStream) {
    let Some(deflate) = accept(&mut stream).await else { return };
    echo(CompressedWebSocketStream::server(stream, config(), deflate), is_data).await;
}

/// Shakes hands; returns the agreed parameters, or `None` if the client does not compress or is gone.
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
