//! The client modes of `ws`, against our own servers and against wrong ones.

mod ends;
mod jsonl;
#[cfg(target_os = "linux")]
mod memory;
mod options;
mod pipe;
mod reconnect;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod streams;
mod support;
#[cfg(unix)]
mod terminal;
