//! A chat: open the page it prints in two browser windows, and talk.
//!
//! ```text
//! cargo run --release -p ws-std --example chat [-- 127.0.0.1:8080]
//! ```
//!
//! One port serves the page, to an ordinary request, and the conversation, to a WebSocket. What one
//! member says is sent to all members of the same room.

mod chat;
mod rooms;

use std::env;
use std::io::{self, Write};
use std::time::Duration;

use chat::Chat;
use ws_std::WebSocketServer;
use ws_std::wsproto::{Config, KeepAlive};

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
