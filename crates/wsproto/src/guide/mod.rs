//! The guide: chapters for programs that build on the engine. It has no items of its own.
//!
//! * [`embed`]: the engine in an event loop of your own.
//! * [`testing`]: fuzzing and property tests of the code that you build on it.
//!
//! The adapters have chapters, too: `ws_common::guide` on writing an adapter, and `ws_std::guide` on
//! deployment and on coming from tungstenite.

pub mod embed;
pub mod testing;
