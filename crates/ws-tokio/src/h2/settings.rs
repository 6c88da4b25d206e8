//! The moment from which the server's settings are in force, as seen in the client's output.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// Tells when a client has acknowledged the server's first settings, which are then in force (RFC 9113 section 6.5.3).
/// hyper tells their values, but not when they arrive.
#[derive(Default)]
pub(super) struct SettingsAck(Arc<Notify>);

impl SettingsAck {
    /// Looks for the acknowledgement in what is written to a stream.
    pub(super) fn watch<S>(&self, stream: S) -> Watched<S> {
        Watched { stream, finder: AckFinder::default(), notify: Arc::clone(&self.0) }
    }

    /// Waits until the acknowledgement is written.
    pub(super) async fn written(&self) {
        self.0.notified().await;
    }
}

/// A client's stream, whose output is searched for the acknowledgement.
pub(super) struct Watched<S> {
    stream: S,
    finder: AckFinder,
    notify: Arc<Notify>,
}

impl<S> Watched<S> {
    fn wrote<'b>(&mut self, slices: impl IntoIterator<Item = &'b [u8]>, mut written: usize) {
        if self.finder.found {
            return;
        }
        for slice in slices {
            let (part, _) = slice.split_at(written.min(slice.len()));
            self.finder.search(part);
            written -= part.len();
        }
        if self.finder.found {
            self.notify.notify_one();
        }
    }
}

/// The length of the preface that a client sends before its frames (RFC 9113 section 3.4).
const PREFACE: usize = 24;

/// The length of the header of a frame.
const HEADER: usize = 9;

/// Finds the acknowledgement of settings in a client's output, however that is cut.
struct AckFinder {
    /// How many bytes to pass over: the preface, or the payload of a frame.
    skip: usize,
    header: Vec<u8>,
    found: bool,
}

impl Default for AckFinder {
    fn default() -> Self {
        Self { skip: PREFACE, header: Vec::with_capacity(HEADER), found: false }
    }
}

impl AckFinder {
    fn search(&mut self, mut bytes: &[u8]) {
        while !self.found {
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
            self.found = kind == 4 && flags & 1 != 0;
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
            let (mut finder, mut passed) = (AckFinder::default(), 0);
            for part in output.chunks(step) {
                assert!(!finder.found, "after {passed} of {}", output.len());
                finder.search(part);
                passed += part.len();
            }
            assert!(finder.found, "in parts of {step}");
        }
    }
}
