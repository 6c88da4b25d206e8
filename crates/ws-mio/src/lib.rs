//! WebSocket servers and clients on a [`mio`] event loop, with the [`wsproto`] engine: many
//! connections in one thread, without an async runtime.
//!
//! ```no_run
//! use ws_mio::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};
//!
//! WebSocketServer::bind("127.0.0.1:9002", ServerOptions::new())?.run(|_: &_, _: &_| {
//!     Decision::accept(|ws: &WebSocketConnection, message: Message| {
//!         // Sending fails only if the connection is closing.
//!         let _ = ws.send(message);
//!     })
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The handlers are those of `ws-std`, which has a thread for each connection; a handler written for one
//! runs on the other unchanged. The thread of a loop calls all handlers of its connections, so they must
//! not block.
//!
//! # This crate's loop, or your own
//!
//! **The loop of this crate**: [`WebSocketServer::run`] and [`spawn`](WebSocketServer::spawn) serve until
//! [`ServerHandle::terminate`] is called. An [`EventLoop`] runs several servers and clients;
//! [`EventLoop::run`] returns when none is left, and no [`LoopHandle`].
//!
//! **Your own loop**: a [`WebSocket`] is an event source for your [`mio::Poll`], with your token. You
//! pass it readiness events and the time, and take events from its [`Endpoint`](wsproto::Endpoint).
//! Buffers, timers and listeners are yours. The example `mio_own_loop` is a server of this kind;
//! `by_hand` is the same server on the engine alone.
//!
//! # Sending and back pressure
//!
//! A [`WebSocketConnection`] can send from any thread and from callbacks. The result of
//! [`send`](WebSocketConnection::send) is one of:
//!
//! * [`SendStatus::Sent`]: the socket was not blocked. The loop writes the message after it has handled
//!   all events of the current read, together with the other replies; a message from another thread, at
//!   the connection's next turn.
//! * [`SendStatus::Queued`]: the socket was blocked. The loop writes the message once the peer reads.
//! * [`Error::WouldExceed`]: more than
//!   [`Config::high_water_mark`](wsproto::Config::high_water_mark) bytes are unwritten. The error returns
//!   the message; [`on_drained`](ConnectionHandler::on_drained) is called when everything is written.
//!
//! Messages sent from [`on_message`](ConnectionHandler::on_message) are replies, and are counted apart
//! from all others. While more than the mark of replies is unwritten, a server does not read from that
//! peer, so a server's handler that sends one message per message received never gets `WouldExceed`. A
//! client always reads. A connection holds at most the mark plus one message of each kind, and the bytes
//! of one read. [`broadcast`](ServerHandle::broadcast) and [`publish`](ServerHandle::publish) skip
//! connections without room, and return them in [`Broadcast::refused`].
//!
//! # Threads
//!
//! [`WebSocketServer::threads`] runs one server on several loops, each in its own thread;
//! [`connections`](ServerHandle::connections), `broadcast`, `publish` and
//! [`terminate`](ServerHandle::terminate) cover all of them. Another thread accepts connections; the loop
//! with the fewest connections takes each, unless that loop is busy. A connection stays in the thread of its
//! loop, which makes all calls of its handler. The threads share the server's handler, and call it one at a
//! time.
//!
//! What a connection's handler broadcasts or publishes may leave, also on connections of other loops, only when the
//! handler has returned and the turn of its connection ends: several messages then leave in one write. So a
//! handler must not wait for an answer to it. What it sends wakes the loop of the receiving connection at once, and so
//! does a publication of any other thread.
//!
//! # Clients
//!
//! [`EventLoop::connect`] and [`LoopHandle::connect`] begin a connection and return its handle at once.
//! The handler is called when the connection is [open](ConnectionHandler::on_open), or with the error
//! that prevented it. Other threads look up names; all addresses are tried. [`ClientOptions`] sets the
//! proxy, the number of redirects and the limits. [`LoopHandle::reconnect`] connects again after an end, with
//! random delays.
//!
//! # TLS
//!
//! `wss://` is built in, with rustls (feature `tls`, on by default): [`ServerOptions::tls`],
//! [`ClientOptions::tls`], and [`Stream::accept_tls`] and [`Stream::connect_tls`] for your own loop.
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
//! `ws_std::guide::deploy` covers servers in production, and [`ws_common::guide`] writing an adapter.
//! This crate logs through the facade `log`, or with the feature `tracing` through that crate.

mod deadlines;
mod dial;
mod event_loop;
mod handover;
#[cfg(test)]
mod interleavings;
mod listener;
mod loop_handle;
mod mailbox;
mod newcomers;
mod origin;
mod proxied;
mod readiness;
mod registry;
mod server;
mod shared;
mod slot;
mod stream;
mod sync;
#[cfg(feature = "tls")]
mod tls;
mod turn;
mod vectored;
mod wakes;
mod websocket;

pub use event_loop::EventLoop;
pub use loop_handle::LoopHandle;
pub use server::WebSocketServer;
pub use stream::Stream;
pub use websocket::WebSocket;
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
pub use {mio, wsproto};
