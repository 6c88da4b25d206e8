//! What the blocking and the event-loop adapters of [`wsproto`] have in common: messages, errors,
//! TLS set-up, the handler traits, and the handles that handlers are given.
//!
//! A program depends on an adapter, `ws-std` or `ws-mio`, which re-exports what programs need of this. A
//! handler that is written against these types runs on either adapter unchanged. What says *for
//! adapters* is for whoever writes another one.

pub mod adapter;
mod answer;
mod broadcast;
mod client;
mod connection;
mod error;
mod handler;
mod link;
mod message;
mod proxy;
mod registry;
mod running;
mod server;
#[cfg(feature = "tls")]
mod tls;
mod topics;

pub use answer::Answer;
pub use broadcast::Broadcast;
pub use client::ClientOptions;
pub use connection::{ConnectionId, WebSocketConnection};
pub use error::Error;
pub use handler::{Accepted, ConnectionHandler, ServerHandler};
pub use link::{ConnectionLink, Outgoing};
pub use message::{Message, SendStatus};
pub use proxy::{Proxy, ProxyError};
pub use registry::{Connections, Registry};
pub use running::RunningServer;
#[cfg(feature = "tls")]
pub use rustls;
pub use server::{ServerHandle, ServerOptions};
#[cfg(feature = "tls")]
pub use tls::{ClientTls, ServerTls};
pub use wsproto;
