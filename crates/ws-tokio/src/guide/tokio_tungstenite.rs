//! Coming from tokio-tungstenite. This module contains documentation only.
//!
//! The counterpart of each call of tokio-tungstenite 0.30.
//!
//! ```no_run
//! # async fn example() -> Result<(), ws_tokio::Error> {
//! use ws_tokio::{Message, connect};
//!
//! let mut ws = connect("ws://127.0.0.1:9003/").await?;
//! ws.send("Hello").await?;
//! while let Some(message) = ws.recv().await? {
//!     match message {
//!         Message::Text(text) => println!("{text}"),
//!         Message::Binary(bytes) => println!("{} bytes", bytes.len()),
//!     }
//! }
//! println!("{:?}", ws.close_info());
//! # Ok(())
//! # }
//! ```
//!
//! # Opening
//!
//! | tokio-tungstenite | here |
//! |---|---|
//! | `connect_async(url)` | [`connect`]; the response is [`WebSocket::response`] |
//! | `connect_async_with_config` | [`connect_with`], [`ClientOptions`] |
//! | `connect_async_tls_with_config`, `Connector` | `ClientOptions::tls`, `ClientTls`, also from a `rustls::ClientConfig` |
//! | `client_async(request, stream)` | [`client`] |
//! | `accept_async(stream)` | [`accept`] |
//! | `accept_hdr_async(stream, callback)` | [`server`], which returns the [`Request`]; deciding may take time |
//! | `TcpListener::accept`, then `accept_async` | [`Listener::accept`], then [`Incoming::request`] in a task |
//! | `WebSocketStream::from_raw_socket` | [`wsproto::Connection`], the engine after the handshake |
//! | `WebSocketStream<MaybeTlsStream<TcpStream>>` | [`WebSocket`], for every stream |
//!
//! # Messages
//!
//! | tokio-tungstenite | here |
//! |---|---|
//! | `next().await`, an `Option` of a `Result` | [`recv`], a `Result` of an `Option`; `next` works, too |
//! | `send(message).await`, which writes and flushes | [`send`], which leaves writing to the connection's task |
//! | `feed(message).await`, then `flush().await` | [`send`] |
//! | `flush().await` so that anything is sent | none; [`flush`] waits until everything is written |
//! | `split()`, through a lock | [`into_split`], or the [`Sender`] of [`sender`], which can be cloned |
//! | a channel and a task that sends | [`Sender`], or the handle [`WebSocketConnection`] for any thread |
//! | `Message::Text(Utf8Bytes)`, `Message::Binary(Bytes)` | [`Message::Text`] with a `String`, [`Message::Binary`] with a `Vec<u8>`; with the feature `bytes`, `Bytes::from(message)` and `send_bytes` |
//! | an `AsyncRead + AsyncWrite` on top, as of `ws_stream_tungstenite` | [`into_byte_stream`], a [`ByteStream`] |
//! | `Message::Ping`, `Message::Pong` | none: Pings are answered; [`KeepAlive`] sends them, [`round_trip`] measures |
//! | `Message::Close` | none: [`recv`] returns `None`, see [`close_info`] |
//! | cloning `Bytes` for many peers | [`broadcast`], [`publish`] of [`Listener::handle`] |
//!
//! # Closing
//!
//! | tokio-tungstenite | here |
//! |---|---|
//! | `close(frame).await`, then reading to the end | [`close`], which waits for the end |
//! | dropping the stream, which sends nothing | dropping a [`WebSocket`] sends unsent messages, and a Close with 1001 |
//! | your own graceful shutdown | [`ServerHandle::terminate`], then [`Listener::ended`] |
//!
//! # Limits and time
//!
//! | tokio-tungstenite | here |
//! |---|---|
//! | `max_message_size`, 64 MiB | [`Config::max_message_size`]: 64 MiB; with [`ServerOptions`] 1 MiB |
//! | `read_buffer_size`, 128 KiB for each connection | none while a connection is idle; 64 KiB of the thread while it reads |
//! | `max_write_buffer_size`, then an error | [`Config::high_water_mark`]; [`send`] waits, [`try_send`] returns the message |
//! | `timeout(..., next())` for a peer that is gone | [`Config::keep_alive`] |
//! | `timeout(..., accept_async(stream))` | [`Config::handshake_timeout`], 10 s |
//! | waiting for a Close that never comes | [`Config::close_timeout`] |
//!
//! # Errors
//!
//! | tokio-tungstenite | here |
//! |---|---|
//! | `ConnectionClosed` | not an error: [`recv`] returns `None` |
//! | `AlreadyClosed` | [`Error::Send`] |
//! | `Protocol(ResetWithoutClosingHandshake)` | not an error: `None`, and the code 1006 in [`close_info`] |
//! | other `Protocol`, `Utf8`, `Capacity` | [`Error::Session`], after the Close frame to the peer; in the opening handshake, [`Error::InvalidAnswer`] |
//! | `WriteBufferFull(message)` | [`Error::WouldExceed`], which contains the message |
//! | `Http(response)` | [`Error::Http`] |
//! | `Io` | [`Error::Io`], or [`Error::Connect`] with the address |
//!
//! [`broadcast`]: ServerHandle::broadcast
//! [`close`]: WebSocket::close
//! [`close_info`]: WebSocket::close_info
//! [`flush`]: WebSocket::flush
//! [`into_byte_stream`]: WebSocket::into_byte_stream
//! [`into_split`]: WebSocket::into_split
//! [`publish`]: ServerHandle::publish
//! [`recv`]: WebSocket::recv
//! [`round_trip`]: WebSocket::round_trip
//! [`send`]: WebSocket::send
//! [`sender`]: WebSocket::sender
//! [`try_send`]: WebSocket::try_send

#[cfg(doc)]
use crate::{
    ByteStream, ClientOptions, Error, Incoming, Listener, Message, Request, Sender, ServerHandle,
    ServerOptions, WebSocket, WebSocketConnection, accept, client, connect, connect_with, server,
};
#[cfg(doc)]
use wsproto::{Config, KeepAlive};
