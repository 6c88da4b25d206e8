//! The handlers of an application: of a server, and of a connection.

use wsproto::CloseInfo;
use wsproto::handshake::Request;

use crate::{Decision, Error, Message, ServerHandle, WebSocketConnection};

/// The handler of a server.
///
/// Calls come one at a time: [`on_open`](Self::on_open) first, before anything is accepted, and
/// [`on_terminate`](Self::on_terminate) last, after that of every connection. So a decision that takes
/// time holds up those behind it, and is better made [later](Decision::later).
///
/// A panic costs what it belongs to and nothing else: if a decision panics, that client gets status 500; a
/// panic in another call is logged.
///
/// A closure is a handler that only decides on connections.
pub trait ServerHandler: Send + 'static {
    /// The handler of one connection.
    type Handler: ConnectionHandler;

    /// Decides on an opening handshake, which is valid and asks for a path and from an origin that
    /// the server's options allow. Called before it is answered.
    fn on_connection(
        &mut self,
        server: &ServerHandle,
        request: &Request,
    ) -> Decision<Self::Handler>;

    /// Answers an ordinary request, such as for a page. To accept it is to
    /// [decline](Decision::decline): it asks for no connection.
    fn on_request(&mut self, server: &ServerHandle, request: &Request) -> Decision<Self::Handler> {
        let _ = (server, request);
        Decision::decline()
    }

    /// The server has started.
    fn on_open(&mut self, server: &ServerHandle) {
        let _ = server;
    }

    /// Something went wrong that concerns no open connection: a handshake failed, or nothing could be
    /// accepted for a while.
    fn on_error(&mut self, server: &ServerHandle, error: &Error) {
        let _ = (server, error);
    }

    /// The server has ended.
    fn on_terminate(&mut self, server: &ServerHandle) {
        let _ = server;
    }
}

impl<F, H> ServerHandler for F
where
    F: FnMut(&ServerHandle, &Request) -> Decision<H> + Send + 'static,
    H: ConnectionHandler,
{
    type Handler = H;

    fn on_connection(&mut self, server: &ServerHandle, request: &Request) -> Decision<H> {
        self(server, request)
    }
}

/// The handler of a connection.
///
/// Calls come one at a time, in this order: [`on_open`](Self::on_open),
/// [`on_message`](Self::on_message) for each message and [`on_drained`](Self::on_drained) between
/// them, at most one [`on_error`](Self::on_error), and exactly one
/// [`on_terminate`](Self::on_terminate). A client's connection on an event loop that never opens gets the
/// last two alone. A call that panics ends the connection with close code 1011, and is the last.
///
/// A closure is a handler of messages.
pub trait ConnectionHandler: Send + 'static {
    /// A message has arrived.
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message);

    /// The connection is open.
    fn on_open(&mut self, ws: &WebSocketConnection) {
        let _ = ws;
    }

    /// Everything that had to wait, because the peer did not read, is sent: there is room again.
    fn on_drained(&mut self, ws: &WebSocketConnection) {
        let _ = ws;
    }

    /// The peer broke a rule, did not answer in time, or the transport failed.
    fn on_error(&mut self, ws: &WebSocketConnection, error: &Error) {
        let _ = (ws, error);
    }

    /// The connection is closed, and no longer among those of the server. `info` says how: with
    /// code 1006, if the peer has sent no Close.
    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        let _ = (ws, info);
    }
}

impl<F: FnMut(&WebSocketConnection, Message) + Send + 'static> ConnectionHandler for F {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        self(ws, message);
    }
}
