//! The client's end of a connection.

use std::fmt;
use std::mem;
use std::time::Duration;

use wsproto::handshake::Response;
use wsproto::{CloseFrame, CloseInfo};

use super::TestServer;
use super::pair::Pair;
use crate::{ConnectionHandler, Decision, Message, WebSocketConnection};

/// Connects a client to a server that accepts it with this handler, and declines all others.
#[must_use]
pub fn connect(handler: impl ConnectionHandler) -> TestClient {
    let mut handler = Some(handler);
    let decide =
        move |_: &_, _: &_| handler.take().map_or_else(Decision::decline, Decision::accept);
    TestServer::new(decide).connect()
}

/// The client of a [`TestServer`]'s connection: it sends what the test says, and records the messages and the
/// end that it receives.
///
/// It answers Pings and Closes as every client does. Dropping it changes nothing; see
/// [`vanish`](Self::vanish).
pub struct TestClient {
    server: TestServer,
    number: usize,
    ws: WebSocketConnection,
}

impl TestClient {
    pub(super) const fn new(server: TestServer, number: usize, ws: WebSocketConnection) -> Self {
        Self { server, number, ws }
    }

    /// Returns the server.
    #[must_use]
    pub const fn server(&self) -> &TestServer {
        &self.server
    }

    /// Returns the handle of the server's end, as the handler gets it.
    #[must_use]
    pub const fn connection(&self) -> &WebSocketConnection {
        &self.ws
    }

    /// Sends a message; the handlers have been called when this returns.
    ///
    /// # Panics
    ///
    /// If the connection is not open, or the handlers keep each other busy forever.
    pub fn send(&self, message: impl Into<Message>) {
        let message = message.into();
        let sent = self.act(|pair, _| match message {
            Message::Text(text) => pair.client.send_text(text),
            Message::Binary(bytes) => pair.client.send_binary(bytes),
        });
        sent.expect("the connection is open");
    }

    /// Sends a Close frame, with a body or without one. Does nothing if the connection is closing.
    pub fn close<'a>(&self, frame: impl Into<Option<CloseFrame<'a>>>) {
        let frame = frame.into();
        let closed = self.act(|pair, now| pair.client.close(frame.as_ref(), now));
        closed.expect("a client may send every code of a Close frame");
    }

    /// Ends the transport without a Close frame.
    pub fn vanish(&self) {
        self.act(|pair, _| pair.client.abort());
    }

    /// Stops or continues reading. While the client does not read, the server's transport accepts nothing.
    pub fn set_reading(&self, reading: bool) {
        self.act(|pair, _| {
            pair.wire.set_blocked(!reading);
            pair.notice();
        });
    }

    /// Takes the messages that the client has received since the last call, the oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Message> {
        self.act(|pair, _| mem::take(&mut pair.received))
    }

    /// Returns the topics that the connection is subscribed to, in alphabetical order.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<String> {
        self.act(|_, _| ());
        self.server.handle().topics(self.ws.id())
    }

    /// Returns the response with which the server refused the request; `None` if it did not.
    #[must_use]
    pub fn refusal(&self) -> Option<Response> {
        self.act(|pair, _| pair.refusal.clone())
    }

    /// Returns how the connection ended for the client, with the handler's code and reason if it has closed;
    /// `None` until then.
    #[must_use]
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.act(|pair, _| pair.closed.clone())
    }

    fn act<T>(&self, act: impl FnOnce(&mut Pair, Duration) -> T) -> T {
        self.server.act(self.number, act)
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").field("connection", &self.ws).finish_non_exhaustive()
    }
}
