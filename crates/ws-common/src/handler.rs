//! What an application does with a server and with its connections.

use wsproto::CloseInfo;
use wsproto::handshake::{Accept, Request, Response};

use crate::{Error, Message, ServerHandle, WebSocketConnection};

/// What an application does with a server.
///
/// Calls come one at a time: [`on_open`](Self::on_open) first, before anything is accepted, and
/// [`on_terminate`](Self::on_terminate) last, after that of every connection.
///
/// A decision that panics is status 500 for whoever asked, and nobody else notices.
///
/// A closure is a handler that only decides on connections.
pub trait ServerHandler: Send + 'static {
    /// What carries one connection.
    type Connection: ConnectionHandler;

    /// Decides on an opening handshake, which is valid and asks for a path and from an origin that
    /// the server's options allow. Called before it is answered.
    ///
    /// # Errors
    ///
    /// The response that the client gets instead, such as one with status 403.
    fn on_connection(
        &mut self,
        server: &ServerHandle,
        request: &Request,
    ) -> Result<Accepted<Self::Connection>, Response>;

    /// Answers an ordinary request, such as for a page; without an answer it is refused with 426.
    fn on_request(&mut self, server: &ServerHandle, request: &Request) -> Option<Response> {
        let _ = (server, request);
        None
    }

    /// The server has started.
    fn on_open(&mut self, server: &ServerHandle) {
        let _ = server;
    }

    /// Something went wrong that concerns no connection: a handshake was refused, or none could be
    /// accepted for a while.
    fn on_error(&mut self, server: &ServerHandle, error: &Error) {
        let _ = (server, error);
    }

    /// The server has ended.
    fn on_terminate(&mut self, server: &ServerHandle) {
        let _ = server;
    }
}

impl<F, C> ServerHandler for F
where
    F: FnMut(&ServerHandle, &Request) -> Result<Accepted<C>, Response> + Send + 'static,
    C: ConnectionHandler,
{
    type Connection = C;

    fn on_connection(
        &mut self,
        server: &ServerHandle,
        request: &Request,
    ) -> Result<Accepted<C>, Response> {
        self(server, request)
    }
}

/// What an application does with a connection.
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

    /// What had to wait, because the peer did not read, is sent: there is room again.
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

/// A connection that is accepted: how, and what carries it.
#[derive(Clone, Debug)]
pub struct Accepted<C> {
    /// The subprotocol and headers of the answer.
    pub accept: Accept,
    /// What carries the connection.
    pub handler: C,
}

impl<C> Accepted<C> {
    /// Accepts without a subprotocol.
    #[must_use]
    pub fn new(handler: C) -> Self {
        Self { accept: Accept::new(), handler }
    }

    /// Accepts in a certain way.
    #[must_use]
    pub const fn with(accept: Accept, handler: C) -> Self {
        Self { accept, handler }
    }
}
