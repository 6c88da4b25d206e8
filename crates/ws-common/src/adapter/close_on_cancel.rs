//! A token that closes a connection.

use wsproto::SessionError;

use crate::adapter::OnCancel;
use crate::{Cancel, Error, WebSocketConnection};

/// Closes a connection with an empty Close frame when a token is cancelled, until it is dropped. Without a token,
/// it does nothing.
#[derive(Debug)]
#[must_use]
pub struct CloseOnCancel {
    cancel: Option<Cancel>,
    _registered: Option<OnCancel>,
}

impl CloseOnCancel {
    /// Watches a token. If it is cancelled already, the connection is closed at once.
    pub fn new(cancel: Option<&Cancel>, ws: WebSocketConnection) -> Self {
        // An empty Close may always be sent; closing fails only if the connection has ended.
        let close = move |cancel: &Cancel| cancel.on_cancel(move || drop(ws.close(None)));
        Self { cancel: cancel.cloned(), _registered: cancel.map(close) }
    }

    /// Stops watching after an opening handshake, and returns its outcome.
    ///
    /// # Errors
    ///
    /// [`Error::Session`] of [`Abandoned`](SessionError::Abandoned) if the token is cancelled; otherwise the error of the
    /// handshake.
    pub fn finish<T>(self, outcome: Result<T, Error>) -> Result<T, Error> {
        let Self { cancel, _registered } = self;
        drop(_registered);
        match cancel.is_some_and(|cancel| cancel.is_cancelled()) {
            true => Err(SessionError::Abandoned.into()),
            false => outcome,
        }
    }
}
