//! tungstenite, with a thread for each connection.

use std::net::TcpStream;
use std::thread;

fn main() -> size::Outcome {
    #[cfg(feature = "rustls")]
    let tls = size::tls()?;
    for stream in size::listen()?.incoming() {
        let stream = stream?;
        #[cfg(feature = "rustls")]
        let stream = rustls::StreamOwned::new(rustls::ServerConnection::new(tls.clone())?, stream);
        thread::spawn(|| converse(stream));
    }
    Ok(())
}

#[cfg(feature = "rustls")]
type Stream = rustls::StreamOwned<rustls::ServerConnection, TcpStream>;
#[cfg(not(feature = "rustls"))]
type Stream = TcpStream;

fn converse(stream: Stream) -> Option<()> {
    let mut socket = tungstenite::accept(stream).ok()?;
    loop {
        let message = socket.read().ok()?;
        if message.is_text() || message.is_binary() {
            socket.send(message).ok()?;
        }
    }
}
