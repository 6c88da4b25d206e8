//! A connection as a stream of bytes, in binary messages.

use std::io::{self, ErrorKind, Read, Write};

use ws_common::WebSocketConnection;
use ws_common::adapter::{ReceivedBytes, one_message, stream_error};
use wsproto::{Client, Role};

use crate::{Error, SendStatus, WebSocket};

/// A connection as a stream of bytes, for tunnels and terminals: the payloads of binary messages, whose
/// boundaries have no meaning. Made by [`WebSocket::into_byte_stream`].
///
/// Reading returns 0 when the connection has [ended normally](wsproto::CloseInfo::is_normal). It fails with
/// [`UnexpectedEof`](ErrorKind::UnexpectedEof) if it ended otherwise, because bytes may be missing,
/// and with [`InvalidData`](ErrorKind::InvalidData) for a text message. Writing sends at most 64 KiB in one
/// message, and waits for room as [`send`](WebSocket::send) does; [`TimedOut`](ErrorKind::TimedOut) means that there was
/// none in time, and nothing was sent. Dropping it ends the connection without a
/// Close; [`shutdown`](Self::shutdown) sends one.
///
/// There is no half-close as in TCP: the peer answers a Close at once, and then neither end can write. So an end
/// closes when it has received everything, not when it has sent everything.
#[derive(Debug)]
pub struct ByteStream<R: Role = Client> {
    ws: WebSocket<R>,
    received: ReceivedBytes,
}

/// The writing side of a [`ByteStream`], for another thread. Clones write to the same connection.
#[derive(Clone, Debug)]
pub struct ByteWriter(WebSocketConnection);

impl<R: Role> WebSocket<R> {
    /// Turns the connection into a stream of bytes in binary messages.
    ///
    /// ```no_run
    /// use std::io::{Read, Write};
    ///
    /// let mut stream = ws_std::connect("ws://127.0.0.1:9001/tunnel")?.into_byte_stream();
    /// let mut writer = stream.writer(); // for another thread
    /// let sending = std::thread::spawn(move || std::io::copy(&mut std::io::stdin(), &mut writer));
    /// std::io::copy(&mut stream, &mut std::io::stdout())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_byte_stream(self) -> ByteStream<R> {
        ByteStream { ws: self, received: ReceivedBytes::default() }
    }
}

impl<R: Role> ByteStream<R> {
    /// Returns the connection.
    #[must_use]
    pub const fn get_ref(&self) -> &WebSocket<R> {
        &self.ws
    }

    /// Returns a writing side for another thread. This one must keep reading, so that Pings are answered.
    #[must_use]
    pub fn writer(&self) -> ByteWriter {
        ByteWriter(self.ws.handle())
    }

    /// Closes both directions with an empty Close frame. Nothing can be written afterwards. Bytes that the peer
    /// sends before it reads the Close can still be read.
    ///
    /// # Errors
    ///
    /// As [`WebSocket::close`].
    pub fn shutdown(&mut self) -> Result<(), Error> {
        self.ws.close(None)
    }

    /// Returns the connection, and the bytes of the last message that were not read.
    #[must_use]
    pub fn into_inner(self) -> (WebSocket<R>, Vec<u8>) {
        (self.ws, self.received.into_unread())
    }
}

impl<R: Role> Read for ByteStream<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.received.unread().is_empty() && !to.is_empty() {
            let message = self.ws.recv().map_err(stream_error)?;
            if !self.received.take(message, self.ws.close_info())? {
                return Ok(0);
            }
        }
        let read = self.received.unread().read(to)?;
        self.received.consume(read);
        Ok(read)
    }
}

impl<R: Role> Write for ByteStream<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(&self.ws.handle(), bytes)
    }

    /// Waits until everything is written, for at most [`WebSocket::set_send_timeout`].
    fn flush(&mut self) -> io::Result<()> {
        match self.ws.flush().map_err(stream_error)? {
            SendStatus::Sent => Ok(()),
            SendStatus::Queued => Err(ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for ByteWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(&self.0, bytes)
    }

    /// Does nothing: queued bytes are written in the background.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(to: &WebSocketConnection, bytes: &[u8]) -> io::Result<usize> {
    let part = one_message(bytes);
    if !part.is_empty() {
        to.send_binary(part).map_err(stream_error)?;
    }
    Ok(part.len())
}
