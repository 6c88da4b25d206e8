//! A complete WebSocket (RFC 6455) protocol engine without any I/O: *give it bytes, take events,
//! write the bytes in `out`.*
//!
//! It opens no socket, owns no clock and starts no thread. The caller passes in the bytes it has
//! read and the time it has measured; the engine appends the bytes to write to the caller's
//! `Vec<u8>`. So it fits any event loop, any runtime, any test, and any target with an allocator
//! (`no_std`).
//!
//! ```
//! use wsproto::{Config, Connection, Event};
//!
//! let mut ws = Connection::server(Config::default());
//! let mut buffer = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // the bytes read
//! let mut out = Vec::new(); // the bytes to write
//!
//! let mut input = &mut buffer[..];
//! while let Some(event) = ws.next_event(&mut input, &mut out)? {
//!     match event {
//!         Event::Text(text) => ws.send_text(&text, &mut out)?,
//!         Event::Binary(bytes) => ws.send_binary(&bytes, &mut out)?,
//!         // Pings are answered and a Close is echoed before the event is seen.
//!         Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
//!     }
//! }
//! assert_eq!(out, b"\x81\x05Hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Four layers
//!
//! Each layer uses only those above it, and can be used without those below.
//!
//! * **Parts**, pure functions of their input: [`frame`] headers, [`mask`]ing, incremental
//!   [`utf8`], [`close`] codes, the [`closing`] table, [`url`]s, and the [`handshake`].
//! * [`Connection`], RFC 6455 after the opening handshake: bytes in, events out, replies appended.
//!   It [`split`](Connection::split)s into a [`Receiver`] and a [`Sender`] for two threads.
//! * [`Session`], a connection from first byte to last: opening handshake, open, closing, closed.
//!   Bytes and time in; ordered events, deadlines and advice on the transport out.
//! * [`Endpoint`], a session with its output. It answers an event loop's four questions: may I
//!   read, must I write, may I drop the transport, when must I call again? Start here to embed the
//!   engine in an event loop, or to write an adapter.
//!
//! The [guide] has a chapter on [the engine in your loop](guide::embed), and one on
//! [testing code built on it](guide::testing).
//!
//! # Promises
//!
//! They hold for every input, every order of calls and both roles. Tests cite them by number.
//!
//! * **I1** `None` means that all of `input` was consumed; only
//!   [`next_event_in_place`](Connection::next_event_in_place) may leave part of a frame there.
//! * **I2** However the same bytes are cut, events, output and error are the same.
//! * **I3** After the opening handshake, in which a server appends one response, the bytes that
//!   receiving appends are bounded by the bytes consumed: a server appends at most as many, a
//!   client at most three times as many, and either at most one Close. Replies cannot amplify, so a
//!   server that stops reading while many of its replies are unwritten needs no other back
//!   pressure.
//! * **I4** Nothing is reserved because a header announced it. The heap held for a message in
//!   flight is at most a small constant (1 KiB, plus a control frame) plus twice the bytes received
//!   for it, and never beyond the limit. (While it grows, an allocator that has to move it also
//!   holds the old half.) Limits are inclusive, count bytes, and are enforced at the first byte
//!   that decides them. Of a compressed message, its compressed bytes are counted until it is
//!   complete, and are at most `limit + limit / 1024 + 64`; then it inflates to at most the limit.
//! * **I5** No heap while no message is in flight. A `Connection<Server>` is 64 bytes. (With the
//!   feature `deflate`, 80; a connection that compresses also holds the agreed parameters, and the
//!   windows that takeover needs: at most of the agreed size, and no more than was sent or received.)
//! * **I6** An error is final: the Close that reports it is already in `out`, nothing is parsed
//!   afterwards, and every later call returns the same error.
//! * **I7** No input and no order of calls can panic.
//! * **I8** Deterministic: the same seed, calls and times, and the same lending, give the same
//!   bytes.
//! * **I9** Linear: work is proportional to the bytes, even when they arrive one at a time, and to
//!   those that compressed ones inflate to.
//! * **I10** At most one Close is ever sent, and nothing after it; nothing is delivered after the
//!   peer's Close; [`Closed`](SessionEvent::Closed) is reported exactly once, last, on every path.
//! * **I11** Everything the types allow to be sent is legal. An illegal call returns `Err` before
//!   anything is appended; it never panics and never truncates silently.
//!
//! # Refused input
//!
//! Everything the RFC forbids, as soon as a byte decides it: reserved bits and opcodes, wrong
//! masking, lengths not in their shortest form, text that can no longer become UTF-8, close codes
//! that may not be sent. [`Error`] has one variant for each rule;
//! [`RequestError`](handshake::RequestError) and [`ResponseError`](handshake::ResponseError) cover
//! the rules of the handshake.
//!
//! # Randomness
//!
//! A client masks every frame with a fresh key from a cryptographically secure generator. The
//! caller seeds it once per connection from the operating system; see [`Client::from_seed`].
//!
//! # Compression
//!
//! The feature `deflate` negotiates permessage-deflate (RFC 7692) if `Config::deflate` is set, and
//! then compresses messages that become shorter. It needs `std`, as its backend `zlib-rs` does. A
//! connection keeps only its windows; a loop lends the codec states
//! (`Connection::lend_tools`).
//!
//! # Testing code built on the engine
//!
//! The crate `wsproto-testing` has strategies for `proptest`, a client and a server joined under a
//! virtual clock, and a naive reference model.
//!
//! # Speed
//!
//! The feature `simd` masks with the widest registers the processor has, and validates text with
//! `simdutf8`. It needs `std` to detect processor features, and is therefore off by default; turn
//! it on wherever `std` is available.
//!
//! With the feature `bytes`, a server sends `bytes::Bytes` of at least 16 KiB without copying them.
//!
//! Most messages cut by reads need not be reassembled by copying: a loop with a buffer for each
//! connection calls [`next_event_in_place`](Connection::next_event_in_place). Large binary messages
//! are read straight into their own memory with [`read_payload`](Connection::read_payload).
#![no_std]
#![forbid(unsafe_code)]
#![warn(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::alloc_instead_of_core
)]

extern crate alloc;
#[cfg(any(test, feature = "deflate"))]
extern crate std;

#[macro_use]
mod setters;

pub mod close;
pub mod closing;
mod config;
mod connection;
mod control;
mod copy;
mod cursor;
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(not(feature = "deflate"))]
#[path = "deflate/absent.rs"]
mod deflate;
mod endpoint;
mod error;
mod event;
mod extensions;
pub mod frame;
pub mod guide;
pub mod handshake;
pub mod mask;
mod message;
mod output;
mod prepared;
mod receive;
mod redacted;
mod role;
mod send;
mod session;
mod split;
pub mod url;
pub mod utf8;
mod violation;

pub use close::{CloseCode, CloseError, CloseFrame};
pub use closing::{Advice, CloseInfo, Closing, Initiator};
pub use config::{Config, KeepAlive};
pub use connection::Connection;
#[cfg(feature = "deflate")]
pub use deflate::{Compress, Deflate, DeflateTools, UnknownDeflate, WindowBits};
pub use endpoint::{Endpoint, Outbox, OutputCounts};
pub use error::{Error, SendError};
pub use event::{Event, MessageRef, Piece};
pub use extensions::Extensions;
pub use prepared::PreparedMessage;
pub use receive::Receiver;
pub use role::{Client, Role, Server};
pub use send::Sender;
pub use session::{ReadyState, Session, SessionError, SessionEvent};
pub use split::SplitSender;
pub use violation::Violation;
