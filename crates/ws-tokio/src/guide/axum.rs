//! Coming from axum's own WebSockets. This module contains documentation only.
//!
//! The counterpart of each call of `axum::extract::ws` in axum 0.8. Routes, states, other extractors and `axum::serve`
//! stay. Three things are new: an [`UpgradeServer`] in the state has the options, limits and topics of all connections;
//! a connection ends with its server; and HTTP/2 needs no code, only axum's feature `http2`, and routes with `any`.
//!
//! ```no_run
//! use axum::Router;
//! use axum::extract::State;
//! use axum::response::Response;
//! use axum::routing::any;
//! use ws_tokio::{Error, ServerOptions, Upgrade, UpgradeServer, WebSocket};
//!
//! async fn echo(State(server): State<UpgradeServer>, upgrade: Upgrade) -> Response {
//!     upgrade.run(&server, |ws| async move {
//!         if let Err(error) = echo_all(ws).await {
//!             eprintln!("{error}");
//!         }
//!     })
//! }
//!
//! async fn echo_all(mut ws: WebSocket) -> Result<(), Error> {
//!     while let Some(message) = ws.recv().await? {
//!         ws.send(message).await?;
//!     }
//!     Ok(())
//! }
//!
//! let server = UpgradeServer::new(ServerOptions::new());
//! let router: Router = Router::new().route("/echo", any(echo)).with_state(server);
//! # let _ = router;
//! ```
//!
//! # Opening
//!
//! | axum | here |
//! |---|---|
//! | `WebSocketUpgrade` | [`Upgrade`] |
//! | `on_upgrade(callback)` | [`Upgrade::run`] |
//! | `on_failed_upgrade(callback)` | `run` logs the error; [`Upgrade::accept`] returns an [`Upgrading`], whose error it is |
//! | `WebSocketUpgradeRejection` | [`Refusal`], with [`Refusal::is_ordinary`] for a path that also serves a page |
//! | `protocols(list)` | [`Upgrade::subprotocols`] |
//! | `requested_protocols()` | [`Request::subprotocols`] of [`Upgrade::request`] |
//! | `set_selected_protocol(name)` | [`Upgrade::accept_with`], an [`Accept`], which also has header fields |
//! | `selected_protocol()`, `WebSocket::protocol()` | [`Accept::selected_subprotocol`], [`WebSocket::subprotocol`] |
//! | comparing the `Origin` | [`ServerOptions::origins`] |
//! | `ConnectInfo<SocketAddr>` | the same; the handler passes it to [`Upgrade::peer_addr`], for the limits of an address |
//! | a limit of connections of one's own | [`ServerOptions::max_connections`] |
//!
//! # Messages
//!
//! | axum | here |
//! |---|---|
//! | `recv().await`, an `Option` of a `Result` | [`recv`], a `Result` of an `Option`; `next` works, too |
//! | `send(message).await`, which writes and flushes | [`send`], which leaves writing to the connection's task |
//! | `split()` | [`into_split`], or the [`Sender`] of [`sender`], which can be cloned |
//! | `Message::Text(Utf8Bytes)`, `Message::Binary(Bytes)` | [`Message::Text`] with a `String`, [`Message::Binary`] with a `Vec<u8>`; with the feature `bytes`, `Bytes::from(message)` and `send_bytes` |
//! | `Message::Ping`, `Message::Pong` | none: Pings are answered; [`KeepAlive`] sends them, by default every 30 s |
//! | `Message::Close(frame)`, received | [`recv`] returns `None`, see [`close_info`] |
//! | `Message::Close(frame)`, sent | [`close`], which waits for the end |
//! | a `tokio::sync::broadcast` channel and a task that forwards | [`ServerHandle::broadcast`], or [`subscribe`] and [`publish`] |
//!
//! # Limits
//!
//! | axum | here |
//! |---|---|
//! | `max_message_size`, 64 MiB | [`ServerOptions::max_message_size`], 1 MiB |
//! | `max_frame_size`, 16 MiB | [`Config::max_frame_size`], no limit: that of messages counts |
//! | `read_buffer_size`, 128 KiB for each connection | none while a connection is idle; 64 KiB of the thread while it reads |
//! | `write_buffer_size`, 128 KiB | none: what is sent before the connection's task runs leaves in one write |
//! | `max_write_buffer_size`, no limit | [`Config::high_water_mark`]; [`send`] waits, [`try_send`] returns the message |
//! | `accept_unmasked_frames` | none: RFC 6455 section 5.1 forbids it |
//!
//! # The end
//!
//! | axum | here |
//! |---|---|
//! | `with_graceful_shutdown`, which does not reach WebSockets | [`UpgradeServer::terminate`] beside it |
//! | dropping the socket, which sends nothing | dropping a [`WebSocket`] sends what is unsent, and a Close with 1001 |
//! | `axum::Error`, an opaque error | [`Error`], with a variant for each cause |
//!
//! [`close`]: WebSocket::close
//! [`close_info`]: WebSocket::close_info
//! [`into_split`]: WebSocket::into_split
//! [`publish`]: ServerHandle::publish
//! [`recv`]: WebSocket::recv
//! [`send`]: WebSocket::send
//! [`sender`]: WebSocket::sender
//! [`subscribe`]: WebSocketConnection::subscribe
//! [`try_send`]: WebSocket::try_send

#[cfg(doc)]
use crate::{
    Error, Message, Refusal, Sender, ServerHandle, ServerOptions, Upgrade, UpgradeServer,
    Upgrading, WebSocket, WebSocketConnection,
};
#[cfg(doc)]
use wsproto::handshake::{Accept, Request};
#[cfg(doc)]
use wsproto::{Config, KeepAlive};
