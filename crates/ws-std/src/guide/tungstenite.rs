//! Migrating from tungstenite.
//!
//! The counterpart of each call of tungstenite 0.30. A server that polls very many non-blocking streams
//! becomes one on `ws-mio`.
//!
//! ```no_run
//! use ws_std::{Message, connect};
//!
//! let mut ws = connect("ws://127.0.0.1:9001/")?;
//! ws.send("Hello")?;
//! while let Some(message) = ws.recv()? {
//!     match message {
//!         Message::Text(text) => println!("{text}"),
//!         Message::Binary(bytes) => println!("{} bytes", bytes.len()),
//!     }
//!     ws.close(None)?;
//! }
//! println!("{:?}", ws.close_info());
//! # Ok::<(), ws_std::Error>(())
//! ```
//!
//! # Opening
//!
//! | tungstenite | here |
//! |---|---|
//! | `connect(url)` | [`connect`]; the response is [`WebSocket::response`] |
//! | `connect_with_config(request, config, max_redirects)` | [`connect_with`], [`ClientOptions::config`], [`ClientOptions::redirects`] (none by default) |
//! | `ClientRequestBuilder::with_header`, `with_sub_protocol` | [`ClientRequest::header`], [`subprotocol`](ClientRequest::subprotocol), [`cookie`](ClientRequest::cookie), [`origin`](ClientRequest::origin) |
//! | `client(request, stream)`, `client_with_config` | [`WebSocket::client`], then [`handshake`](WebSocket::handshake) |
//! | `client_tls_with_config`, `Connector` | [`ClientOptions::tls`] with a [`ClientTls`], also from a `rustls::ClientConfig`; for another TLS implementation, [`Stream::new`] |
//! | `accept(stream)`, `accept_with_config` | [`accept`], [`accept_with`] |
//! | `accept_hdr(stream, callback)` | [`accept_with`]: the callback returns a [`Decision`] |
//! | `HandshakeError::Interrupted`, `MidHandshake::handshake` | `WouldBlock`: call [`handshake`](WebSocket::handshake) again |
//! | `WebSocket::from_raw_socket` | [`wsproto::Connection`], the engine after the handshake |
//! | a loop over `TcpListener::incoming` | [`WebSocketServer::incoming`], or handlers by [`WebSocketServer::run`] |
//! | `handshake::derive_accept_key` | [`wsproto::handshake::accept_key`] |
//!
//! # Messages
//!
//! | tungstenite | here |
//! |---|---|
//! | `read()` | [`recv`](WebSocket::recv); `None` once the connection is closed |
//! | `Message::Text(Utf8Bytes)`, `Message::Binary(Bytes)` | [`Message::Text`] with a `String`, [`Message::Binary`] with a `Vec<u8>` |
//! | `Message::Ping`, `Message::Pong` | no messages: Pings are answered. See [`ping`](WebSocket::ping), [`KeepAlive`](wsproto::KeepAlive), [`round_trip`](WebSocket::round_trip) |
//! | `Message::Close` | no message: [`close_info`](WebSocket::close_info) |
//! | `Message::Frame` | the engine: [`wsproto::Sender`], [`wsproto::frame`] |
//! | `send(message)` | [`send`](WebSocket::send), [`send_text`](WebSocket::send_text), [`send_binary`](WebSocket::send_binary) |
//! | `write(message)`, then `flush()` | [`send`](WebSocket::send) writes at once, or in the background if the peer does not read; [`flush`](WebSocket::flush) waits until everything is written |
//! | cloning `Bytes` for many peers | [`PreparedMessage`](wsproto::PreparedMessage), [`ServerHandle::broadcast`], [`ServerHandle::publish`] |
//! | a `Mutex` around the `WebSocket` | [`handle`](WebSocket::handle) sends and closes from any thread while one thread is in [`recv`](WebSocket::recv) |
//!
//! # Closing
//!
//! | tungstenite | here |
//! |---|---|
//! | `close(frame)` | [`close`](WebSocket::close), or [`terminate`](WebSocket::terminate) with a code and a reason |
//! | reading until `Error::ConnectionClosed` | [`wait_closed`](WebSocket::wait_closed), or [`recv`](WebSocket::recv) until `None` |
//! | `can_read()`, `can_write()` | [`ready_state`](WebSocket::ready_state) |
//!
//! # Limits
//!
//! | tungstenite | here |
//! |---|---|
//! | `max_message_size`, 64 MiB | [`Config::max_message_size`]: 64 MiB; with [`ServerOptions`] 1 MiB |
//! | `max_frame_size`, 16 MiB | [`Config::max_frame_size`]: only that of messages |
//! | `read_buffer_size` | 64 KiB per `WebSocket`; the engine reads from your buffer |
//! | `write_buffer_size`, `max_write_buffer_size` | [`Config::high_water_mark`], 64 KiB: at most that and one message is queued |
//! | `accept_unmasked_frames` | none: they fail the connection (RFC 6455, section 5.1) |
//! | timeouts of the stream | [`Config::handshake_timeout`], [`close_timeout`](Config::close_timeout), [`write_timeout`](Config::write_timeout), [`keep_alive`](Config::keep_alive), [`set_read_patience`](WebSocket::set_read_patience), [`set_write_patience`](WebSocket::set_write_patience) |
//!
//! # Errors
//!
//! | tungstenite | here |
//! |---|---|
//! | `ConnectionClosed` | no error: [`recv`](WebSocket::recv) returns `None` |
//! | `AlreadyClosed` | [`Error::Send`] |
//! | `Protocol`, `Utf8`, `AttackAttempt` | [`Error::Session`], after the Close frame to the peer |
//! | `Capacity` | [`Error::Session`], with the limit and the length |
//! | `WriteBufferFull(message)` | [`Error::WouldExceed`], which holds the message |
//! | `Http(response)` | [`Error::Http`] |
//! | `Url` | [`Error::Url`] |
//! | `Tls` | [`Error::Tls`] |
//! | `Io` | [`Error::Io`], or [`Error::Connect`] with the address |
//!
//! # Other differences
//!
//! * [`recv`](WebSocket::recv) returns an error only after the connection has ended, so the peer has been told.
//! * Pings and a Close are answered while a thread is in `recv` or the connection has a handler. A program that
//!   only sends must call `recv` now and then.
//! * Neither has permessage-deflate.

#[cfg(doc)]
use crate::{
    ClientOptions, ClientTls, Decision, Error, Message, ServerHandle, ServerOptions, Stream,
    WebSocket, WebSocketServer, accept, accept_with, connect, connect_with,
};
#[cfg(doc)]
use wsproto::{Config, handshake::ClientRequest};
