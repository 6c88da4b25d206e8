//! `tokio-websockets`, polled by hand: its stream is in memory and always ready, so no runtime is
//! needed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_websockets::{ClientBuilder, Message, ServerBuilder};

use super::{Difference, Verdict};
use crate::model::{Role, Seen};

/// The known differences of `tokio-websockets`.
pub const TOKIO_WEBSOCKETS: &[Difference] = &[];

/// Bytes to read; output is discarded.
struct Memory(Vec<u8>);

impl AsyncRead for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let len = self.0.len().min(buffer.remaining());
        buffer.put_slice(&self.0[..len]);
        self.0.drain(..len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Returns the verdict of `tokio-websockets` on whole frames.
///
/// # Panics
///
/// If it fails for a reason unrelated to the frames.
#[must_use]
pub fn tokio_websockets(role: Role, frames: &[u8]) -> Verdict {
    let memory = Memory(frames.to_vec());
    let mut socket = match role {
        Role::Server => ServerBuilder::new().serve(memory),
        Role::Client => ClientBuilder::new().take_over(memory),
    };
    let mut context = Context::from_waker(Waker::noop());
    let mut verdict = Verdict::default();
    loop {
        let Poll::Ready(next) = Pin::new(&mut socket).poll_next(&mut context) else {
            panic!("memory is always ready")
        };
        match next {
            Some(Ok(message)) => {
                verdict.events.push(seen(&message));
                if message.is_close() {
                    return verdict;
                }
            }
            Some(Err(tokio_websockets::Error::Protocol(_))) => {
                verdict.refused = true;
                return verdict;
            }
            // The end of the input is not a Close.
            Some(Err(tokio_websockets::Error::Io(_))) | None => return verdict,
            Some(Err(error)) => panic!("{error:?}"),
        }
    }
}

fn seen(message: &Message) -> Seen {
    let payload = message.as_payload().to_vec();
    if let Some(text) = message.as_text() {
        Seen::Text(text.to_owned())
    } else if message.is_binary() {
        Seen::Binary(payload)
    } else if message.is_ping() {
        Seen::Ping(payload)
    } else if message.is_pong() {
        Seen::Pong(payload)
    } else {
        let body = message.as_close().filter(|_| !payload.is_empty());
        Seen::Close(body.map(|(code, reason)| (code.into(), reason.to_owned())))
    }
}
