//! A complete WebSocket (RFC 6455) protocol engine without any I/O: *give it bytes, take events,
//! write out what is in `out`.*
//!
//! It opens no socket, owns no clock and starts no thread. It takes bytes that somebody read and the
//! time that somebody measured, and appends what has to be written to a `Vec<u8>` of the caller's.
//! So it fits any event loop, any runtime, any test, and any place that has an allocator (`no_std`).
//!
//! ```
//! use wsproto::{Config, Connection, Event};
//!
//! let mut ws = Connection::server(Config::default());
//! let mut buffer = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; // what was read
//! let mut out = Vec::new(); // what is to be written
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
//! Each uses only those above it, and can be used without those below.
//!
//! * **Parts**, pure functions of their input: [`frame`] headers, [`mask`]ing, [`utf8`] in parts,
//!   [`close`] codes, the [`closing`] table, [`url`]s, and the [`handshake`].
//! * [`Connection`], RFC 6455 after the opening handshake: bytes in, events out, replies appended.
//!   It [`split`](Connection::split)s into a [`Receiver`] and a [`Sender`] that two threads can own.
//! * [`Session`], a whole life: opening handshake, open, closing, closed. Bytes and time in, ordered
//!   events out, deadlines and advice on the transport as answers.
//! * [`Endpoint`], a session with its output: may I read, must I write, may I let go, when again?
//!   Begin here if you have an event loop, or write an adapter.
//!
//! The [guide] has a chapter on [the engine in your loop](guide::embed), and one on
//! [tests of what you build on it](guide::testing).
//!
//! # Promises
//!
//! They hold for every input, every order of calls and both roles. Tests cite their numbers.
//!
//! * **I1** `None` means that all of `input` was consumed; only
//!   [`next_event_in_place`](Connection::next_event_in_place) may leave a part of a frame there.
//! * **I2** However the same bytes are cut, events, output and error are the same.
//! * **I3** After the opening handshake, in which a server appends one response, what receiving appends
//!   is bounded by the bytes it has consumed: a server appends at most as many, a client three times as
//!   many, and either one Close. Answering cannot amplify, so a server that does not read while much of
//!   what it owes is unwritten needs no other back pressure.
//! * **I4** Nothing is reserved because a header announced it. The heap held for a message in flight
//!   is at most a small constant (1 KiB, and a control frame) plus twice the bytes received for it, and
//!   never beyond the limit.
//!   (While it grows, an allocator that has to move it holds the old half as well.)
//!   Limits are inclusive, count bytes, and are decided at the first byte that can decide them.
//! * **I5** No heap while no message is in flight. A `Connection<Server>` is 64 bytes.
//! * **I6** An error is final: the Close that says so is already in `out`, nothing is parsed
//!   afterwards, and every later call says the same.
//! * **I7** No input and no order of calls can panic.
//! * **I8** Deterministic: the same seed, calls and times give the same bytes.
//! * **I9** Linear: the work grows with the bytes, also when they come one at a time.
//! * **I10** At most one Close is ever sent, and nothing after it; nothing is delivered after the
//!   peer's Close; [`Closed`](SessionEvent::Closed) is reported exactly once, last, on every path.
//! * **I11** What the types let you send is legal. A call that is not is an `Err` before anything is
//!   appended, never a panic, never cut short in silence.
//!
//! # What it refuses
//!
//! Everything the RFC forbids, as soon as a byte decides it: reserved bits and opcodes, frames with
//! the wrong masking, lengths not in their shortest form, text that cannot become UTF-8 any more,
//! close codes that may not be sent. [`Error`] has one variant for each rule,
//! [`RequestError`](handshake::RequestError) and [`ResponseError`](handshake::ResponseError) those
//! of the handshake.
//!
//! # Randomness
//!
//! A client masks every frame with a fresh key from a cryptographically secure generator, which the
//! caller seeds once per connection from the operating system; see [`Client::from_seed`].
//!
//! # Tests of what you build on it
//!
//! The crate `wsproto-testing` has strategies for `proptest`, a client and a server joined under a
//! virtual clock, and a naive model to compare with.
//!
//! # Speed
//!
//! The feature `simd` masks with the widest registers of the processor at hand, and validates text
//! with `simdutf8`. It needs `std`, which finds out what the processor can do, and is therefore off by
//! default; turn it on wherever there is `std`.
//!
//! Most messages that reads have cut need not be copied together: a loop with a buffer for each
//! connection calls [`next_event_in_place`](Connection::next_event_in_place).
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
#[cfg(test)]
extern crate std;

pub mod close;
pub mod closing;
mod config;
mod connection;
mod control;
mod cursor;
mod endpoint;
mod error;
mod event;
mod extensions;
pub mod frame;
pub mod guide;
pub mod handshake;
pub mod mask;
mod message;
mod outbox;
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
pub use endpoint::{Endpoint, Outbox};
pub use error::{Error, SendError};
pub use event::{Event, Piece};
pub use extensions::Extensions;
pub use prepared::PreparedMessage;
pub use receive::Receiver;
pub use role::{Client, Role, Server};
pub use send::Sender;
pub use session::{ReadyState, Session, SessionError, SessionEvent};
pub use split::SplitSender;
pub use violation::Violation;
