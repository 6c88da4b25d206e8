//! What adapters share, and applications do not use: decisions without I/O.
//!
//! An adapter is only waiting, reading and writing. Whatever two adapters would both have to know stands
//! here once, and is tested without a socket.

mod dial;
mod resolver;
mod target;
#[cfg(feature = "tls")]
pub mod tls;

pub use dial::{Dial, DialStep};
pub use resolver::{Lookup, Resolver};
pub use target::Target;
