//! A server of prices that restarts after each, and reports of a client that connects again: the common part
//! of the subscribers of all adapters.

use std::time::Duration;

use ws_common::wsproto::{CloseCode, KeepAlive};
use ws_common::{
    ClientOptions, Decision, IncomingRequest, Message, Reconnect, ReconnectEvent, ServerHandle,
    ServerHandler, WebSocketConnection,
};

/// The topic to subscribe to.
pub const TOPIC: &str = "gold";

/// How many prices a subscriber waits for.
pub const PRICES: usize = 3;

/// The server's handler: answers a subscription with a price, and closes with 1012 (Service Restart).
#[derive(Debug)]
pub struct Restarting;

impl ServerHandler for Restarting {
    type Handler = fn(&WebSocketConnection, Message);

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Self::Handler> {
        Decision::accept(|ws, message| {
            // These fail if the client is gone.
            let _ = ws.send_text(&format!("{}: 1234", message.as_text().unwrap_or("?")));
            let _ = ws.terminate(CloseCode::SERVICE_RESTART, "");
        })
    }
}

/// Returns the options of a subscriber, which must notice that the server is gone.
#[must_use]
pub fn options() -> ClientOptions {
    let half_a_minute = Duration::from_secs(30);
    ClientOptions::new().keep_alive(Some(KeepAlive::new(half_a_minute, half_a_minute)))
}

/// Returns when a subscriber connects again.
#[must_use]
pub fn policy() -> Reconnect {
    Reconnect::new().delays(Duration::from_millis(100), Duration::from_secs(10)).most_failures(10)
}

/// Prints a decision of a client that connects again.
pub fn tell(event: ReconnectEvent) {
    match event {
        ReconnectEvent::Waiting { delay, cause, .. } => println!("{cause}; again in {delay:?}"),
        event => println!("{event:?}"),
    }
}
