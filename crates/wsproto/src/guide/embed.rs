//! Embedding the engine in an event loop.
//!
//! The loop waits, reads and writes. [`Endpoint`] decides everything else: it answers four
//! questions about one connection. It works on any transport that delivers bytes in order: a
//! socket, TLS, a QUIC stream, a network stack in user space, a pipe in a test.
//!
//! # Which layer
//!
//! | layer | managed by the caller | use it for |
//! |---|---|---|
//! | [`Endpoint`] | the transport and the clock | event loops and adapters: start here |
//! | [`Session`] | also the output and back pressure | unusual buffers, reading in place |
//! | [`Connection`] | also handshake, deadlines and end | codecs, benchmarks, two threads |
//! | parts | everything | proxies, analysers, tests |
//!
//! # One turn of a loop
//!
//! The function `turn` below is a complete adapter for non-blocking streams. It runs when the
//! stream is ready and when the deadline has passed. It reads once, so that a flooding peer does
//! not delay other connections.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::io::{ErrorKind, Read, Write};
//! use std::time::Duration;
//! use wsproto::handshake::{Accept, ClientRequest};
//! use wsproto::url::WsUrl;
//! use wsproto::{Advice, Config, Endpoint, Event, Role, SessionEvent};
//!
//! /// Handles the events of `input`, and those that need no input.
//! fn take<R: Role>(
//!     ws: &mut Endpoint<R>,
//!     mut input: &mut [u8],
//!     now: Duration,
//!     react: &mut dyn FnMut(&mut Endpoint<R>, SessionEvent<Event<'_>>),
//! ) {
//!     while let Some(event) = ws.next_event(now, &mut input) {
//!         react(ws, event);
//!     }
//! }
//!
//! /// One turn: a read, its events, the deadline, and writes. Returns the advice on the stream.
//! fn turn<R: Role>(
//!     ws: &mut Endpoint<R>,
//!     stream: &mut (impl Read + Write),
//!     now: Duration,
//!     react: &mut dyn FnMut(&mut Endpoint<R>, SessionEvent<Event<'_>>),
//! ) -> Advice {
//!     let mut buffer = [0; 4096]; // a real loop shares one among its connections
//!     // May I read?
//!     if ws.wants_read() {
//!         match stream.read(&mut buffer) {
//!             Ok(len @ 1..) => take(ws, &mut buffer[..len], now, react),
//!             Err(error) if error.kind() == ErrorKind::WouldBlock => {}
//!             Err(error) if error.kind() == ErrorKind::Interrupted => {} // still readable
//!             Ok(_) | Err(_) => ws.end_of_input(now),
//!         }
//!     }
//!     // When must I call again? At the deadline, after at most one more read.
//!     take(ws, &mut [], now, react);
//!     ws.handle_timeout(now);
//!     loop {
//!         take(ws, &mut [], now, react);
//!         // Must I write?
//!         let pending = ws.pending();
//!         if pending.is_empty() {
//!             break;
//!         }
//!         match stream.write(pending) {
//!             Ok(len @ 1..) => ws.wrote(len, now),
//!             Err(error) if error.kind() == ErrorKind::WouldBlock => {
//!                 ws.write_blocked();
//!                 break;
//!             }
//!             Err(error) if error.kind() == ErrorKind::Interrupted => {}
//!             Ok(_) | Err(_) => ws.write_failed(),
//!         }
//!     }
//!     // May I drop the transport?
//!     ws.advice()
//! }
//! # /// An in-memory stream with room for 4 KiB.
//! # struct Stream<'a> { from: &'a mut VecDeque<u8>, to: &'a mut VecDeque<u8>, ended: bool }
//! # impl Read for Stream<'_> {
//! #     fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
//! #         match self.from.read(buffer) {
//! #             Ok(0) if !self.ended => Err(ErrorKind::WouldBlock.into()),
//! #             read => read,
//! #         }
//! #     }
//! # }
//! # impl Write for Stream<'_> {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
//! #         match bytes.len().min(4096 - self.to.len()) {
//! #             0 => Err(ErrorKind::WouldBlock.into()),
//! #             len => self.to.write(&bytes[..len]),
//! #         }
//! #     }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//!
//! // Both ends send 100 kB when they are open; each direction has room for 4 KiB.
//! # let (mut to_server, mut to_client) = (VecDeque::new(), VecDeque::new());
//! # let (mut client_shut, mut server_shut) = (false, false);
//! let mut now = Duration::ZERO;
//! let url = WsUrl::parse("ws://localhost/")?;
//! let seed = [7; 32]; // in practice random (`getrandom::fill`), and new for each connection
//! let mut client = Endpoint::client(ClientRequest::new(url), Config::new(), seed, now);
//! let mut server = Endpoint::server(Config::new(), now);
//! let (mut at_client, mut at_server) = (0, 0);
//! let mut clean = None;
//! loop {
//! #   let mut stream = Stream { from: &mut to_server, to: &mut to_client, ended: client_shut };
//!     let server_advice = turn(&mut server, &mut stream, now, &mut |ws, event| match event {
//!         SessionEvent::Upgrade => ws.accept(&Accept::new(), now).expect("a valid request"),
//!         SessionEvent::Open => ws.send_binary(vec![1; 100_000]).expect("open"),
//!         SessionEvent::Received(Event::Binary(bytes)) => at_server += bytes.len(),
//!         _ => {}
//!     });
//!     // A real loop shuts down the writing side at `Advice::Shutdown` once all is written, and drops the
//!     // transport at `Advice::Drop`.
//! #   server_shut |= server_advice != Advice::KeepOpen && server.unwritten() == 0;
//! #   let mut stream = Stream { from: &mut to_client, to: &mut to_server, ended: server_shut };
//!     let client_advice = turn(&mut client, &mut stream, now, &mut |ws, event| match event {
//!         SessionEvent::Open => ws.send_binary(vec![2; 100_000]).expect("open"),
//!         SessionEvent::Received(Event::Binary(bytes)) => {
//!             at_client += bytes.len();
//!             ws.close(None, now).expect("open");
//!         }
//!         SessionEvent::Closed(info) => clean = Some(info.was_clean),
//!         _ => {}
//!     });
//! #   client_shut |= client_advice == Advice::Drop;
//!     if (server_advice, client_advice) == (Advice::Drop, Advice::Drop) {
//!         break;
//!     }
//!     now += Duration::from_micros(20);
//! }
//! assert_eq!((at_client, at_server, clean), (100_000, 100_000, Some(true)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # May I read?
//!
//! Ask [`wants_read`](Endpoint::wants_read). While it returns false, do not wait for readability
//! either: a level-triggered poll would return immediately, again and again. Pass all bytes read to
//! [`next_event`](Endpoint::next_event) until it returns `None`. It consumes all of them, and keeps
//! input that must wait for room in the output. So call `next_event` after
//! [`wrote`](Endpoint::wrote), too, without input.
//!
//! Never pause a layer below that must read in order to write: during the TLS handshake, read
//! ciphertext even if the endpoint does not want to read.
//!
//! # Must I write?
//!
//! Wait for writability while [`pending`](Endpoint::pending) is not empty. Write from it and report
//! the number of bytes written to [`wrote`](Endpoint::wrote); more output may follow. If the
//! transport accepts nothing, call [`write_blocked`](Endpoint::write_blocked): a peer that later
//! reads more of our output is alive, and the keep-alive then waits longer for its Pong. Do not
//! copy or shift the output: the endpoint keeps the offset, and does not copy a message of at least
//! 16 KiB that is passed by value, nor, at a server, a prepared one of at least 1 KiB. The former is
//! then two slices, its header and its payload; the latter is one slice. Write all
//! [`pending_slices`](Endpoint::pending_slices) with a vectored write, or set `TCP_NODELAY`, which
//! keeps a payload from waiting for the acknowledgement of its header.
//!
//! # May I drop the transport?
//!
//! [`advice`](Endpoint::advice) returns the answer. It may change after every call that takes
//! `&mut self`.
//!
//! * [`KeepOpen`](Advice::KeepOpen): keep reading and writing.
//! * [`AwaitEnd`](Advice::AwaitEnd): write, then read until the server ends the transport. RFC 6455
//!   has the server end it first (section 7.1.1).
//! * [`Shutdown`](Advice::Shutdown): write; once everything is written, end the writing side
//!   (`shutdown(SHUT_WR)`, `close_notify`) and keep reading.
//! * [`Flush`](Advice::Flush): only write. The peer has ended its writing side, but may still read.
//! * [`Drop`](Advice::Drop): drop the transport, even if output remains.
//!
//! [`Closed`](SessionEvent::Closed) is reported as soon as both ends have sent a Close and ours is
//! written. The connection is then over: stop counting it towards a connection limit, and tell the
//! application. The transport lingers, so that no reset destroys the last bytes in transit;
//! [`deadline`](Endpoint::deadline) bounds that to 2 seconds.
//!
//! ## The end of the input
//!
//! At end of file or on a read error, call [`end_of_input`](Endpoint::end_of_input), in any state;
//! the endpoint knows whether the end was expected. If your code reports the error itself, call
//! [`transport_failed`](Endpoint::transport_failed) instead. If a write fails, call
//! [`write_failed`](Endpoint::write_failed) and keep reading: a Close from the peer may have
//! arrived, and gives the reason.
//!
//! A peer may end its writing side right after its last message and still read. It gets its reply:
//!
//! ```
//! # use std::time::Duration;
//! # use wsproto::handshake::Accept;
//! use wsproto::{Advice, CloseCode, Config, Endpoint, Event, SessionEvent};
//!
//! # let now = Duration::ZERO;
//! # let mut ws = Endpoint::server(Config::new(), now);
//! # let mut request = *b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
//! #     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
//! #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
//! # let mut input = &mut request[..];
//! # while let Some(event) = ws.next_event(now, &mut input) {
//! #     if let SessionEvent::Upgrade = event { ws.accept(&Accept::new(), now)?; }
//! # }
//! # let len = ws.pending().len();
//! # ws.wrote(len, now);
//! let mut read = *b"\x81\x82\0\0\0\0Hi";
//! let mut input = &mut read[..];
//! while let Some(event) = ws.next_event(now, &mut input) {
//!     if let SessionEvent::Received(Event::Text(text)) = event {
//!         ws.send_text(text)?;
//!     }
//! }
//! ws.end_of_input(now);
//! assert_eq!(ws.advice(), Advice::Flush);
//! assert_eq!(ws.pending(), b"\x81\x02Hi");
//! ws.wrote(4, now);
//! assert_eq!(ws.advice(), Advice::Drop);
//! let Some(SessionEvent::Closed(info)) = ws.next_event(now, &mut &mut [][..]) else { panic!() };
//! assert_eq!(info.code, CloseCode::ABNORMAL);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When must I call again?
//!
//! An endpoint has one [`deadline`](Endpoint::deadline) at a time. Check it before each wait: every
//! call that takes `&mut self` may change it. When it has passed, read at most once more, because
//! the awaited bytes may have arrived, and call [`handle_timeout`](Endpoint::handle_timeout). Early
//! and late calls are harmless. Times are `Duration`s since an arbitrary moment, the same for all
//! calls. A server that knows the date passes it to [`with_unix_time`](Endpoint::with_unix_time)
//! once, for the `Date` field of its responses.
//!
//! # Back pressure
//!
//! If both ends waited for each other, neither would make progress. So at most one end pauses: a
//! server stops reading while more than [`Config::high_water_mark`] bytes of *replies* are
//! unwritten. Replies are Pongs, the answering Close, and the messages that the application sends
//! between a received message and the next call of `next_event`. A program with several threads
//! overrides this with [`set_replying`](Endpoint::set_replying). Other messages never stop reading.
//! A client always reads.
//!
//! One read can contain thousands of small messages. A loop that limits the events per turn returns
//! the rest of the input to the endpoint with [`defer_input`](Endpoint::defer_input).
//!
//! Check [`has_room`](Endpoint::has_room) before sending; a send never fails for lack of room. If
//! there is no room, call [`await_drained`](Endpoint::await_drained), and continue when
//! [`take_drained`](Endpoint::take_drained) returns true: everything is written. An application
//! that checks never has more in memory than the mark plus one message of each kind, and the bytes
//! of one read. If the peer reads none of the replies for [`Config::write_timeout`], the connection
//! ends.
//!
//! With [`Config::fragment_size`], Pings and Pongs do not wait behind a long message, but leave between its
//! fragments. The loop need not know.
//!
//! # Decisions that take time
//!
//! A server's endpoint reports [`Upgrade`](SessionEvent::Upgrade) for an opening handshake, and
//! [`Http`](SessionEvent::Http) for an ordinary request. Decide before the next call of
//! `next_event`, with [`accept`](Endpoint::accept), [`respond`](Endpoint::respond) or
//! [`decline`](Endpoint::decline), or call [`postpone`](Endpoint::postpone): at most one read is kept until
//! the decision, so that the end of the client is noticed, and the deadline of the handshake keeps
//! running.
//!
//! # Two threads on one connection
//!
//! A [`Connection`] [splits](Connection::split) into two halves for two threads. An endpoint does
//! not: keep-alive, closing and the order of events need both halves. Put it behind a lock, and
//! release the lock before waiting for the transport. The sending thread appends under the lock and
//! wakes the writing thread:
//!
//! ```
//! # use std::time::Duration;
//! # use wsproto::handshake::Accept;
//! use std::sync::{Arc, Mutex, mpsc};
//! use std::thread;
//! use wsproto::{Config, Endpoint, SessionEvent};
//!
//! # let now = Duration::ZERO;
//! # let mut ws = Endpoint::server(Config::new(), now);
//! # let mut request = *b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
//! #     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
//! #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
//! # let mut input = &mut request[..];
//! # while let Some(event) = ws.next_event(now, &mut input) {
//! #     if let SessionEvent::Upgrade = event { ws.accept(&Accept::new(), now)?; }
//! # }
//! # let len = ws.pending().len();
//! # ws.wrote(len, now);
//! let ws = Arc::new(Mutex::new(ws)); // an open connection
//! let (waker, wakes) = mpsc::channel();
//!
//! let sender = Arc::clone(&ws);
//! let thread = thread::spawn(move || {
//!     sender.lock().unwrap().send_text("from another thread").expect("open");
//!     waker.send(()).expect("the loop waits"); // an eventfd, a pipe, a `mio::Waker`
//! });
//!
//! wakes.recv()?; // the loop waits for this, for its sockets and for the deadline
//! let mut ws = ws.lock().unwrap();
//! assert_eq!(ws.pending(), b"\x81\x13from another thread"); // write this
//! # drop(ws);
//! # thread.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Behind a web server
//!
//! Where other code has read the request, [`Request::from_parts`] checks it, [`Accept::answer`]
//! returns the response, and [`Session::opened`] begins with the first byte after the handshake. Bytes
//! that the other code has read beyond the handshake are the first input. For HTTP/2 (RFC 8441) and
//! HTTP/3 (RFC 9220), [`Request::from_pseudo_headers`] checks the request.
//!
//! ```
//! use std::time::Duration;
//! use wsproto::handshake::{Accept, PseudoHeaders, Request, Response};
//! use wsproto::{Config, Endpoint, Server, Session};
//!
//! /// Answers an extended CONNECT; begins the connection on its stream if it is accepted.
//! fn answer(
//!     pseudo: PseudoHeaders<'_>,
//!     fields: &[(&str, &str)],
//!     now: Duration,
//! ) -> (Response, Option<Endpoint<Server>>) {
//!     let config = Config::default();
//!     let request = match Request::from_pseudo_headers(pseudo, fields.iter().copied()) {
//!         Ok(request) => request,
//!         Err(error) => return (error.into(), None),
//!     };
//!     match Accept::new().answer(&request, &config) {
//!         Ok((response, agreed)) => {
//!             let session = Session::opened(Server, config, agreed, now);
//!             (response, Some(Endpoint::new(session, Vec::new())))
//!         }
//!         Err(error) => (error.into(), None),
//!     }
//! }
//! # let pseudo = PseudoHeaders { method: "CONNECT", protocol: Some("websocket"),
//! #     scheme: Some("https"), authority: Some("a"), path: Some("/") };
//! # let (response, endpoint) = answer(pseudo, &[("sec-websocket-version", "13")], Duration::ZERO);
//! # assert!(response.status() == 200 && endpoint.is_some());
//! # let (response, endpoint) = answer(pseudo, &[], Duration::ZERO);
//! # assert!(response.status() == 400 && endpoint.is_none());
//! ```
//!
//! # Very many connections
//!
//! An idle endpoint needs no buffers. Keep one read buffer and one [`Outbox`] per loop:
//! [`lend`](Endpoint::lend) the outbox to a connection for its turn, and
//! [`reclaim`](Endpoint::reclaim) it afterwards. `reclaim` returns `None` while the outbox holds
//! data, and the connection then keeps that outbox for its next turns. The loop's own is `None` at
//! first, and whenever a connection has kept it; the next connection that needs one makes it.
//! A connection that is paused, or waits to be told that everything is written, keeps a small outbox for that state, and
//! `reclaim` returns the memory.
//!
//! ```
//! # use std::time::Duration;
//! use wsproto::{Config, Endpoint, Outbox, Role};
//!
//! fn with_outbox<R: Role>(
//!     ws: &mut Endpoint<R>,
//!     shared: &mut Option<Box<Outbox>>,
//!     turn: impl FnOnce(&mut Endpoint<R>),
//! ) {
//!     ws.lend(shared); // takes it, unless the connection has kept one
//!     turn(ws);
//!     if let Some(outbox) = ws.reclaim() {
//!         *shared = Some(outbox);
//!     }
//! }
//!
//! # let now = Duration::ZERO;
//! # let mut ws = Endpoint::server(Config::new(), now);
//! let mut shared = None;
//! with_outbox(&mut ws, &mut shared, |ws| {
//!     // Read, take events, write.
//! #   ws.next_event(now, &mut &mut b"BAD".to_owned()[..]);
//! #   ws.pause();
//! #   ws.resume(now);
//! });
//! assert!(ws.wants_outbox()); // idle: it owns no buffer
//! ```
//!
//! # Compression
//!
//! With the feature `deflate`, keep one `DeflateTools` per loop as well. `Endpoint::lend_tools` lends
//! it to a connection for its turn, and `reclaim_tools` takes it back. Connections that do not
//! compress take nothing. A thread that sends between the turns can lend a set of its own; without one,
//! the codec states are made for that message alone, which takes longer.
//! [`Session::extensions`](crate::Session::extensions) returns the agreed parameters.
//!
//! # Large messages
//!
//! [`read_payload`](Endpoint::read_payload) lends the memory of a large binary message, so that a loop
//! reads straight into it, and more at a time. Try it before each read into the loop's own buffer, and
//! take events after it as after any read. A reader that fills the spare capacity of a `Vec`, such as
//! `rustix::buffer::spare_capacity` or `read_buf` of tokio, needs no zeros there. With `Read` alone, this read takes the
//! place of `stream.read` in the function `turn` above:
//!
//! ```
//! # use std::time::Duration;
//! # use wsproto::handshake::Accept;
//! use std::io::{self, Read};
//! use wsproto::{Config, Endpoint, Event, Role, SessionEvent};
//!
//! /// Reads once: into the message that is arriving, or into `buffer`. Returns the bytes for `next_event`, which are
//! /// none after a read into the message, and whether the input has ended.
//! fn read<'b, R: Role>(
//!     ws: &mut Endpoint<R>,
//!     stream: &mut impl Read,
//!     buffer: &'b mut [u8],
//!     now: Duration,
//! ) -> io::Result<(&'b mut [u8], bool)> {
//!     let lent = ws.read_payload(now, |message| {
//!         let before = message.len();
//!         message.resize(message.capacity(), 0); // at most the spare capacity
//!         let read = stream.read(&mut message[before..]);
//!         message.truncate(before + read.as_ref().map_or(0, |len| *len)); // only what was read
//!         read
//!     });
//!     match lent {
//!         Some(read) => Ok((&mut [], read? == 0)),
//!         None => stream.read(buffer).map(|len| (&mut buffer[..len], len == 0)),
//!     }
//! }
//!
//! # let now = Duration::ZERO;
//! # let mut ws = Endpoint::server(Config::new(), now);
//! # let mut request = *b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
//! #     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
//! #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
//! # let mut input = &mut request[..];
//! # while let Some(event) = ws.next_event(now, &mut input) {
//! #     if let SessionEvent::Upgrade = event { ws.accept(&Accept::new(), now)?; }
//! # }
//! // A masked message of 1 MiB of zeros arrives at an open connection.
//! let mut wire = b"\x82\xFF\0\0\0\0\0\x10\0\0\x01\x01\x01\x01".to_vec();
//! wire.resize(wire.len() + (1 << 20), 1);
//! let (mut stream, mut buffer) = (&wire[..], [0; 64 << 10]);
//! let (mut reads, mut received) = (0, 0);
//! while received == 0 {
//!     let (mut input, ended) = read(&mut ws, &mut stream, &mut buffer, now)?;
//!     assert!(!ended);
//!     reads += 1;
//!     while let Some(event) = ws.next_event(now, &mut input) {
//!         if let SessionEvent::Received(Event::Binary(bytes)) = event {
//!             received += bytes.iter().filter(|byte| **byte == 0).count();
//!         }
//!     }
//! }
//! assert_eq!(received, 1 << 20);
//! assert!(reads < 10, "{reads}"); // into the buffer alone, they would be 17
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Reading in place
//!
//! With a buffer per connection, a loop can avoid copying most messages that span several reads:
//! [`Session::next_event_in_place`] returns them from that buffer. Keep the bytes that it leaves at
//! the front, read after them, and provide room for `most` bytes. In a ring buffer that wraps
//! within a frame, or in a smaller buffer, the frame would never be complete. A read into a full
//! buffer returns 0, which is not the end of the input.

#[cfg(doc)]
use crate::handshake::{Accept, Request};
#[cfg(doc)]
use crate::{Advice, Config, Connection, Endpoint, Outbox, Session, SessionEvent};
