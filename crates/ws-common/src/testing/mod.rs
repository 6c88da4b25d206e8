//! Tests of handlers without a socket, a thread or a clock.
//!
//! A [`TestServer`] runs a [`ServerHandler`](crate::ServerHandler) and the handlers of its connections as an
//! adapter does: with the engine, the decisions, topics, timers and limits of every other server. Only the
//! transport is in memory, and time passes only when the test [says so](TestServer::advance). A
//! [`TestClient`] is the other end of one connection: it records the handler's messages, its Close frame, and
//! its subscriptions. [`connect`] is the short way for a single handler. A [`MemoryBus`] joins several servers.
//!
//! ```
//! use std::time::Duration;
//! use ws_common::wsproto::CloseCode;
//! use ws_common::{ConnectionHandler, Message, TimerId, WebSocketConnection, testing};
//!
//! /// The handler under test: subscribes clients that say "news", and closes those that say nothing.
//! struct News;
//!
//! impl ConnectionHandler for News {
//!     fn on_open(&mut self, ws: &WebSocketConnection) {
//!         ws.set_timer(Duration::from_secs(5));
//!     }
//!
//!     fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
//!         if message == "news".into() {
//!             let _ = ws.subscribe("news"); // fails if the connection is closed
//!             let _ = ws.send_text("subscribed");
//!         }
//!     }
//!
//!     fn on_timer(&mut self, ws: &WebSocketConnection, _: TimerId) {
//!         let _ = ws.terminate(CloseCode::POLICY_VIOLATION, "say something");
//!     }
//! }
//!
//! let client = testing::connect(News);
//! client.send("news");
//! assert_eq!(client.received(), ["subscribed".into()]);
//! assert_eq!(client.subscriptions(), ["news"]);
//!
//! client.server().advance(Duration::from_secs(5));
//! assert_eq!(client.close_info().unwrap().code, CloseCode::POLICY_VIOLATION);
//! ```
//!
//! A handler that is a value of the test can be called directly, with the recorded connection of another:
//!
//! ```
//! # use ws_common::{ConnectionHandler, Message, WebSocketConnection, testing};
//! # #[derive(Default)]
//! # struct Counter { count: u32 }
//! # impl ConnectionHandler for Counter {
//! #     fn on_message(&mut self, ws: &WebSocketConnection, _: Message) {
//! #         self.count += 1;
//! #         let _ = ws.send_text(&self.count.to_string());
//! #     }
//! # }
//! let (client, mut counter) = (testing::connect(()), Counter::default());
//! counter.on_message(client.connection(), "anything".into());
//! assert_eq!((counter.count, client.received()), (1, vec!["1".into()]));
//! ```

mod bus;
#[cfg(test)]
mod bus_tests;
mod client;
mod pair;
mod server;
#[cfg(test)]
mod tests;
mod wire;

pub use bus::MemoryBus;
pub use client::{TestClient, connect};
pub use server::TestServer;
