//! `ws listen`, run as a user would.

mod ends;
#[cfg(unix)]
mod exec;
mod files;
mod folder;
mod hostile;
mod modes;
mod server;
