//! `--exec`: a process for each connection. Messages are lines of its standard input, and lines of its standard
//! output are messages.
//!
//! Each process has two threads: one writes its input, the other reads its output and waits for its end. The memory
//! is bounded: a connection is not read while more than 64 KiB wait for a process that does not read, and a
//! process waits in its pipe while the client does not read.

mod args;
mod bridge;
mod command;
mod group;
mod input;
mod output;
mod pipes;
mod process;
mod processes;

pub(super) use self::args::ExecArgs;
pub(super) use self::bridge::Bridge;
pub(super) use self::command::Exec;
pub(super) use self::processes::Processes;
