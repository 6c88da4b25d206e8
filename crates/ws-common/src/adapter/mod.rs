//! The logic that every adapter needs, without I/O.
//!
//! * [`Connection`] is one end of a connection behind a lock. Its handles send and close through it, and it
//!   notifies the adapter of changes through a [`Driver`], the adapter's part of it.
//! * [`Link`] is the locked state: an [`Endpoint`](wsproto::Endpoint) and a [`Transport`], with back
//!   pressure. It turns session events into [`Step`]s for an application.
//! * [`Conversation`] calls the handler of a connection: in order, guarded against panics, up to its last
//!   call.
//! * [`Acceptor`] is a server before a connection is open: it admits transports, asks the application,
//!   answers requests and reports errors. Each admitted connection holds a [`Permit`]. With a
//!   [`ProxyHeader`], a proxy names the client before the connection begins.
//! * [`Target`] is a client's request with its options, and follows redirects. [`Dial`] opens a stream: it
//!   tells the adapter when to use the [`Resolver`], which addresses to try, and what to exchange with a
//!   proxy, all within one timeout.
//! * [`ReceivedBytes`] is the reading side of a connection that is used as a stream of bytes.
//! * [`Hosted`] is a connection whose opening handshake a web server carries out.
//! * [`Conversation::turn`] combines these for event loops: reads of a [`Duplex`], their events,
//!   the deadline, bounded writes.
//!
//! An adapter waits, reads and passes on the bytes it has read, writes when the transport accepts bytes, and
//! handles each connection at its deadline. `tests/src/adapters/toy.rs` is a small adapter over an in-memory
//! transport.

#[cfg(test)]
mod tests;

mod acceptor;
mod answering;
mod byte_stream;
mod close_on_cancel;
mod connection;
mod conversation;
mod dial;
mod driver;
mod endpoints;
mod handle;
mod hosted;
mod link;
pub mod logging;
mod outboxes;
pub(crate) mod panics;
mod proxy_header;
mod reconnecting;
mod registry;
mod request;
mod resolver;
mod roster;
mod server;
mod server_handler;
mod socket;
mod target;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "deflate")]
mod tools;
mod traffic;
mod transport;
mod turn;
mod verdict;

pub use crate::cancel::OnCancel;
pub use crate::incoming::TransportInfo;
pub use crate::server_socket::ListenerWaker;
pub use acceptor::{Acceptor, Admission};
pub use byte_stream::{ReceivedBytes, one_message, stream_error};
pub use close_on_cancel::CloseOnCancel;
pub use connection::{Connection, ConnectionState, Held, Lingering, MOST_LINGERING, unknown_end};
pub use conversation::Conversation;
pub use dial::{Dial, DialStep, Route, is_connected};
pub use driver::Driver;
pub use endpoints::{client_endpoint, opened_client_endpoint, server_endpoint};
pub use handle::{ConnectionLink, Outgoing, connection_handle, new_connection_id};
pub use hosted::{Hosted, NotHosted, check_hosted};
pub use link::{Link, Step, Written};
pub use outboxes::{lend_outbox, reclaim_outbox, shed_outbox};
pub use panics::{Panic, run_guarded};
pub use proxy_header::{ProxyHeader, ProxyHeaderError, ProxyHeaderRead};
pub use reconnecting::{Connector, NextAttempt, reconnect};
pub use registry::{Connections, Registry};
pub use request::postpone;
pub use resolver::{Lookup, Resolver};
pub(crate) use roster::Ending;
pub use roster::Permit;
pub use server::{server_handle, spawn_server};
pub use socket::{is_timeout, listen, listen_shared, tune};
pub use target::Target;
pub use traffic::{Traffic, TrafficLease};
pub use transport::Transport;
pub use turn::{Duplex, MOST_EVENTS, READ_SIZE, TurnContext, TurnOutcome, WRITE_MOST};
pub use verdict::{Decided, DynHandler, Undecided, Verdict};
