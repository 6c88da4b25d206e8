//! Listeners, and their pauses.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::net::TcpStream;
use tokio::time::Instant;
use ws_common::ServerSocket;
use ws_common::adapter::Acceptor;

use super::source::Source;

/// A listener that pauses after it failed to accept.
pub(crate) struct Listening {
    source: Source,
    /// The end of a pause.
    retry_at: Option<Instant>,
}

impl Listening {
    /// Registers listeners with the current runtime.
    pub(crate) fn register(
        listeners: impl IntoIterator<Item = ServerSocket>,
    ) -> io::Result<Vec<Self>> {
        let listening = |listener| Ok(Self { source: Source::register(listener)?, retry_at: None });
        listeners.into_iter().map(listening).collect()
    }

    /// Returns the end of a pause.
    pub(crate) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Accepts a client. After an error, the listener pauses; poll again at the end of the pause.
    pub(crate) fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, Option<SocketAddr>)>> {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return Poll::Pending;
        }
        self.retry_at = None;
        loop {
            match std::task::ready!(self.source.poll_accept(context)) {
                Err(error) if Acceptor::is_about_one_client(&error) => {}
                Err(error) => {
                    self.retry_at = Some(Instant::now() + Acceptor::PAUSE);
                    return Poll::Ready(Err(error));
                }
                accepted => return Poll::Ready(accepted),
            }
        }
    }
}
