//! tungstenite, with a thread for each connection.

use std::net::TcpStream;
use std::{io, thread};

use tungstenite::Error;

use super::Start;

pub(super) fn serve(start: Start) -> io::Result<()> {
    for stream in start.listen()?.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        thread::Builder::new().spawn(|| converse(stream))?;
    }
    Ok(())
}

fn converse(stream: TcpStream) -> Result<(), Error> {
    let Ok(mut socket) = tungstenite::accept(stream) else { return Ok(()) };
    loop {
        let message = socket.read()?;
        if message.is_text() || message.is_binary() {
            socket.send(message)?;
        }
    }
}
