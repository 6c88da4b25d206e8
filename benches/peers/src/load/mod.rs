//! A server under load: the server on one processor, the load on another.

pub mod broadcast;
mod client;
#[cfg(feature = "deflate")]
pub mod compressed_echo;
#[cfg(feature = "deflate")]
mod compressing;
pub mod echo;
pub mod latency;
pub mod memory;
mod options;
mod process;
pub mod storm;

pub use client::Client;
pub use options::Options;
pub use process::Server;
