//! Closing.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use ws_common::Error;
use ws_common::adapter::unknown_end;
use wsproto::{CloseFrame, CloseInfo};

use super::WebSocket;

impl WebSocket {
    /// Closes the connection with a code that this end's application may set, or without a code, and waits until it
    /// is closed, as [`closed`](Self::closed) does. The Close follows everything that was sent before. To begin the
    /// closing handshake without waiting, use the [`handle`](Self::handle).
    ///
    /// ```no_run
    /// # async fn example(mut ws: ws_tokio::WebSocket) -> Result<(), Box<dyn std::error::Error>> {
    /// use ws_tokio::wsproto::{CloseCode, CloseFrame};
    ///
    /// let end = ws.close(CloseFrame::new(CloseCode::NORMAL, "bye")?).await?; // or ws.close(None)
    /// println!("{end}"); // 1000 Normal Closure: "bye"
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ClientCode`] for a code that a client's application may not set, [`Error::Send`] for 1010 at a server
    /// (RFC 6455, section 7.4.1): nothing has happened then. Otherwise as [`closed`](Self::closed).
    ///
    /// # Cancel safety
    ///
    /// If the future was polled and is dropped, the Close is on its way: call [`closed`](Self::closed) or drop the
    /// connection.
    pub async fn close<'a>(
        &mut self,
        frame: impl Into<Option<CloseFrame<'a>>>,
    ) -> Result<CloseInfo, Error> {
        self.handle().close(frame)?;
        self.closed().await
    }

    /// Receives and discards messages until the connection is closed, and returns how it ended. A closing handshake
    /// takes at most [`Config::close_timeout`](wsproto::Config::close_timeout).
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the messages received meanwhile are discarded, and nothing else has happened.
    pub async fn closed(&mut self) -> Result<CloseInfo, Error> {
        poll_fn(|context| self.poll_closed(context)).await
    }

    pub(super) fn poll_closed(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<CloseInfo, Error>> {
        while ready!(self.poll_step(context))?.is_some() {}
        Poll::Ready(Ok(self.close_info().cloned().unwrap_or_else(unknown_end)))
    }
}
