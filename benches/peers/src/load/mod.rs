//! A server under load: the server on one processor, the load on another.

pub mod broadcast;
mod client;
#[cfg(feature = "deflate")]
pub mod compressed_echo;
#[cfg(feature = "deflate")]
mod compressing;
pub mod echo;
mod in_turn;
pub mod latency;
pub mod memory;
mod options;
mod process;
mod sealed;
pub mod storm;
pub mod tls;

pub use client::Client;
pub use in_turn::in_turn;
pub use options::Options;
pub use process::{Server, processor_time_of_children};
