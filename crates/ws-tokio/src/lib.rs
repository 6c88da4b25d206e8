//! WebSocket clients and servers for tokio, on the [`wsproto`] engine.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ws_tokio::Error> {
//! let mut ws = ws_tokio::connect("wss://example.com/echo").await?;
//! ws.send("Hello").await?;
//! while let Some(message) = ws.recv().await? {
//!     println!("{message:?}");
//! }
//! println!("{:?}", ws.close_info());
//! # Ok(())
//! # }
//! ```
//!
//! # Two faces
//!
//! **Take the messages yourself**: a [`WebSocket`] is a client's connection ([`connect`], [`connect_with`]), a server's
//! ([`Listener`]), or one on any stream ([`client`], [`server`], [`accept`]). It receives and sends, is a `Stream` and a
//! `Sink`, and [splits](WebSocket::into_split) into halves for different tasks. A [`ByteStream`] makes
//! `AsyncRead + AsyncWrite` of it.
//!
//! **Have handlers called**: a [`WebSocketServer`] runs the handlers of `ws-std` and `ws-mio`, unchanged, with a task for
//! each connection; [`WebSocket::run`] does the same for a client. [`serve_per_core`] is the fastest server. Handlers must
//! not block.
//!
//! # Behind a web server
//!
//! With the feature `hyper`, an `Upgrade` takes a connection of a web server on hyper, over HTTP/1.1 or HTTP/2 (RFC 8441),
//! and an `UpgradeServer` holds the options of these connections, publishes to them, and ends them. With the feature
//! `axum`, an `Upgrade` is also an extractor. `H2` opens a client's WebSockets on one connection of HTTP/2.
//!
//! # Sending
//!
//! [`WebSocket::send`] encodes the message and returns; a task of the connection writes it. Everything that is sent before
//! that task runs leaves in one write, so there is nothing to flush. Sending waits only while the peer does not read and
//! [`Config::high_water_mark`](wsproto::Config::high_water_mark) is exceeded.
//!
//! # Cancel safety
//!
//! Futures are only waits. Any of them may be dropped, as by `tokio::select!`: no message is lost, and none is sent in
//! part. The documentation of each method has the details.
//!
//! # Time
//!
//! The deadlines of connections and servers, and the timers of servers, follow the time of tokio, which tests can pause.
//! They hold whatever the application waits for. The runtime needs its timers (`enable_all`). The keep-alive is off by
//! default for clients and for streams; [`ServerOptions`] turns it on.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `tls`, on by default | `wss://` with rustls |
//! | `simd`, on by default | masks and validates with the widest registers of the processor |
//! | `system-roots` | `ClientTls::system`: the certificate authorities of the operating system |
//! | `deflate` | the options `deflate`: compressed messages (RFC 7692) |
//! | `json` | `send_json`, `Message::json`: messages from and to any `serde` value |
//! | `bytes` | `send_bytes`: messages to and from `bytes::Bytes`; a server does not copy a large one |
//! | `hyper` | connections of servers on hyper, over HTTP/1.1 and HTTP/2, and clients over HTTP/2 |
//! | `axum` | connections of servers on axum: an extractor |
//! | `tracing` | a span for each connection, and events of `tracing` in place of those of `log` |
//!
//! # Further reading
//!
//! The [guide] has chapters on migrating from tokio-tungstenite and from axum's own WebSockets; `ws_std::guide::deploy`
//! covers servers in production. [`testing`] runs the handlers of a `WebSocketServer` without a socket, a thread or a
//! clock, for their tests.
//!
//! This crate logs through the facade `log`, or with the feature `tracing` through that crate: then each connection has a
//! span, `WebSocketConnection::span`.

mod alarm;
mod buffers;
mod carrier;
mod client;
mod connect;
mod dial;
pub mod guide;
#[cfg(feature = "hyper")]
mod h2;
mod io;
mod origin;
mod owned;
#[cfg(feature = "hyper")]
mod pieces;
mod reconnect;
mod request;
mod room;
mod server;
mod tasks;
#[cfg(feature = "hyper")]
mod upgrade;
mod websocket;

pub use client::client;
pub use connect::{connect, connect_with};
#[cfg(feature = "hyper")]
pub use h2::H2;
pub use reconnect::reconnect;
pub use request::{Request, accept, server};
pub use server::{Incoming, Listener, Serving, WebSocketServer, serve_per_core};
#[cfg(feature = "hyper")]
pub use upgrade::{Refusal, Upgrade, UpgradeServer, Upgrading, http_response};
pub use websocket::{ByteStream, ByteWriter, Receiver, Sender, WebSocket};
#[cfg(feature = "bytes")]
pub use ws_common::bytes;
#[cfg(feature = "tracing")]
pub use ws_common::tracing;
pub use ws_common::{
    Borrowing, Broadcast, Bus, BusError, BusState, Cancel, ClientOptions, ConnectTo,
    ConnectionHandler, ConnectionId, Decider, Decision, Error, IncomingRequest, InvalidAnswer,
    InvalidNetwork, MAX_TOPIC_LEN, Message, MessageRef, Proxies, Proxy, ProxyError,
    ProxyHeaderError, Reconnect, ReconnectEvent, RefusedStats, RunningServer, SendStatus,
    ServerHandle, ServerHandler, ServerOptions, ServerSocket, ServerStats, SubscribeError, TimerId,
    TrustedProxies, WebSocketConnection, borrowing, handler, socket2, testing,
};
#[cfg(feature = "tls")]
pub use ws_common::{ClientTls, ServerTls, TlsInfo, rustls};
pub use {tokio, wsproto};
