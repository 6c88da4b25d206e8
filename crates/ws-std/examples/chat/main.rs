//! A chat: open the page it prints in two browser windows, and talk.
//!
//! ```text
//! cargo run --release --example chat [-- 127.0.0.1:8080]
//! ```
//!
//! One port serves the page, to an ordinary request, and the conversation, to a WebSocket. What one
//! member says is sent to all members of the same room.

mod rooms;

use std::env;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use rooms::{Member, Rooms};
use ws_std::wsproto::handshake::{Request, Response};
use ws_std::wsproto::{CloseCode, CloseFrame, CloseInfo, Config, KeepAlive};
use ws_std::{
    Accepted, ConnectionHandler, Error, Message, ServerHandle, ServerHandler, WebSocketConnection,
    WebSocketServer,
};

/// The page, embedded so that the program is all there is.
const PAGE: &str = include_str!("page.html");

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let mut config = Config::default();
    config.max_message_size = 4096;
    let interval = Duration::from_secs(30);
    config.keep_alive = Some(KeepAlive { interval, patience: interval });
    // Who does not take a message for so long would hold up the others.
    let patience = Duration::from_secs(2);

    let server = WebSocketServer::bind(&address)?.config(config).write_patience(patience);
    println!("chat: open http://{}/ in two browser windows", server.local_addr()?);
    io::stdout().flush()?;
    server.run(Chat::default());
    Ok(())
}

/// The server: lets people in, and serves the page.
#[derive(Default)]
struct Chat {
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
struct Visit {
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
