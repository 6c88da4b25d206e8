//! For adapters: everything that two of them would otherwise decide twice, without I/O.
//!
//! * [`Connection`] is one end of a connection behind a lock, and the handle's side of it: it sends, closes,
//!   and has the adapter told that there is something to do. The adapter's part of it is a [`Driver`].
//! * [`Link`] is what the lock guards: an [`Endpoint`](wsproto::Endpoint) with the writing side of a
//!   [`Transport`], back pressure, and session events as [`Step`]s for an application.
//! * [`Conversation`] calls the handler of a connection: in order, guarded against panics, to the last call.
//! * [`Acceptor`] is a server before a connection is open: it admits, asks the application, answers and
//!   reports. A [`Permit`] is the place of one connection among those that the server allows.
//! * [`Target`] is what a client wants to be connected to, where redirects lead, and a [`Dial`] the way to an
//!   open stream: names, by the [`Resolver`], addresses, a proxy, and the time for all of it.
//! * [`Conversation::turn`] is all of this in order, once, for event loops: one read of a [`Duplex`], all its
//!   events, one write.
//!
//! An adapter waits, reads and passes on what it has read, writes when there is room, and looks at the
//! connection at its deadline. `tests/src/adapters/toy.rs` is one over an in-memory transport.

#[cfg(test)]
mod tests;

mod acceptor;
mod connection;
mod conversation;
mod dial;
mod handle;
mod link;
mod peer;
mod registry;
mod resolver;
mod roster;
mod socket;
mod target;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;
mod turn;

pub use acceptor::{Acceptor, Admission, client_endpoint, server_endpoint};
pub use connection::{Connection, Driver, Held, Inner};
pub use conversation::{Conversation, Panic, Part, answer};
pub use dial::{Dial, DialStep};
pub use handle::{ConnectionLink, Outgoing};
pub use link::{Link, Step, Written};
pub use registry::{Connections, Registry};
pub use resolver::{Lookup, Resolver};
pub(crate) use roster::Ending;
pub use roster::Permit;
pub use socket::{listen, tune};
pub use target::Target;
pub use transport::Transport;
pub use turn::{Duplex, TurnContext, TurnOutcome};

pub use crate::decision::{Decided, Undecided, Verdict};
