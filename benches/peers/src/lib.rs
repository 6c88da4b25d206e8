//! Other WebSocket implementations, measured beside ours in the same run.

pub mod codec;
pub mod load;
pub mod servers;
