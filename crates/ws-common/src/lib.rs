//! The common part of the adapters of [`wsproto`]: messages, errors, options, TLS set-up, the handler
//! traits, and the handles that handlers are given.
//!
//! A program depends on an adapter, `ws-std` or `ws-mio`, which re-exports what programs need of this. A
//! handler that is written against these types runs with either adapter unchanged.
//!
//! The module [`adapter`] is for those who write another one: everything that adapters would otherwise
//! decide twice, without I/O. *An adapter is only waiting, reading and writing.* The [guide] shows how.

pub mod adapter;
mod connection;
mod decision;
mod error;
pub mod guide;
mod handler;
mod message;
mod options;
mod proxy;
mod pubsub;
mod running;
mod server;
#[cfg(feature = "tls")]
mod tls;

pub use connection::{ConnectionId, WebSocketConnection};
pub use decision::{Decider, Decision};
pub use error::Error;
pub use handler::{ConnectionHandler, ServerHandler};
pub use message::{Message, SendStatus};
pub use options::{ClientOptions, ServerOptions};
pub use proxy::{Proxy, ProxyError};
pub use pubsub::Broadcast;
pub use running::RunningServer;
#[cfg(feature = "tls")]
pub use rustls;
pub use server::ServerHandle;
#[cfg(feature = "tls")]
pub use tls::{ClientTls, ServerTls};
pub use wsproto;
