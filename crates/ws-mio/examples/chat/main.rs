//! The chat of `ws-std`, on an event loop: the same page, the same handlers, one thread.
//!
//! ```text
//! cargo run --release -p ws-mio --example chat [-- 127.0.0.1:8080]
//! ```

#[path = "../../../ws-std/examples/chat/chat.rs"]
mod chat;
#[path = "../../../ws-std/examples/chat/rooms.rs"]
mod rooms;

use std::env;
use std::io::{self, Write};
use std::time::Duration;

use chat::Chat;
use ws_mio::WebSocketServer;
use ws_mio::wsproto::{Config, KeepAlive};

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let mut config = Config::default();
    config.max_message_size = 4096;
    let interval = Duration::from_secs(30);
    config.keep_alive = Some(KeepAlive { interval, patience: interval });

    let server = WebSocketServer::bind(&address)?.config(config);
    println!("chat: open http://{}/ in two browser windows", server.local_addr()?);
    io::stdout().flush()?;
    server.run(Chat::default())
}
