//! Other WebSocket implementations, measured beside ours in the same run.

pub mod broadcast;
pub mod codec;
pub mod handshake;
#[cfg(feature = "deflate")]
pub mod json;
pub mod load;
mod rounds;
pub mod servers;
mod transport;

use std::error::Error;

pub use rounds::Rounds;

/// How it went.
pub type Outcome = Result<(), Box<dyn Error>>;
