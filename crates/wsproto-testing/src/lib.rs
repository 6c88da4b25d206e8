//! The parts of tests of a WebSocket engine, for programs that build on [`wsproto`].
//!
//! * **Input**: [`Frame`]s written and read by hand, not by the code under test; strategies of
//!   `proptest` for what a peer sends, right or wrong ([`part`], [`wire`]), for what an application
//!   sends ([`ask`], [`close_frame`]), for the ways of cutting bytes ([`cuts`]), and for whole
//!   scripts of calls ([`script`]).
//! * **Drivers**: [`Life`], a [`Session`](wsproto::Session) and everything it reported, in an order
//!   that is checked; [`Pair`], a client and a server joined by a transport that cuts bytes
//!   anywhere, under a clock that only runs when nothing else happens.
//! * **An oracle**: [`model`], a naive receiver that walks byte by byte.
//!
//! All of it is deterministic (promise I8) and panics where a promise is broken, so that it serves
//! unit tests, properties and fuzzers alike.
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
//! The crate belongs into `dev-dependencies`. [`wsproto::guide::testing`] shows how to use it.

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

pub use ask::{Ask, ask, close_frame};
pub use call::{Call, call};
pub use cuts::{Cuts, cuts};
pub use end::{End, Side};
pub use frame::{Frame, closes, header, xor};
pub use life::{Life, Seen};
pub use net::Net;
pub use node::{App, Node};
pub use order::assert_order;
pub use pair::{Half, Pair};
pub use part::{Part, bytes, limits, part, wire};
pub use pipe::Pipe;
pub use script::{Act, Step, script};

/// A seed for tests. Nothing else may use one that is known.
pub const SEED: [u8; 32] = [7; 32];

/// The masking key of the frames that tests write.
pub const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// The request that tests send to a server by hand, with the key of RFC 6455.
pub const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
