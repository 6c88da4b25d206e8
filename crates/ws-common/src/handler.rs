//! The traits an application implements: the handlers of a server and of a connection.

use std::net::SocketAddr;

use wsproto::CloseInfo;

use crate::{
    BusState, Decision, Error, IncomingRequest, Message, MessageRef, ServerHandle, TimerId,
    WebSocketConnection,
};

/// The handler of a server.
///
/// Calls are serialized: [`on_open`](Self::on_open) is the first, before the server accepts, and
/// [`on_terminate`](Self::on_terminate) the last, after the handlers of all connections have ended. A slow
/// decision delays all other calls; make it [later](Decision::later) instead.
///
/// If a decision panics, that client gets status 500. A panic in another call is logged. Neither affects
/// other connections.
///
/// # Closures, and the type of the handlers
///
/// A closure implements this trait as [`on_connection`](Self::on_connection). The compiler cannot infer its
/// parameters: write `|_: &_, request: &IncomingRequest|`.
///
/// All connections of a server have one handler type. If they differ, implement [`ConnectionHandler`] for an
/// enum, or box them as `Box<dyn ConnectionHandler>`; closures also fit
/// `Box<dyn FnMut(&WebSocketConnection, Message) + Send>`. A server that never accepts has no handler type to
/// infer: write `Decision::<()>::respond` or `Decision::<()>::decline`.
///
/// ```
/// use ws_common::wsproto::handshake::Response;
/// use ws_common::{
///     ConnectionHandler, Decision, IncomingRequest, Message, ServerHandler, WebSocketConnection,
/// };
///
/// enum Handler {
///     Echo,
///     Count(u64),
/// }
///
/// impl ConnectionHandler for Handler {
///     fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
///         // Sending fails if the peer is gone.
///         let _ = match self {
///             Self::Echo => ws.send(message),
///             Self::Count(count) => {
///                 *count += 1;
///                 ws.send_text(&count.to_string())
///             }
///         };
///     }
/// }
///
/// # fn run(_: impl ServerHandler) {}
/// // `run` stands for `WebSocketServer::run`.
/// run(|_: &_, request: &IncomingRequest| match request.path() {
///     "/echo" => Decision::accept(Handler::Echo),
///     "/count" => Decision::accept(Handler::Count(0)),
///     _ => Decision::decline(),
/// });
///
/// run(|_: &_, _: &_| Decision::<()>::respond(Response::text(503, "Down for maintenance\n")));
/// ```
pub trait ServerHandler: Send + 'static {
    /// The handler of a connection.
    type Handler: ConnectionHandler;

    /// Decides on a valid opening handshake whose path and origin the server's options allow.
    fn on_connection(
        &mut self,
        server: &ServerHandle,
        request: &IncomingRequest,
    ) -> Decision<Self::Handler>;

    /// Answers an ordinary HTTP request, for example for a page. [`Decision::accept`] has the effect of
    /// [`Decision::decline`], because the request is no opening handshake.
    fn on_request(
        &mut self,
        server: &ServerHandle,
        request: &IncomingRequest,
    ) -> Decision<Self::Handler> {
        let _ = (server, request);
        Decision::decline()
    }

    /// Called when the server has started.
    fn on_open(&mut self, server: &ServerHandle) {
        let _ = server;
    }

    /// Called when a timer that [`ServerHandle::set_timer`] has set expires.
    fn on_timer(&mut self, server: &ServerHandle, timer: TimerId) {
        let _ = (server, timer);
    }

    /// Called when the [bus](crate::ServerOptions::bus()) goes down or comes up. It is down when the server starts, without
    /// a call: the first call is [`Up`](BusState::Up), or [`Down`](BusState::Down) if the first attempt to connect has
    /// failed. Calls alternate. If the bus goes and comes while this handler is busy, some pairs of calls are left
    /// out, never the last call.
    ///
    /// A connection that opens later hears of no earlier call: keep the state in this handler, and pass it to the
    /// handlers of new connections.
    fn on_bus(&mut self, server: &ServerHandle, state: BusState) {
        let _ = (server, state);
    }

    /// Called on an error outside open connections: the handshake with `peer` failed, or the listener could
    /// not accept and pauses. `peer` is `None` for the listener, and for a transport without addresses.
    fn on_error(&mut self, server: &ServerHandle, peer: Option<SocketAddr>, error: &Error) {
        let _ = (server, peer, error);
    }

    /// Called when the server has ended.
    fn on_terminate(&mut self, server: &ServerHandle) {
        let _ = server;
    }
}

impl<F, H> ServerHandler for F
where
    F: FnMut(&ServerHandle, &IncomingRequest) -> Decision<H> + Send + 'static,
    H: ConnectionHandler,
{
    type Handler = H;

    fn on_connection(&mut self, server: &ServerHandle, request: &IncomingRequest) -> Decision<H> {
        self(server, request)
    }
}

/// The handler of a connection.
///
/// Calls are serialized, in this order: [`on_open`](Self::on_open), then
/// [`on_message`](Self::on_message) (or [`on_message_ref`](Self::on_message_ref)) for each message, with
/// [`on_ping`](Self::on_ping),
/// [`on_pong`](Self::on_pong), [`on_drained`](Self::on_drained) and [`on_timer`](Self::on_timer) in between, at most one
/// [`on_error`](Self::on_error), and exactly one [`on_terminate`](Self::on_terminate). For a client's
/// connection on an event loop that never opens, only the last two are called. A call that panics is the
/// last, and closes the connection with code 1011.
///
/// A closure implements this trait as [`on_message`](Self::on_message). The compiler cannot infer its
/// parameters: write `|ws: &WebSocketConnection, message: Message|`, unless the decision has the type
/// `Decision<fn(&WebSocketConnection, Message)>`, which fits closures that capture nothing.
pub trait ConnectionHandler: Send + 'static {
    /// Called for each message, complete and in order.
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message);

    /// Called in place of [`on_message`](Self::on_message) for a message that lies whole and uncompressed in the bytes
    /// that were read, as most below 64 KiB do, if [`borrows`](Self::borrows) returns `true`. Such a message is not copied.
    /// The others, which include those after the first 128 of one read, still come through `on_message`, which usually
    /// passes them on:
    ///
    /// ```
    /// use ws_common::{ConnectionHandler, Message, MessageRef, WebSocketConnection};
    ///
    /// #[derive(Default)]
    /// struct Lines(usize);
    ///
    /// impl ConnectionHandler for Lines {
    ///     fn borrows(&self) -> bool {
    ///         true
    ///     }
    ///
    ///     fn on_message_ref(&mut self, _: &WebSocketConnection, message: MessageRef<'_>) {
    ///         self.0 += message.as_bytes().iter().filter(|byte| **byte == b'\n').count();
    ///     }
    ///
    ///     fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
    ///         self.on_message_ref(ws, message.as_ref());
    ///     }
    /// }
    /// ```
    ///
    /// To send a borrowed message, match it: [`send_text`](WebSocketConnection::send_text) and
    /// [`send_binary`](WebSocketConnection::send_binary) copy the payload to the output only.
    /// [`send`](WebSocketConnection::send) makes a [`Message`] of it first, which is one more copy:
    ///
    /// ```
    /// use ws_common::{MessageRef, borrowing};
    ///
    /// let echo = borrowing(|ws, message| {
    ///     let _ = match message {
    ///         MessageRef::Text(text) => ws.send_text(text),
    ///         MessageRef::Binary(bytes) => ws.send_binary(bytes),
    ///     }; // fails if the peer is gone
    /// });
    /// # let _ = echo;
    /// ```
    fn on_message_ref(&mut self, ws: &WebSocketConnection, message: MessageRef<'_>) {
        self.on_message(ws, message.into());
    }

    /// Returns whether [`on_message_ref`](Self::on_message_ref) is called. Asked once, before
    /// [`on_open`](Self::on_open). A handler that passes its calls on to another one passes on this one, too.
    fn borrows(&self) -> bool {
        false
    }

    /// Called when the connection is open.
    fn on_open(&mut self, ws: &WebSocketConnection) {
        let _ = ws;
    }

    /// Called when all output has been written, once after a call that returned
    /// [`SendStatus::Queued`](crate::SendStatus::Queued) or [`Error::WouldExceed`].
    fn on_drained(&mut self, ws: &WebSocketConnection) {
        let _ = ws;
    }

    /// Called for each Ping, with its payload, for tools that show what a peer sends. It is answered without the
    /// handler (RFC 6455 section 5.5.2).
    fn on_ping(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        let _ = (ws, payload);
    }

    /// Called for each Pong, with its payload: the answer to a [`ping`](WebSocketConnection::ping), to a Ping of
    /// the keep-alive, or one that was not asked for (RFC 6455 section 5.5.3).
    fn on_pong(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        let _ = (ws, payload);
    }

    /// Called when a timer that [`WebSocketConnection::set_timer`] has set expires. On `ws-std`, another thread
    /// may make this call while the receiving one waits for input.
    fn on_timer(&mut self, ws: &WebSocketConnection, timer: TimerId) {
        let _ = (ws, timer);
    }

    /// Called when the peer violated the protocol, a timeout expired, or the transport failed.
    fn on_error(&mut self, ws: &WebSocketConnection, error: &Error) {
        let _ = (ws, error);
    }

    /// Called when the connection is closed, and removed from [`ServerHandle::connections`]. The code in
    /// `info` is 1006 if the peer sent no Close frame (RFC 6455 section 7.1.5).
    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        let _ = (ws, info);
    }
}

impl<F: FnMut(&WebSocketConnection, Message) + Send + 'static> ConnectionHandler for F {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        self(ws, message);
    }
}

/// A server whose connections have handlers of several types boxes them.
///
/// ```
/// use ws_common::{ConnectionHandler, Decision, IncomingRequest, Message, WebSocketConnection};
///
/// struct Chat;
/// impl ConnectionHandler for Chat {
///     fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
///         ws.broadcast(message);
///     }
/// }
///
/// fn decide(request: &IncomingRequest) -> Decision<Box<dyn ConnectionHandler>> {
///     match request.path() {
///         "/chat" => Decision::accept(Box::new(Chat)),
///         "/silence" => Decision::accept(Box::new(())),
///         _ => Decision::decline(),
///     }
/// }
/// ```
impl ConnectionHandler for Box<dyn ConnectionHandler> {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        (**self).on_message(ws, message);
    }

    fn on_message_ref(&mut self, ws: &WebSocketConnection, message: MessageRef<'_>) {
        (**self).on_message_ref(ws, message);
    }

    fn borrows(&self) -> bool {
        (**self).borrows()
    }

    fn on_open(&mut self, ws: &WebSocketConnection) {
        (**self).on_open(ws);
    }

    fn on_drained(&mut self, ws: &WebSocketConnection) {
        (**self).on_drained(ws);
    }

    fn on_ping(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        (**self).on_ping(ws, payload);
    }

    fn on_pong(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        (**self).on_pong(ws, payload);
    }

    fn on_timer(&mut self, ws: &WebSocketConnection, timer: TimerId) {
        (**self).on_timer(ws, timer);
    }

    fn on_error(&mut self, ws: &WebSocketConnection, error: &Error) {
        (**self).on_error(ws, error);
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        (**self).on_terminate(ws, info);
    }
}
