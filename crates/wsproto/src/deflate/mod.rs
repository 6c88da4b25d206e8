//! permessage-deflate (RFC 7692): its configuration, the windows that connections keep, and the
//! tools that loops lend them.

mod config;
mod deflater;
mod inflater;
mod receiving;
mod ring;
mod sending;
mod stream;
mod tools;
mod window;

pub use config::{Compress, Deflate, UnknownDeflate};
pub use tools::DeflateTools;
pub use window::WindowBits;

pub(crate) use receiving::{RSV1, Receiving};
pub(crate) use sending::Sending;
pub(crate) use stream::AT_ONCE;

/// The end of every sync flush: a message leaves without it, and its receiver appends it (sections
/// 7.2.1 and 7.2.2).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];
