//! Shared code of the example programs: arguments and `--help`, one-line errors, Ctrl-C, and the chat
//! that two adapters serve.
//!
//! Not published. The examples keep all WebSocket code in their own files; except for [`chat`], this
//! crate fits any command-line program.

mod arguments;
pub mod chat;
mod failure;
mod signals;
mod terminal;
pub mod testing;

pub use arguments::Arguments;
pub use failure::{Failure, cannot_listen, main};
pub use signals::on_ctrl_c;
pub use terminal::{local_time, printable};
