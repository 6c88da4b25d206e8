//! The chat, as handlers for any adapter: admission, rooms, and the events sent to members.
//!
//! A client requests `/?name=NAME&room=ROOM` and sends lines as text messages. The server sends JSON
//! objects:
//!
//! ```text
//! {"type": "welcome", "id", "name", "room", "present": [{"id", "name"}...]}   to the new member
//! {"type": "joined", "id", "name"}                                            to all others
//! {"type": "said", "id", "name", "text", "time"}                              to all
//! {"type": "refused", "reason"}                                               to the sender
//! {"type": "left", "id", "name"}                                              to all others
//! ```
//!
//! An `id` identifies a connection, so that a client recognizes its own lines. A `time` is in
//! milliseconds since 1970.

mod names;
mod page;
mod rooms;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ws_common::wsproto::handshake::{Request, Response};
use ws_common::wsproto::{CloseCode, CloseInfo, Config, KeepAlive};
use ws_common::{
    ConnectionHandler, Decision, Error, IncomingRequest, Message, ServerHandle, ServerHandler,
    WebSocketConnection,
};

use rooms::Rooms;

/// The most characters of the name of a member or room; the rest is cut off. The page has the same limit.
const MAX_NAME: usize = 24;

/// The most characters of a line; a longer one is refused. The page has the same limit.
const MAX_TEXT: usize = 1000;

/// Returns the limits and deadlines of the chat.
#[must_use]
pub fn config() -> Config {
    // A member whose network is gone leaves after a minute.
    let interval = Duration::from_secs(30);
    Config::new()
        // UTF-8 needs at most four bytes per character.
        .max_message_size(4 * MAX_TEXT as u64)
        .keep_alive(Some(KeepAlive { interval, patience: interval }))
}

/// The server's handler: admits members and serves the page.
#[derive(Debug, Default)]
pub struct Chat {
    rooms: Arc<Rooms>,
}

impl Chat {
    /// Decides on a request for a WebSocket: returns the handler of the new member's connection.
    ///
    /// # Errors
    ///
    /// The response to a client without a name.
    pub fn visit(&self, request: &Request) -> Result<Visit, Response> {
        let parameter = |wanted: &str| {
            let pair = request.query_pairs().find(|(key, _)| key == wanted);
            pair.map_or_else(String::new, |(_, value)| names::clean(&value))
        };
        let (name, room) = (parameter("name"), parameter("room"));
        if name.is_empty() {
            return Err(Response::text(403, "A name is needed.\n"));
        }
        Ok(Visit { rooms: Arc::clone(&self.rooms), name, room })
    }

    /// Answers any other request: with the page and its parts, or 404.
    #[must_use]
    pub fn page(&self, path: &str) -> Response {
        page::respond(path)
    }
}

impl ServerHandler for Chat {
    type Handler = Visit;

    fn on_connection(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Visit> {
        self.visit(request).map_or_else(Decision::respond, Decision::accept)
    }

    fn on_request(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Visit> {
        Decision::respond(self.page(request.path()))
    }

    fn on_error(&mut self, _: &ServerHandle, _: Option<SocketAddr>, error: &Error) {
        eprintln!("{error}");
    }
}

/// The handler of a connection: one member in one room.
#[derive(Debug)]
pub struct Visit {
    rooms: Arc<Rooms>,
    /// The requested name.
    name: String,
    room: String,
}

impl ConnectionHandler for Visit {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.rooms.join(&self.room, &self.name, ws);
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        match message {
            Message::Text(text) if text.chars().count() > MAX_TEXT => {
                rooms::refuse(ws, &format!("A line has at most {MAX_TEXT} characters."));
            }
            Message::Text(text) if text.trim().is_empty() => {}
            Message::Text(text) => self.rooms.say(&self.room, ws, &text),
            Message::Binary(_) => {
                // Fails if the connection has ended.
                let _ = ws.terminate(CloseCode::UNSUPPORTED_DATA, "text only");
            }
        }
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, _: &CloseInfo) {
        self.rooms.leave(&self.room, ws);
    }
}
