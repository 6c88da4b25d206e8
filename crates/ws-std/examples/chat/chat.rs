//! The chat, as handlers: who may come in, and what becomes of what they say. It runs on any adapter.

use std::sync::Arc;

use ws_common::wsproto::handshake::{Request, Response};
use ws_common::wsproto::{CloseCode, CloseFrame, CloseInfo};
use ws_common::{
    Accepted, ConnectionHandler, Error, Message, ServerHandle, ServerHandler, WebSocketConnection,
};

use crate::rooms::{Member, Rooms};

/// The page, embedded so that the program is all there is.
const PAGE: &str = include_str!("page.html");

/// The server: lets people in, and serves the page.
#[derive(Default)]
pub(crate) struct Chat {
    rooms: Arc<Rooms>,
}

impl ServerHandler for Chat {
    type Connection = Visit;

    fn on_connection(
        &mut self,
        _: &ServerHandle,
        request: &Request,
    ) -> Result<Accepted<Visit>, Response> {
        let parameter = |name: &str| {
            let value = request.query_pairs().find(|(key, _)| key == name);
            value.map_or_else(String::new, |(_, value)| value.trim().chars().take(24).collect())
        };
        let (name, room) = (parameter("name"), parameter("room"));
        if name.is_empty() {
            return Err(Response::text(403, "A name is needed.\n"));
        }
        Ok(Accepted::new(Visit { rooms: Arc::clone(&self.rooms), name, room }))
    }

    fn on_request(&mut self, _: &ServerHandle, request: &Request) -> Option<Response> {
        Some(match request.path() {
            "/" => Response::html(PAGE),
            _ => Response::text(404, "Not Found\n"),
        })
    }

    fn on_error(&mut self, _: &ServerHandle, error: &Error) {
        eprintln!("{error}");
    }
}

/// A connection: somebody's visit to a room.
pub(crate) struct Visit {
    rooms: Arc<Rooms>,
    name: String,
    room: String,
}

impl ConnectionHandler for Visit {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.rooms.join(&self.room, Member { name: self.name.clone(), ws: ws.clone() });
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        match message {
            Message::Text(text) => self.rooms.say(&self.room, &self.name, &text),
            Message::Binary(_) => {
                let no = CloseFrame::new(CloseCode::UNSUPPORTED_DATA, "text only").ok();
                // Whoever has gone meanwhile need not be told.
                let _ = ws.close_with(no);
            }
        }
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, _: &CloseInfo) {
        self.rooms.leave(&self.room, &self.name, ws);
    }
}
