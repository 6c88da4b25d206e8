//! Building blocks for tests of [`wsproto`], and of code built on it.
//!
//! * **Input**: [`Frame`]s encoded and parsed by hand, not by the code under test; `proptest`
//!   strategies for a peer's bytes, valid or not ([`part`], [`wire`]), for an application's
//!   messages ([`ask`], [`close_frame`]), for ways of cutting bytes ([`cuts`]), and for whole
//!   scripts of calls ([`script`]).
//! * **Drivers**: [`Life`], a [`Session`](wsproto::Session) and its reports, whose order is
//!   checked; [`Pair`], a client and a server joined by a transport that cuts bytes anywhere, under
//!   a clock that runs only when nothing else happens; [`Net`], two endpoints joined by a transport
//!   of bounded capacity. Both take a request, a server's answer to it, and the applications.
//! * **Fuzzing**: the same calls, scripts and cuts, of a fuzzer's bytes (`source`, feature `arbitrary`).
//! * **An oracle**: [`model`], a naive receiver that works byte by byte.
//!
//! Everything is deterministic (promise I8) and panics if a promise is broken, so it serves unit
//! tests, property tests and fuzzers alike.
//!
//! ```
//! use proptest::collection::vec;
//! use proptest::prelude::*;
//! use wsproto_testing::{Pair, ask, cuts};
//! use wsproto::{CloseCode, Config, Event, ReadyState};
//!
//! # fn main() {
//! proptest!(|(asks in vec(ask(), 0..5), cuts in cuts())| {
//!     let mut pair = Pair::new(&Config::default(), cuts);
//!     pair.run(|pair| pair.client.life.session.ready_state() == ReadyState::Open);
//!     let mut expected = Vec::new();
//!     for ask in &asks {
//!         expected.extend(pair.client.life.ask(ask));
//!     }
//!     pair.client.life.close(None).expect("open");
//!     expected.push(Event::Close(None));
//!
//!     let (client, server) = pair.run_to_the_end();
//!     prop_assert_eq!(server.received(), expected);
//!     prop_assert_eq!(server.ended().code, CloseCode::NO_STATUS);
//!     prop_assert!(client.ended().was_clean);
//! });
//! # }
//! ```
//!
//! The crate belongs in `dev-dependencies`; it needs `std`, because `proptest` does.
//! [`wsproto::guide::testing`] shows how to use it.

mod ask;
mod call;
mod cuts;
mod end;
mod frame;
mod life;
pub mod model;
mod net;
mod node;
mod order;
mod pair;
mod part;
mod pipe;
mod script;
#[cfg(feature = "arbitrary")]
pub mod source;

pub use ask::{Ask, ask, close_frame};
pub use call::{Call, call};
pub use cuts::{Cuts, cuts};
pub use end::{Answer, End, Side};
pub use frame::{Frame, closes, header, xor};
pub use life::{Life, Seen};
pub use net::Net;
pub use node::{App, AppDeadline, Node};
pub use order::assert_order;
pub use pair::{Half, Pair};
pub use part::{Part, bytes, limits, part, wire};
pub use pipe::Pipe;
pub use script::{Act, Step, script};

/// A seed for tests. Anything else must use a fresh, secret one.
pub const SEED: [u8; 32] = [7; 32];

/// The masking key of frames written by tests.
pub const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// The request that tests send to a server, with the key of RFC 6455.
pub const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
