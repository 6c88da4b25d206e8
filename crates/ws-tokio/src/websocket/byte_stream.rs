//! A connection as a stream of bytes, in binary messages.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;
use ws_common::Error;
use ws_common::adapter::{ReceivedBytes, one_message, stream_error};

use super::{Sender, WebSocket};

/// A connection as a stream of bytes, for tunnels and terminals: the payloads of binary messages, whose boundaries have
/// no meaning. Made by [`WebSocket::into_byte_stream`].
///
/// Reading finds the end when the connection has [ended normally](wsproto::CloseInfo::is_normal). It fails with
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if it ended otherwise, because bytes may be missing, and with
/// [`InvalidData`](io::ErrorKind::InvalidData) for a text message. Writing sends at most 64 KiB in one message, and
/// waits for room as [`send`](WebSocket::send) does; [`TimedOut`](io::ErrorKind::TimedOut) means that there was none in
/// time, and nothing was sent. Nothing needs to be flushed to be sent.
///
/// Shutting down closes both directions with an empty Close frame, and waits until it is written; bytes that the peer
/// sends before it reads the Close can still be read. There is no half-close as in TCP: the peer answers a Close at
/// once, and then neither end can write. So an end closes when it has received everything, not when it has sent
/// everything. Dropping the stream drops the connection: see [`WebSocket`](WebSocket#dropping).
///
/// # Cancel safety
///
/// If the future of a single read or write is dropped, nothing was read or written.
#[derive(Debug)]
pub struct ByteStream {
    ws: WebSocket,
    received: ReceivedBytes,
}

/// The writing side of a [`ByteStream`], for another task. Clones write to the same connection; dropping them does not
/// close it. It writes, flushes and shuts down as the stream does.
#[derive(Clone, Debug)]
pub struct ByteWriter(Sender);

impl WebSocket {
    /// Turns the connection into a stream of bytes in binary messages.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let ws = ws_tokio::connect("ws://127.0.0.1:9001/tunnel").await?;
    /// let mut stream = ws.into_byte_stream();
    /// let mut tcp = tokio::net::TcpStream::connect("127.0.0.1:5900").await?;
    /// tokio::io::copy_bidirectional(&mut stream, &mut tcp).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn into_byte_stream(self) -> ByteStream {
        ByteStream { ws: self, received: ReceivedBytes::default() }
    }
}

impl ByteStream {
    /// Returns the connection.
    #[must_use]
    pub const fn get_ref(&self) -> &WebSocket {
        &self.ws
    }

    /// Returns a writing side for another task. This one must keep reading, so that Pings are answered.
    #[must_use]
    pub fn writer(&self) -> ByteWriter {
        ByteWriter(self.ws.sender().clone())
    }

    /// Returns the connection, and the bytes of the last message that were not read.
    #[must_use]
    pub fn into_inner(self) -> (WebSocket, Vec<u8>) {
        (self.ws, self.received.into_unread())
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { ws, received } = &mut *self;
        while received.unread().is_empty() && buffer.remaining() > 0 {
            let message = ready!(ws.poll_recv(context)).map_err(stream_error)?;
            if !received.take(message, ws.close_info())? {
                return Poll::Ready(Ok(()));
            }
        }
        let unread = received.unread();
        let read = unread.get(..buffer.remaining()).unwrap_or(unread);
        buffer.put_slice(read);
        let len = read.len();
        received.consume(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.ws.sender.poll_send_bytes(context, bytes).map_err(stream_error)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ws.sender.poll_flush(context).map_err(stream_error)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ws.sender.poll_close(context).map_err(stream_error)
    }
}

impl AsyncWrite for ByteWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_send_bytes(context, bytes).map_err(stream_error)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(context).map_err(stream_error)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_close(context).map_err(stream_error)
    }
}

impl Sender {
    /// Sends the first of the bytes in one message, and returns how many. Waits for room.
    fn poll_send_bytes(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Error>> {
        let part = one_message(bytes);
        if part.is_empty() {
            return Poll::Ready(Ok(0));
        }
        // A peer that never stops reading must not delay other tasks.
        let budget = ready!(poll_proceed(context));
        while let Err(error) = self.handle.send_binary(part) {
            match error {
                // Another task may take the room.
                Error::WouldExceed(_) => ready!(self.poll_room(context))?,
                error => return Poll::Ready(Err(error)),
            }
        }
        budget.made_progress();
        self.sink.room = None;
        self.sink.sent();
        Poll::Ready(Ok(part.len()))
    }
}
