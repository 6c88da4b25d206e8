//! The moment from which the server's settings are known.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// Tells when the server's first settings are in force: when their acknowledgement is written (RFC 9113 section
/// 6.5.3). hyper tells their values, but not when they arrive.
#[derive(Default)]
pub(super) struct Settings(Arc<Notify>);

impl Settings {
    pub(super) fn watch<S>(&self, stream: S) -> Watched<S> {
        Watched { stream, written: Written::default(), notify: Arc::clone(&self.0) }
    }

    /// Waits until the settings are in force.
    pub(super) async fn acknowledged(&self) {
        self.0.notified().await;
    }
}

/// A client's stream, whose output is looked at until it has acknowledged the settings.
pub(super) struct Watched<S> {
    stream: S,
    written: Written,
    notify: Arc<Notify>,
}

impl<S> Watched<S> {
    fn wrote<'b>(&mut self, slices: impl IntoIterator<Item = &'b [u8]>, mut written: usize) {
        if self.written.acknowledged {
            return;
        }
        for slice in slices {
            let (part, _) = slice.split_at(written.min(slice.len()));
            self.written.take(part);
            written -= part.len();
        }
        if self.written.acknowledged {
            self.notify.notify_one();
        }
    }
}

/// The length of the preface that a client sends before its frames (RFC 9113 section 3.4).
const PREFACE: usize = 24;

/// The length of the header of a frame.
const HEADER: usize = 9;

/// A client's output so far, as frames.
struct Written {
    /// How many bytes to pass over: the preface, or the payload of a frame.
    skip: usize,
    header: Vec<u8>,
    acknowledged: bool,
}

impl Default for Written {
    fn default() -> Self {
        Self { skip: PREFACE, header: Vec::with_capacity(HEADER), acknowledged: false }
    }
}

impl Written {
    fn take(&mut self, mut bytes: &[u8]) {
        while !self.acknowledged {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            let (header, rest) =
                bytes[skipped..].split_at((HEADER - self.header.len()).min(bytes.len() - skipped));
            self.header.extend_from_slice(header);
            bytes = rest;
            let [a, b, c, kind, flags, _, _, _, _] = self.header[..] else { return };
            self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
            self.header.clear();
            // SETTINGS with the flag ACK.
            self.acknowledged = kind == 4 && flags & 1 != 0;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.wrote([bytes], written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let written = std::task::ready!(stream.poll_write_vectored(context, slices))?;
        self.wrote(slices.iter().map(|slice| &**slice), written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The acknowledgement is found at its last byte, however the output is cut.
    #[test]
    fn the_acknowledgement_is_found_at_every_cut() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let settings = [&[0, 0, 6, 4, 0, 0, 0, 0, 0][..], &[0, 2, 0, 0, 0, 0]].concat();
        let window = [0, 0, 4, 8, 0, 0, 0, 0, 0, 4, 1, 0, 0];
        let acknowledgement = [0, 0, 0, 4, 1, 0, 0, 0, 0];
        let output = [&preface[..], &settings, &window, &acknowledgement].concat();
        for step in 1..output.len() {
            let (mut written, mut passed) = (Written::default(), 0);
            for part in output.chunks(step) {
                assert!(!written.acknowledged, "after {passed} of {}", output.len());
                written.take(part);
                passed += part.len();
            }
            assert!(written.acknowledged, "in parts of {step}");
        }
    }
}
