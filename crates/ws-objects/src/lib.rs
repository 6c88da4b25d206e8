//! What the blocking and the event-loop adapters of [`wsproto`] have in common: messages, errors,
//! TLS set-up, the handler traits, and the handles that handlers are given.
//!
//! A program depends on an adapter, which gives all of this on; a handler that is written against
//! these types runs on either adapter unchanged.

mod answer;
mod connection;
mod error;
mod handler;
mod message;
mod server;
#[cfg(feature = "tls")]
mod tls;

pub use answer::Answer;
pub use connection::{ConnectionId, ConnectionLink, WebSocketConnection};
pub use error::Error;
pub use handler::{Accepted, ConnectionHandler, ServerHandler};
pub use message::Message;
pub use server::{ServerHandle, ServerOptions};
#[cfg(feature = "tls")]
pub use tls::{ClientTls, ServerTls};
pub use wsproto;
