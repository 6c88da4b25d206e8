//! The guide: how to write an adapter. It has no items of its own.
//!
//! *An adapter is only waiting, reading and writing.* Everything that two adapters would otherwise decide twice is
//! in [`adapter`](crate::adapter), without I/O: [`Connection`] is one end behind a lock, [`Link`] the endpoint
//! and the writing side of its transport, [`Conversation`] the calls of a handler, [`Acceptor`] a server before a
//! connection is open, and [`Dial`] a client's way to an open stream.
//!
//! The chapter [`wsproto::guide::embed`] explains the endpoint below all this. A loop that calls no handlers and
//! hands out no handles needs nothing but that.
//!
//! # A server's connection
//!
//! The adapter brings two types. A [`Duplex`] reads and writes without waiting. A [`Driver`] tells the time, and
//! has the loop look at a connection that another thread, or a handler, has changed. [`Conversation::turn`] is
//! the rest: one read, all its events, the deadline, one write.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::io::{self, ErrorKind, Read};
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use std::sync::{Arc, Mutex};
//! use std::time::{Duration, Instant};
//! use ws_common::adapter::{
//!     Acceptor, Connection, Connections, Driver, Duplex, Held, Link, Transport, TurnContext,
//! };
//! use ws_common::wsproto::Server;
//! use ws_common::{Decision, Message, ServerHandle, ServerOptions, WebSocketConnection};
//!
//! /// A non-blocking stream; this one is in memory.
//! #[derive(Clone, Default)]
//! struct Stream {
//!     input: Arc<Mutex<VecDeque<u8>>>,
//!     output: Arc<Mutex<Vec<u8>>>,
//!     peer_has_ended: Arc<AtomicBool>,
//! }
//!
//! impl Transport for Stream {
//!     fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
//!         self.output.lock().unwrap().extend_from_slice(bytes);
//!         Ok(bytes.len())
//!     }
//!
//!     fn is_blocked(&self) -> bool {
//!         false
//!     }
//!
//!     fn shutdown(&mut self) {}
//! }
//!
//! impl Duplex for Stream {
//!     fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
//!         match self.input.lock().unwrap().read(buffer)? {
//!             0 if !self.peer_has_ended.load(Ordering::SeqCst) => Err(ErrorKind::WouldBlock.into()),
//!             read => Ok(read),
//!         }
//!     }
//!
//!     fn is_readable(&self) -> bool {
//!         !self.input.lock().unwrap().is_empty() || self.peer_has_ended.load(Ordering::SeqCst)
//!     }
//! }
//!
//! struct Origin {
//!     acceptor: Arc<Acceptor>,
//!     start: Instant,
//!     changed: Arc<AtomicBool>,
//! }
//!
//! impl Driver<Server> for Origin {
//!     type Transport = Stream;
//!
//!     fn now(&self) -> Duration {
//!         self.start.elapsed()
//!     }
//!
//!     fn changed(&self, mut held: Held<'_, Server, Self>) {
//!         // `None` if the loop looks at it anyway.
//!         if held.begin_notice().is_some() {
//!             self.changed.store(true, Ordering::SeqCst); // and wake the loop
//!         }
//!     }
//!
//!     fn acceptor(&self) -> Option<&Acceptor> {
//!         Some(&self.acceptor)
//!     }
//! }
//!
//! // A server that echoes, and a client that says "Hi" and closes.
//! let options = ServerOptions::new().or_max_connections(1000);
//! let server = ServerHandle::new(options, None, Connections::default(), || {});
//! let acceptor = Arc::new(Acceptor::new(server, |_: &_, _: &_| {
//!     Decision::accept(|ws: &WebSocketConnection, message: Message| {
//!         let _ = ws.send(message); // a peer that is gone meanwhile gets no echo
//!     })
//! }));
//! let stream = Stream::default();
//! stream.input.lock().unwrap().extend(
//!     b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//!       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
//!       \x81\x82\0\0\0\0Hi\x88\x80\0\0\0\0",
//! );
//!
//! // The loop accepts the stream, and gives the connection its turns.
//! let mut context = TurnContext::new(Duration::ZERO);
//! let (endpoint, mut conversation) = acceptor.accept(context.now).expect("there is room");
//! let (start, changed) = (Instant::now(), Arc::default());
//! let origin = Origin { acceptor, start, changed };
//! let connection = Arc::new(Connection::new(origin, Link::new(endpoint, stream.clone()), None));
//! connection.lock().settle(0); // where the loop finds it
//!
//! context.now = start.elapsed();
//! let outcome = conversation.turn(&connection, &mut context);
//! assert!(stream.output.lock().unwrap().ends_with(b"\x81\x02Hi\x88\x00"));
//! assert!(connection.lock().is_over() && !outcome.gone); // its transport lingers
//! assert!(outcome.deadline.is_some());
//!
//! stream.peer_has_ended.store(true, Ordering::SeqCst);
//! assert!(conversation.turn(&connection, &mut context).gone);
//! ```
//!
//! # When a connection has a turn
//!
//! * when it was begun;
//! * when its transport is ready;
//! * when its driver was told that it has changed;
//! * at the deadline that the last [`TurnOutcome`] names;
//! * again without waiting, after others have had theirs, if that outcome asks for
//!   [`more`](TurnOutcome::more).
//!
//! One turn too many does no harm. A connection belongs in a work list once: [`queue`](Inner::queue) and
//! [`unqueue`](Inner::unqueue) keep account of that. When the outcome is [`gone`](TurnOutcome::gone), drop it.
//!
//! An adapter that blocks has no turns. It calls [`Conversation::react`] with the bytes of a read, and
//! [`Link::write`] when there is something to write; `ws-std` does so.
//!
//! # A server
//!
//! [`Acceptor::accept`] decides about each transport that was accepted: it is carried, or it is refused by an
//! endpoint that is carried in the same way, or it is dropped. Its place among the connections that are allowed is a
//! [`Permit`], which frees itself. Call [`opened`](Acceptor::opened) before anything is accepted, [`join`](Acceptor::join) for each
//! listener, and [`leave`](Acceptor::leave) when it has no more connections. If accepting fails for want of
//! descriptors, call [`report_pause`](Acceptor::report_pause) once and accept nothing for [`Acceptor::PAUSE`].
//! When [`ServerHandle::is_ending`] says so, close the listener; at [`ServerHandle::deadline`], abort the connections that are left.
//! [`Decision::later`] needs nothing from an adapter: the driver is told when the decision is made.
//!
//! # A client
//!
//! A [`Target`] is the request with its options. A [`Dial`] says step by step what to do until the stream is open:
//!
//! | step | the adapter |
//! |---|---|
//! | [`Resolve`](DialStep::Resolve) | asks the shared [`Resolver`], and tells [`resolved`](Dial::resolved) |
//! | [`Connect`](DialStep::Connect) | begins an attempt beside those that run, and tells [`connected`](Dial::connected) or [`failed`](Dial::failed) |
//! | [`Tunnel`](DialStep::Tunnel) | writes [`pending`](Dial::pending), reads once, and tells [`received`](Dial::received) |
//! | [`Wait`](DialStep::Wait) | waits for any of these, or for the [`deadline`](Dial::deadline) |
//! | [`Ready`](DialStep::Ready) | begins TLS, if the URL asks for it, and the endpoint |
//!
//! A response that redirects is passed to [`Target::redirect`], as soon as its head has arrived; then dial anew.
//!
//! # Rules
//!
//! * The lock of a connection is not held while a handler is called, while anything is waited for, or while a
//!   transport is dropped.
//! * Everything inside a turn is counted: one read, [`on_drained`](crate::ConnectionHandler::on_drained) once, a
//!   bounded write. A peer that floods costs others one turn at a time.
//! * An adapter that blocks never waits for a peer beyond the deadline of the endpoint.
//! * A connection that is over counts for nothing, though its transport lingers. Bound how many linger:
//!   [`hasten`](Inner::hasten).
//! * An adapter holds no protocol decision. If it needs an `if` about opcodes, masks or close codes, the engine lacks
//!   something.
//!
//! # Proof
//!
//! Implement the trait `Adapter` of `tests/src/adapters`, and run the scenarios, the faults and the floods of
//! `tests/tests` with it: each runs every handler on every pair of adapters. `OBJECTS.md` lists what applications
//! expect. The toy adapter beside that trait, over a network in memory, is the smallest whole one.
//!
//! [`Decision::later`]: crate::Decision::later
//! [`ServerHandle::deadline`]: crate::ServerHandle::deadline
//! [`ServerHandle::is_ending`]: crate::ServerHandle::is_ending

#[cfg(doc)]
use crate::adapter::{
    Acceptor, Connection, Conversation, Dial, DialStep, Driver, Duplex, Inner, Link, Permit,
    Resolver, Target, TurnOutcome,
};
