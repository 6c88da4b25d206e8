//! How to write an adapter. This module contains documentation only.
//!
//! *An adapter is only waiting, reading and writing.* The logic that every adapter needs is in
//! [`adapter`](crate::adapter), without I/O: [`Connection`] is one end of a connection behind a lock,
//! [`Link`] its endpoint and transport, [`Conversation`] the calls of its handler, [`Acceptor`] a server's
//! side before a connection is open, and [`Dial`] opens a client's stream.
//!
//! The chapter [`wsproto::guide::embed`] explains the endpoint below these types. A loop without handlers
//! and handles needs only the endpoint.
//!
//! # A server's connection
//!
//! The adapter implements two traits. A [`Duplex`], with its supertrait [`Transport`], reads and writes without
//! waiting; [`try_read_into`](Duplex::try_read_into), which is optional, reads large messages straight into their
//! memory. A [`Driver`] tells the time, and makes the loop handle a connection that a handler or another thread
//! has changed. [`Conversation::turn`] does the rest: reads, their events, the deadline, bounded writes.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::io::{self, ErrorKind, Read};
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use std::sync::{Arc, Mutex};
//! use std::time::{Duration, Instant};
//! use ws_common::adapter::{
//!     Acceptor, Connection, Connections, Driver, Duplex, Held, Link, Transport, TurnContext,
//!     server_handle,
//! };
//! use ws_common::wsproto::Server;
//! use ws_common::{Decision, Message, ServerOptions, WebSocketConnection};
//!
//! /// A non-blocking in-memory stream.
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
//!         // `None` if the loop will handle the connection in any case.
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
//! // An echo server, and a client that sends "Hi" and closes.
//! let (options, connections) = (ServerOptions::new(), Connections::default());
//! let server = server_handle(options, 1000, None, connections, |_| {}, Instant::now);
//! let acceptor = Arc::new(Acceptor::new(server, |_: &_, _: &_| {
//!     Decision::accept(|ws: &WebSocketConnection, message: Message| {
//!         let _ = ws.send(message); // fails if the peer is gone
//!     })
//! }));
//! let stream = Stream::default();
//! stream.input.lock().unwrap().extend(
//!     b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//!       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
//!       \x81\x82\0\0\0\0Hi\x88\x80\0\0\0\0",
//! );
//!
//! // The loop accepts the stream and gives the connection its turns.
//! let mut context = TurnContext::new(Duration::ZERO);
//! let (endpoint, mut conversation) = acceptor.accept(context.now, None).expect("there is room");
//! let (start, changed) = (Instant::now(), Arc::default());
//! let origin = Origin { acceptor, start, changed };
//! let connection = Arc::new(Connection::new(origin, Link::new(endpoint, stream.clone()), None));
//! connection.lock().set_key(0); // the loop's key for the connection
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
//! # When a connection needs a turn
//!
//! * when it is new, after [`set_key`](ConnectionState::set_key);
//! * when its transport becomes ready;
//! * when [`Driver::changed`] is called and `begin_notice` returns its key;
//! * at the [`deadline`](TurnOutcome::deadline) of the last [`TurnOutcome`];
//! * without waiting, after the turns of others, if that outcome asks for [`more`](TurnOutcome::more).
//!
//! An extra turn does no harm. A connection should be in a work list once: [`queue`](ConnectionState::queue) and
//! [`unqueue`](ConnectionState::unqueue) record whether it is there. When the outcome is
//! [`gone`](TurnOutcome::gone), drop the connection.
//!
//! A blocking adapter has no turns. It calls [`Conversation::react`] with the bytes of a read, and
//! [`Link::write`] when there is output; see `ws-std`.
//!
//! # A server
//!
//! [`Acceptor::accept`] decides on each accepted transport: it returns a connection to serve, or an endpoint
//! that sends a refusal and is served in the same way, or `None` to drop the transport. Each served
//! connection holds a [`Permit`], which counts towards `max_connections` until it is dropped. If
//! [`Acceptor::proxy_header`] returns a header, read it first, and nothing else of the transport; then ask
//! [`Acceptor::admit_named`], which may refuse the client that it names.
//!
//! [`Driver::traffic`] returns the counters of [`ServerHandle::stats`]. [`Conversation::turn`] counts everything.
//! An adapter without turns counts the bytes it has read with [`Traffic::received`], and its output with
//! [`Traffic::sent`] and [`Endpoint::take_output_counts`]; [`Conversation::react`] counts the received messages.
//!
//! Call [`announce`](Acceptor::announce) before accepting, [`join`](Acceptor::join) for each
//! listener, and [`leave`](Acceptor::leave) when the listener is closed and has no more connections. A loop
//! that is dropped before that calls [`abandon`](Acceptor::abandon) instead. If accepting fails for lack of
//! file descriptors, call [`report_pause`](Acceptor::report_pause) once and accept nothing for
//! [`Acceptor::PAUSE`]. When [`ServerHandle::is_ending`] returns true, close the listener; at
//! [`end_deadline`], abort the remaining connections. [`Decision::later`] needs no support from the adapter:
//! the driver gets a notice when the decision is made.
//!
//! # A client
//!
//! A [`Target`] is the request with its options. A [`Dial`] returns the steps that open the stream:
//!
//! * [`Resolve`](DialStep::Resolve): ask the shared [`Resolver`], and report to
//!   [`resolved`](Dial::resolved).
//! * [`Connect`](DialStep::Connect): begin an attempt, concurrently with those that run, and report to
//!   [`connected`](Dial::connected) or [`failed`](Dial::failed).
//! * [`Tunnel`](DialStep::Tunnel): when the socket is ready, call [`exchange`](Dial::exchange), which writes
//!   once or reads once.
//! * [`Wait`](DialStep::Wait): wait for any of these, or for the [`deadline`](Dial::deadline).
//! * [`Ready`](DialStep::Ready): begin TLS for a `wss://` URL, then create the endpoint.
//!
//! Pass a response to [`Target::follows`] as soon as its head has arrived, and dial again if it returns true.
//!
//! # Rules
//!
//! * Never hold the lock of a connection while a handler is called, while a thread waits, or while a
//!   transport is dropped.
//! * A turn is bounded: at most two reads of 64 KiB (of a large message, of as much as has arrived of it
//!   before), 128 events ([`MOST_EVENTS`]), and bounded writes. A peer that floods delays others by one turn
//!   at a time.
//! * A blocking adapter never waits for a peer beyond the deadline of the endpoint.
//! * A connection that is over no longer counts, although its transport may linger. Limit the number of
//!   lingering transports with [`stop_lingering`](ConnectionState::stop_lingering).
//! * An adapter makes no protocol decisions. If it needs an `if` about opcodes, masks or close codes, the
//!   engine lacks a feature.
//! * With the feature `deflate`, [`Link`] and a turn lend the codec states by themselves.
//!
//! # Tests
//!
//! [`testing`](crate::testing) is an adapter, too: in memory, under a virtual clock.
//!
//! Implement the trait `Adapter` of `tests/src/adapters`, and run the scenarios, faults and floods of
//! `tests/tests`: each runs every handler on every pair of adapters. `OBJECTS.md` lists the behaviour that
//! applications expect. The toy adapter beside that trait, over an in-memory network, is the smallest
//! complete adapter.
//!
//! [`Decision::later`]: crate::Decision::later
//! [`Endpoint::take_output_counts`]: wsproto::Endpoint::take_output_counts
//! [`MOST_EVENTS`]: crate::adapter::MOST_EVENTS
//! [`Traffic::received`]: crate::adapter::Traffic::received
//! [`Traffic::sent`]: crate::adapter::Traffic::sent
//! [`Transport`]: crate::adapter::Transport
//! [`end_deadline`]: crate::adapter::Acceptor::end_deadline
//! [`ServerHandle::is_ending`]: crate::ServerHandle::is_ending
//! [`ServerHandle::stats`]: crate::ServerHandle::stats

#[cfg(doc)]
use crate::adapter::{
    Acceptor, Connection, ConnectionState, Conversation, Dial, DialStep, Driver, Duplex, Link,
    Permit, Resolver, Target, TurnOutcome,
};
