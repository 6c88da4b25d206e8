//! Blocking WebSocket clients and servers on the [`wsproto`] engine.
//!
//! [`connect`] opens a client connection, [`accept`] a server connection. Both return a [`WebSocket`],
//! which receives and sends whole messages:
//!
//! ```
//! use std::net::{TcpListener, TcpStream};
//! use std::thread;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//!
//! let server = thread::spawn(move || -> Result<(), ws_std::Error> {
//!     let (stream, _) = listener.accept()?;
//!     let mut ws = ws_std::accept(stream)?;
//!     while let Some(message) = ws.recv()? {
//!         ws.send(message)?;
//!     }
//!     Ok(())
//! });
//!
//! let mut ws = ws_std::connect(&format!("ws://{address}/"))?;
//! ws.send_text("Hello")?;
//! assert_eq!(ws.recv()?, Some("Hello".into()));
//! ws.close(None)?;
//! assert!(ws.wait_closed()?.was_clean);
//! # server.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate moves bytes and reads the clock; [`Endpoint`](wsproto::Endpoint) makes every decision about
//! the protocol. `wss://` is built in, with rustls (feature `tls`, on by default); any other stream can
//! be passed to [`WebSocket::client`] or [`WebSocket::server`].
//!
//! A [`WebSocketServer`] calls handlers, with one thread per connection. For very many connections, the
//! crate `ws-mio` runs the same handlers on an event loop.
//!
//! A [`ByteStream`] makes `Read + Write` of a connection, and [`reconnect`] connects again.
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
//! | `tracing` | a span for each connection, and events of `tracing` in place of those of `log` |
//!
//! # Further reading
//!
//! [`testing`] runs handlers without a socket, a thread or a clock, for their tests.
//!
//! The [guide] has a chapter on [migrating from tungstenite](guide::tungstenite) and one on
//! [servers in production](guide::deploy).

mod accept;
mod calls;
mod clock;
mod connect;
mod dial;
mod driver;
pub mod guide;
mod incoming;
mod input;
#[cfg(test)]
mod interleavings;
mod kept;
mod origin;
mod poller;
mod proxied;
mod reconnect;
mod retry;
mod server;
mod server_timers;
mod signal;
mod stream;
mod sync;
mod sys;
#[cfg(feature = "tls")]
mod tls;
mod warden;
mod websocket;

pub use accept::{accept, accept_with};
pub use connect::{connect, connect_with};
pub use incoming::Incoming;
pub use reconnect::reconnect;
pub use server::WebSocketServer;
pub use stream::Stream;
pub use websocket::{ByteStream, ByteWriter, Messages, WebSocket};
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
pub use wsproto;
