//! The chat, as handlers that any adapter can serve: who may come in, and what becomes of what they
//! say.
//!
//! A client asks for `/?name=NAME&room=ROOM`, and sends lines as text messages. The server sends
//! objects, as JSON:
//!
//! ```text
//! {"type": "welcome", "id", "name", "room", "present": [{"id", "name"}...]}   to the one who comes
//! {"type": "joined", "id", "name"}                                            to all others
//! {"type": "said", "id", "name", "text", "time"}                              to all
//! {"type": "refused", "reason"}                                               to the one who spoke
//! {"type": "left", "id", "name"}                                              to all others
//! ```
//!
//! An `id` is a connection's, so that a client knows its own lines also if somebody has its name. A
//! `time` is in milliseconds since 1970.

mod names;
mod page;
mod rooms;

use std::sync::Arc;
use std::time::Duration;

use ws_common::wsproto::handshake::{Request, Response};
use ws_common::wsproto::{CloseCode, CloseInfo, Config, KeepAlive};
use ws_common::{
    ConnectionHandler, Decision, Error, Message, ServerHandle, ServerHandler, WebSocketConnection,
};

use rooms::Rooms;

/// How many characters a name, or a room's, has at most; the rest is cut off. The page knows it, too.
const MAX_NAME: usize = 24;

/// How many characters a line has at most; a longer one is refused. The page knows it, too.
const MAX_TEXT: usize = 1000;

/// Returns the limits and deadlines of the chat.
#[must_use]
pub fn config() -> Config {
    // Members whose network is gone leave after a minute.
    let interval = Duration::from_secs(30);
    Config::new()
        // UTF-8 has up to four bytes for a character. No member of good will sends more.
        .max_message_size(4 * MAX_TEXT as u64)
        .keep_alive(Some(KeepAlive { interval, patience: interval }))
}

/// The server: lets people in, and serves the page.
#[derive(Debug, Default)]
pub struct Chat {
    rooms: Arc<Rooms>,
}

impl ServerHandler for Chat {
    type Handler = Visit;

    fn on_connection(&mut self, _: &ServerHandle, request: &Request) -> Decision<Visit> {
        let parameter = |wanted: &str| {
            let pair = request.query_pairs().find(|(key, _)| key == wanted);
            pair.map_or_else(String::new, |(_, value)| names::clean(&value))
        };
        let (name, room) = (parameter("name"), parameter("room"));
        if name.is_empty() {
            return Decision::respond(Response::text(403, "A name is needed.\n"));
        }
        Decision::accept(Visit { rooms: Arc::clone(&self.rooms), name, room })
    }

    fn on_request(&mut self, _: &ServerHandle, request: &Request) -> Decision<Visit> {
        Decision::respond(page::respond(request.path()))
    }

    fn on_error(&mut self, _: &ServerHandle, error: &Error) {
        eprintln!("{error}");
    }
}

/// A connection: somebody's visit to a room.
#[derive(Debug)]
pub struct Visit {
    rooms: Arc<Rooms>,
    /// The name that was asked for.
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
                // If the peer has gone meanwhile, it need not be told.
                let _ = ws.terminate(CloseCode::UNSUPPORTED_DATA, "text only");
            }
        }
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, _: &CloseInfo) {
        self.rooms.leave(&self.room, ws);
    }
}
