//! docs come last
#![no_std]
#![forbid(unsafe_code)]
#![warn(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::alloc_instead_of_core
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod close;
pub mod closing;
mod config;
mod connection;
mod error;
mod event;
mod extensions;
pub mod frame;
pub mod handshake;
pub mod mask;
mod message;
mod prepared;
mod receive;
mod role;
mod send;
mod session;
pub mod url;
pub mod utf8;

pub use close::{CloseCode, CloseError, CloseFrame};
pub use closing::{CloseInfo, Closing, Initiator, Transport};
pub use config::{Config, KeepAlive};
pub use connection::Connection;
pub use error::{Error, SendError};
pub use event::{Event, Piece};
pub use extensions::Extensions;
pub use prepared::PreparedMessage;
pub use receive::Receiver;
pub use role::{Client, Role, Server};
pub use send::Sender;
pub use session::{ReadyState, Session, SessionError, SessionEvent};
