//! Migrating from tungstenite.
//!
//! The counterpart of each call of tungstenite 0.30. For a server that polls very many non-blocking streams,
//! use `ws-mio`.
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
//! | `connect_with_config` | [`connect_with`], [`ClientOptions::config`] |
//! | its `max_redirects` | [`ClientOptions::redirects`], 0 by default |
//! | `ClientRequestBuilder::with_header` | [`ClientRequest::header`], [`cookie`], [`origin`] |
//! | `ClientRequestBuilder::with_sub_protocol` | [`ClientRequest::subprotocol`] |
//! | `client(request, stream)`, `client_with_config` | [`WebSocket::client`], then [`handshake`] |
//! | `client_tls_with_config` | [`ClientOptions::tls`] |
//! | `Connector` | [`ClientTls`], also from a `rustls::ClientConfig` |
//! | another TLS implementation | [`Stream::new`] |
//! | `accept(stream)`, `accept_with_config` | [`accept`], [`accept_with`] |
//! | `accept_hdr(stream, callback)` | [`accept_with`]: the callback returns a [`Decision`] |
//! | `HandshakeError::Interrupted`, `MidHandshake::handshake` | `WouldBlock`: call [`handshake`] again |
//! | `WebSocket::from_raw_socket` | [`wsproto::Connection`], the engine after the handshake |
//! | `TcpListener::incoming` | [`WebSocketServer::incoming`], or handlers with [`WebSocketServer::run`] |
//! | `handshake::derive_accept_key` | [`wsproto::handshake::accept_key`] |
//!
//! # Messages
//!
//! | tungstenite | here |
//! |---|---|
//! | `read()` | [`recv`]; `None` once the connection is closed |
//! | `Message::Text(Utf8Bytes)` | [`Message::Text`] with a `String` |
//! | `Message::Binary(Bytes)` | [`Message::Binary`] with a `Vec<u8>` |
//! | `Message::Ping`, `Message::Pong` | none: Pings are answered; [`ping`], [`KeepAlive`], [`round_trip`] |
//! | `Message::Close` | none: see [`close_info`] |
//! | `Message::Frame` | the engine: [`wsproto::Sender`], [`wsproto::frame`] |
//! | `send(message)` | [`send`], [`send_text`], [`send_binary`] |
//! | `write(message)` | [`send`]: bytes that the socket does not accept follow in the background |
//! | `flush()` | [`flush`] waits until everything is written |
//! | cloning `Bytes` for many peers | [`PreparedMessage`], [`broadcast`], [`publish`] |
//! | a `Mutex` around the `WebSocket` | [`handle`] sends and closes from any thread while one receives |
//!
//! # Closing
//!
//! | tungstenite | here |
//! |---|---|
//! | `close(frame)` | [`close`], or [`terminate`] with a code and a reason |
//! | reading until `Error::ConnectionClosed` | [`wait_closed`], or [`recv`] until `None` |
//! | `can_read()`, `can_write()` | [`ready_state`] |
//!
//! # Limits
//!
//! | tungstenite | here |
//! |---|---|
//! | `max_message_size`, 64 MiB | [`Config::max_message_size`]: 64 MiB; with [`ServerOptions`] 1 MiB |
//! | `max_frame_size`, 16 MiB | [`Config::max_frame_size`]: by default only the limit of messages |
//! | `read_buffer_size` | none; up to 64 KiB while a connection holds input, over TLS always |
//! | `write_buffer_size`, `max_write_buffer_size` | [`Config::high_water_mark`], 64 KiB plus one message |
//! | `accept_unmasked_frames` | none: they fail the connection (RFC 6455, section 5.1) |
//! | timeouts of the stream | [`set_recv_timeout`], [`set_send_timeout`] |
//! | no timeouts of its own | [`handshake_timeout`], [`close_timeout`], [`write_timeout`], [`keep_alive`] |
//!
//! # Errors
//!
//! | tungstenite | here |
//! |---|---|
//! | `ConnectionClosed` | not an error: [`recv`] returns `None` |
//! | `AlreadyClosed` | [`Error::Send`] |
//! | `Protocol`, `Utf8`, `AttackAttempt` | [`Error::Session`], after the Close frame to the peer; in the opening handshake, [`Error::InvalidAnswer`] |
//! | `Capacity` | [`Error::Session`], with the limit and the length |
//! | `WriteBufferFull(message)` | [`Error::WouldExceed`], which contains the message |
//! | `Http(response)` | [`Error::Http`] |
//! | `Url` | [`Error::Url`] |
//! | `Tls` | [`Error::Tls`] |
//! | `Io` | [`Error::Io`], or [`Error::Connect`] with the address |
//!
//! # Other differences
//!
//! * [`recv`] returns an error only after the connection has ended and the peer has been told.
//! * Pings and a Close are answered while a thread is in [`recv`] or the connection has a handler. A program
//!   that only sends must call [`recv`] now and then.
//! * permessage-deflate is the feature `deflate`, and the option of the same name; it is off by default.
//!
//! [`broadcast`]: ServerHandle::broadcast
//! [`close`]: WebSocket::close
//! [`close_info`]: WebSocket::close_info
//! [`close_timeout`]: Config::close_timeout
//! [`cookie`]: ClientRequest::cookie
//! [`flush`]: WebSocket::flush
//! [`handle`]: WebSocket::handle
//! [`handshake`]: WebSocket::handshake
//! [`handshake_timeout`]: Config::handshake_timeout
//! [`keep_alive`]: Config::keep_alive
//! [`origin`]: ClientRequest::origin
//! [`ping`]: WebSocket::ping
//! [`publish`]: ServerHandle::publish
//! [`ready_state`]: WebSocket::ready_state
//! [`recv`]: WebSocket::recv
//! [`round_trip`]: WebSocket::round_trip
//! [`send`]: WebSocket::send
//! [`send_binary`]: WebSocket::send_binary
//! [`send_text`]: WebSocket::send_text
//! [`set_recv_timeout`]: WebSocket::set_recv_timeout
//! [`set_send_timeout`]: WebSocket::set_send_timeout
//! [`terminate`]: WebSocket::terminate
//! [`wait_closed`]: WebSocket::wait_closed
//! [`write_timeout`]: Config::write_timeout

#[cfg(doc)]
use crate::{
    ClientOptions, ClientTls, Decision, Error, Message, ServerHandle, ServerOptions, Stream,
    WebSocket, WebSocketServer, accept, accept_with, connect, connect_with,
};
#[cfg(doc)]
use wsproto::{Config, KeepAlive, PreparedMessage, handshake::ClientRequest};
