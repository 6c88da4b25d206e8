//! Guide to building on the engine. This module contains documentation only.
//!
//! * [`embed`]: embedding the engine in an event loop.
//! * [`testing`]: fuzzing and property-testing code built on the engine.
//!
//! The adapters have guides, too: `ws_common::guide` on writing an adapter, and `ws_std::guide` on
//! deployment and on migrating from tungstenite.

pub mod embed;
pub mod testing;
