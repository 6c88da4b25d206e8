//! Handles of an event loop.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ws_common::adapter::{ConnectionLink, Conversation, connection_handle};
use ws_common::{ClientOptions, ConnectionHandler, Error, WebSocketConnection};
use wsproto::handshake::ClientRequest;

use crate::dial::Dialer;
use crate::origin::{ClientConnection, Requested};
use crate::shared::Shared;

/// A handle of an [`EventLoop`](crate::EventLoop), for any thread and for callbacks. The loop keeps running
/// while one exists, unless it is told to [stop](Self::stop).
#[derive(Debug)]
pub struct LoopHandle(Arc<Shared>);

impl LoopHandle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        shared.handles.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }

    /// Begins a client's connection, as [`EventLoop::connect`](crate::EventLoop::connect) does.
    ///
    /// # Errors
    ///
    /// As [`EventLoop::connect`](crate::EventLoop::connect), and [`Error::Io`] if the loop has ended.
    pub fn connect(
        &self,
        request: ClientRequest,
        options: impl Into<ClientOptions>,
        handler: impl ConnectionHandler,
    ) -> Result<WebSocketConnection, Error> {
        connect(&self.0, request, options.into(), handler)
    }

    /// Has the loop call a closure in its thread, once and soon, between the turns of connections: for state that
    /// only the loop's handlers share. A panic is logged, and affects nothing else. Returns `false` if the loop
    /// has ended; the closure is then dropped. It is also dropped if the loop is told to [stop](Self::stop)
    /// first.
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn post(&self, call: impl FnOnce() + Send + 'static) -> bool {
        self.0.post(|mailbox| mailbox.posted.push(Box::new(call)))
    }

    /// Tells the loop to stop. The remaining connections end at once, without calls of their handlers.
    pub fn stop(&self) {
        self.0.post(|mailbox| mailbox.stop = true);
    }
}

impl Clone for LoopHandle {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}

/// Wakes the loop when the last handle is dropped: without servers and connections, it then ends.
impl Drop for LoopHandle {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.post(|mailbox| mailbox.check_end = true);
        }
    }
}

/// Begins a client's connection on a loop.
pub(crate) fn connect(
    shared: &Arc<Shared>,
    request: ClientRequest,
    options: ClientOptions,
    handler: impl ConnectionHandler,
) -> Result<WebSocketConnection, Error> {
    let target = Dialer::new(Arc::clone(shared), request, options)?;
    let connection = Arc::new(ClientConnection::dialing(Requested(Box::new(target))));
    let handle = connection_handle(Arc::clone(&connection) as Arc<dyn ConnectionLink>);
    let conversation = Conversation::client(handler);
    if !shared.post(|mailbox| mailbox.begun.push((connection, conversation))) {
        return Err(io::Error::from(ErrorKind::NotConnected).into());
    }
    Ok(handle)
}
