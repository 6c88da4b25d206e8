//! The shared part of the [`wsproto`] adapters: messages, errors, options, TLS configuration, handler
//! traits, and handles to connections and servers.
//!
//! A program depends on an adapter, `ws-std`, `ws-mio` or `ws-tokio`, which re-exports the public types of this crate.
//! A handler written against these types runs unchanged on any of them.
//!
//! The module [`testing`] runs handlers without a socket, a thread or a clock, for their tests.
//!
//! The module [`adapter`] is for authors of other adapters: the logic that every adapter needs, without
//! I/O. *An adapter is only waiting, reading and writing.* The [guide] shows how to write one.

pub mod adapter;
mod admission;
mod bus;
mod cancel;
mod client_options;
mod closures;
mod connect_to;
mod connection;
mod decision;
#[cfg(feature = "deflate")]
mod deflate;
mod error;
pub mod guide;
mod handler;
mod incoming;
mod message;
mod network;
mod options;
mod proxy;
mod pubsub;
mod reconnect;
mod running;
mod server;
mod server_socket;
mod stats;
pub mod testing;
mod timers;
#[cfg(feature = "tls")]
mod tls;

pub use adapter::ProxyHeaderError;
pub use admission::{InvalidNetwork, TrustedProxies};
pub use bus::{Bus, BusConnection, BusError, BusSink, BusState, MAX_TOPIC_LEN};
#[cfg(feature = "bytes")]
pub use bytes;
pub use cancel::Cancel;
pub use client_options::ClientOptions;
pub use closures::{Borrowing, borrowing, handler};
pub use connect_to::ConnectTo;
pub use connection::{ConnectionId, WebSocketConnection};
pub use decision::{Decider, Decision};
pub use error::{Error, InvalidAnswer};
pub use handler::{ConnectionHandler, ServerHandler};
pub use incoming::IncomingRequest;
pub use message::{Message, SendStatus};
pub use options::ServerOptions;
pub use proxy::{Proxies, Proxy, ProxyError};
pub use pubsub::{Broadcast, SubscribeError};
pub use reconnect::{Reconnect, ReconnectEvent};
pub use running::RunningServer;
#[cfg(feature = "tls")]
pub use rustls;
pub use server::ServerHandle;
pub use server_socket::ServerSocket;
pub use socket2;
pub use stats::{RefusedStats, ServerStats};
pub use timers::TimerId;
#[cfg(feature = "tls")]
pub use tls::{ClientTls, ServerTls, TlsInfo};
#[cfg(feature = "tracing")]
pub use tracing;
pub use wsproto;
pub use wsproto::MessageRef;
