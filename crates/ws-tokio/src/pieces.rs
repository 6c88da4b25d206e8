//! A stream that is written in pieces.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The maximum number of bytes of one write.
const MOST: usize = 64 << 10;

/// A stream that a web server has handed over. Over HTTP/2, hyper takes each write whole, and keeps several while the peer
/// reads nothing. Bytes that it keeps count as written, so they must be few.
pub(crate) struct Pieces<S> {
    stream: S,
    /// Kept as long as the stream.
    _kept: Option<Arc<dyn Any + Send + Sync>>,
}

impl<S> Pieces<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, _kept: None }
    }

    /// Keeps something as long as the stream.
    pub(crate) fn keeping(stream: S, kept: Arc<dyn Any + Send + Sync>) -> Self {
        Self { stream, _kept: Some(kept) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Pieces<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Pieces<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = bytes.get(..MOST).unwrap_or(bytes);
        Pin::new(&mut self.stream).poll_write(context, piece)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
