//! Chores of the example programs: arguments and `--help`, errors in one line, Ctrl-C, and the chat
//! that two adapters serve.
//!
//! Not published. The examples keep everything about WebSocket in their own files; what is here could be
//! in any command-line program, except for [`chat`].

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
