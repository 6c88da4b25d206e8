//! Shared code of the example programs: arguments and `--help`, one-line errors, Ctrl-C, the chat that
//! the adapters serve, and the prices that their clients subscribe to.
//!
//! Not published. The examples keep all WebSocket code in their own files; except for [`chat`] and
//! [`prices`], this crate fits any command-line program.

mod arguments;
pub mod chat;
mod failure;
pub mod prices;
mod signals;
mod terminal;
pub mod testing;

pub use arguments::Arguments;
pub use failure::{Failure, cannot_listen, main};
pub use signals::on_ctrl_c;
pub use terminal::{local_time, printable};
