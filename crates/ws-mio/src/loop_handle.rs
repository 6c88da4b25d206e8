//! Handles of an event loop.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ws_common::adapter::{ConnectionLink, Connector, Conversation, connection_handle, reconnect};
use ws_common::{
    Cancel, ClientOptions, ConnectionHandler, Error, Reconnect, ReconnectEvent, WebSocketConnection,
};
use wsproto::ReadyState;
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
    /// As [`EventLoop::connect`](crate::EventLoop::connect), and [`Error::Io`] of kind
    /// [`NotConnected`](ErrorKind::NotConnected) if the loop has ended.
    pub fn connect(
        &self,
        request: ClientRequest,
        options: impl Into<ClientOptions>,
        handler: impl ConnectionHandler,
    ) -> Result<WebSocketConnection, Error> {
        connect(&self.0, request, options.into(), handler)
    }

    /// Connects, and connects again as `policy` decides, until it gives up or the returned token is cancelled.
    /// Cancelling also closes an open connection, with an empty Close frame. The token is that of
    /// [`ClientOptions::cancel`], if it is set, so that a handler can own a clone; otherwise it is a new one.
    ///
    /// `make` makes the handler of each connection. In [`on_open`](ConnectionHandler::on_open), the handler must
    /// set up again everything that the server forgets with a connection, such as subscriptions. `tell` is called
    /// with each decision. The loop keeps running meanwhile. After a panic of the handler, of `make` or of `tell`,
    /// no connection is made any more, and neither closure is called again.
    ///
    /// Set a keep-alive: without one, a client that only receives may never learn that the server is gone.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use ws_mio::wsproto::KeepAlive;
    /// use ws_mio::wsproto::handshake::ClientRequest;
    /// use ws_mio::{ClientOptions, ConnectionHandler, EventLoop, Message, Reconnect, WebSocketConnection};
    ///
    /// struct Prices;
    ///
    /// impl ConnectionHandler for Prices {
    ///     fn on_open(&mut self, ws: &WebSocketConnection) {
    ///         let _ = ws.send_text(r#"{"subscribe":"gold"}"#); // fails if the peer is gone
    ///     }
    ///
    ///     fn on_message(&mut self, _: &WebSocketConnection, message: Message) {
    ///         println!("{message:?}");
    ///     }
    /// }
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// let request = ClientRequest::parse("wss://example.com/prices")?;
    /// let tell = |event| eprintln!("{event:?}");
    /// let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(30));
    /// let options = ClientOptions::new().keep_alive(Some(keep_alive));
    /// let policy = Reconnect::new();
    /// let cancel = event_loop.handle().reconnect(request, options, policy, tell, || Prices)?;
    /// std::thread::spawn(move || {
    ///     std::thread::sleep(Duration::from_secs(60));
    ///     cancel.cancel(); // the loop then ends, because it has nothing else
    /// });
    /// event_loop.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect). A connection that cannot be opened is no error.
    pub fn reconnect<H: ConnectionHandler>(
        &self,
        request: ClientRequest,
        options: impl Into<ClientOptions>,
        policy: Reconnect,
        tell: impl FnMut(ReconnectEvent) + Send + 'static,
        make: impl FnMut() -> H + Send + 'static,
    ) -> Result<Cancel, Error> {
        reconnect(self.clone(), request, options.into(), policy, tell, make)
    }

    /// Makes the loop call a closure in its thread, once and soon, between the turns of connections: for state
    /// that only the loop's handlers share. A panic is logged, and affects nothing else. Returns `false` if the
    /// loop has ended. The closure is then dropped, as it is if the loop is told to [stop](Self::stop) first.
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn post(&self, call: impl FnOnce() + Send + 'static) -> bool {
        self.0.post(|mail| mail.posted.push(Box::new(call)))
    }

    /// Tells the loop to stop. The remaining connections end at once, without calls of their handlers.
    pub fn stop(&self) {
        self.0.post(|mail| mail.stop = true);
    }
}

impl Connector for LoopHandle {
    fn connect(
        &self,
        request: ClientRequest,
        options: ClientOptions,
        handler: impl ConnectionHandler,
    ) -> Result<WebSocketConnection, Error> {
        connect(&self.0, request, options, handler)
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
            self.0.post(|mail| mail.check_end = true);
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
    let cancel = options.cancel.clone();
    let target = Dialer::new(Arc::clone(shared), request, options)?;
    let connection = Arc::new(ClientConnection::dialing(Requested(Box::new(target))));
    let handle = connection_handle(Arc::clone(&connection) as Arc<dyn ConnectionLink>);
    let conversation = Conversation::client(handler);
    let begun = Arc::clone(&connection);
    if !shared.post(|mail| mail.begun.push((begun, conversation))) {
        return Err(io::Error::from(ErrorKind::NotConnected).into());
    }
    if let Some(cancel) = cancel {
        let dialed = Arc::downgrade(&connection);
        let on_cancel = cancel.on_cancel(move || {
            let handle = dialed.upgrade().map(|connection| connection.handle());
            if let Some(handle) = handle.filter(|ws| ws.ready_state() == ReadyState::Connecting) {
                // Fails if it has ended.
                let _ = handle.close(None);
            }
        });
        connection.driver().0.keep(on_cancel);
    }
    Ok(handle)
}
