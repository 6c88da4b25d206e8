//! The engine in an event loop of your own.
//!
//! Your loop waits, reads and writes. [`Endpoint`] decides everything else, and answers four questions about
//! one connection. It fits any transport that carries bytes in order: a socket of the system, a stack of
//! your own, TLS, a stream of QUIC, a pipe in a test.
//!
//! # Which layer
//!
//! | layer | your code keeps | use it for |
//! |---|---|---|
//! | [`Endpoint`] | the transport and the clock | event loops, adapters: begin here |
//! | [`Session`] | the output, its offset, and the rule about waiting | loops with unusual buffers, in-place reading |
//! | [`Connection`] | also handshake, deadlines and the end | codecs; benchmarks; two halves in two threads |
//! | parts | everything | proxies, analysers, tests |
//!
//! # One turn of a loop
//!
//! The function below is a whole adapter for non-blocking streams. It runs when the stream is ready and when
//! the deadline has come. It reads once, so that a peer that floods does not hold up other connections.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::io::{ErrorKind, Read, Write};
//! use std::time::Duration;
//! use wsproto::handshake::{Accept, ClientRequest};
//! use wsproto::url::WsUrl;
//! use wsproto::{Advice, Config, Endpoint, Event, Role, SessionEvent};
//!
//! /// Takes the events of `input`, and those that need none.
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
//! /// One turn: one read, its events, the deadline, and the writes. Returns the advice on the stream.
//! fn turn<R: Role>(
//!     ws: &mut Endpoint<R>,
//!     stream: &mut (impl Read + Write),
//!     now: Duration,
//!     react: &mut dyn FnMut(&mut Endpoint<R>, SessionEvent<Event<'_>>),
//! ) -> Advice {
//!     let mut buffer = [0; 4096]; // one for all connections of a loop
//!     // May I read?
//!     if ws.wants_read() {
//!         match stream.read(&mut buffer) {
//!             Ok(len @ 1..) => take(ws, &mut buffer[..len], now, react),
//!             Err(error) if error.kind() == ErrorKind::WouldBlock => {}
//!             Err(error) if error.kind() == ErrorKind::Interrupted => {} // it is still readable
//!             Ok(_) | Err(_) => ws.end_of_input(now),
//!         }
//!     }
//!     // When again? The deadline, after at most one more read.
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
//!     // May I let go?
//!     ws.advice()
//! }
//! # /// A stream in memory that takes 4 KiB at most, and would block otherwise.
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
//! // Both ends send 100 kB as soon as they are open; the streams between them hold 4 KiB.
//! # let (mut to_server, mut to_client) = (VecDeque::new(), VecDeque::new());
//! # let (mut client_shut, mut server_shut) = (false, false);
//! let mut now = Duration::ZERO;
//! let url = WsUrl::parse("ws://localhost/")?;
//! let seed = [7; 32]; // from the operating system, and new for each connection
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
//! [`wants_read`](Endpoint::wants_read) says so. While it says no, do not wait for readability either: a
//! level-triggered poll would return at once, for ever. Pass everything that was read to
//! [`next_event`](Endpoint::next_event) until it returns `None`; it consumes all of it, and keeps input that has to
//! wait for room. So call `next_event` also after [`wrote`](Endpoint::wrote), without input.
//!
//! A layer below that has to read in order to write must not be paused. During the TLS handshake, read
//! ciphertext whether or not the endpoint wants to read.
//!
//! # Must I write?
//!
//! Wait for room while [`pending`](Endpoint::pending) is not empty. Write some of it, and tell how much the
//! transport has taken; there may be more afterwards. If it takes nothing, tell that by
//! [`write_blocked`](Endpoint::write_blocked): a peer that is busy with our output is alive, and the keep-alive
//! waits for it. Never copy or shift the output yourself: the endpoint keeps the offset, and a large message that you
//! gave away waits where it is.
//!
//! # May I let go?
//!
//! [`advice`](Endpoint::advice) answers; it may change after every call that takes `&mut self`.
//!
//! | advice | do this |
//! |---|---|
//! | [`KeepOpen`](Advice::KeepOpen) | read and write |
//! | [`AwaitEnd`](Advice::AwaitEnd) | write, and read until the server ends the transport: RFC 6455 has the server end it first |
//! | [`Shutdown`](Advice::Shutdown) | write; when all is written, end the writing side (`shutdown(SHUT_WR)`, `close_notify`), and go on reading |
//! | [`Flush`](Advice::Flush) | write only: the peer has ended its side, and may still read |
//! | [`Drop`](Advice::Drop) | drop the transport, whatever is unwritten |
//!
//! [`Closed`](SessionEvent::Closed) is reported as soon as both Closes are exchanged and ours is written. The
//! connection is over then: free its place among those you allow, and tell the application. The transport
//! lingers, so that no reset destroys the last bytes on their way; [`deadline`](Endpoint::deadline) ends that
//! after at most 2 seconds.
//!
//! ## The end of the input
//!
//! Call [`end_of_input`](Endpoint::end_of_input) at the end of file and after an error of reading, in any
//! state; whether the end was expected is the endpoint's business. If you report the error yourself, call
//! [`transport_failed`](Endpoint::transport_failed) instead. If writing fails, call
//! [`write_failed`](Endpoint::write_failed) and go on reading: a Close of the peer may be there, and tells why.
//!
//! A peer may end its side right behind its last message and still read. It gets its answer:
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
//! # When again?
//!
//! An endpoint has one [`deadline`](Endpoint::deadline) at a time. Look at it before each wait, because every
//! call that takes `&mut self` may change it. When it has come, read at most once more, for the answer may be
//! there already, and call [`handle_timeout`](Endpoint::handle_timeout); early and late calls do no harm.
//! Time is the `Duration` since any moment you like, the same for all calls. A server that knows the date tells it
//! once, by [`with_unix_time`](Endpoint::with_unix_time), for the `Date` of its responses.
//!
//! # Back pressure
//!
//! If both ends waited for each other, neither would ever go on. So at most one end pauses: a server, while
//! more than [`Config::high_water_mark`] bytes of *replies* are unwritten. Replies are Pongs, the answer to a Close,
//! and messages that the application sends between a received message and the next call of `next_event`; a program
//! with several threads says which by [`set_replying`](Endpoint::set_replying). Other messages never stop reading.
//! A client always reads.
//!
//! A read can hold thousands of small messages. A loop that counts events, so that other connections have their
//! turn, gives the rest of the input back by [`defer_input`](Endpoint::defer_input).
//!
//! Ask [`has_room`](Endpoint::has_room) before you send; sending itself never refuses. If there is no room,
//! note that by [`await_drained`](Endpoint::await_drained), and go on when
//! [`take_drained`](Endpoint::take_drained) says that all is written. An application that asks never has more
//! in memory than the mark and one message of each kind, and one read. A peer that takes none of the replies
//! for [`Config::write_timeout`] is given up.
//!
//! # Decisions that take time
//!
//! A server's endpoint reports [`Upgrade`](SessionEvent::Upgrade), or [`Http`](SessionEvent::Http) for an
//! ordinary request. Answer before the next `next_event`, by [`accept`](Endpoint::accept),
//! [`respond`](Endpoint::respond) or [`decline`](Endpoint::decline), or put the answer off by
//! [`postpone`](Endpoint::postpone): nothing is read meanwhile, and the deadline of the handshake goes on.
//!
//! # Two threads on one connection
//!
//! A [`Connection`] [splits](Connection::split) into two halves that two threads own. An endpoint does not:
//! keep-alive, closing and the order of events need both halves. Put it behind a lock that no thread holds while it
//! waits for the transport. The thread that sends appends under the lock and wakes the thread that writes:
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
//! let ws = Arc::new(Mutex::new(ws)); // it is open
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
//! assert_eq!(ws.pending(), b"\x81\x13from another thread"); // a non-blocking write
//! # drop(ws);
//! # thread.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Very many connections
//!
//! An idle endpoint needs no buffers. Keep one buffer to read into for the whole loop, and one [`Outbox`], which
//! a connection is [lent](Endpoint::lend) for its turn and [gives back](Endpoint::reclaim) unless something in
//! it waits.
//!
//! # Frames that wait in your buffer
//!
//! A loop with a buffer for each connection can spare a copy of most messages that reads have cut: a
//! [`Session`] hands them out of that buffer by [`next_event_in_place`](Session::next_event_in_place). Keep the bytes
//! that it leaves in front, read behind it, and read into a buffer that has room for `most` bytes: a ring buffer that
//! wraps in the middle of a frame, or a smaller buffer, would never show the frame whole. A read into a full
//! buffer returns 0, which is not the end of the input.

#[cfg(doc)]
use crate::{Advice, Config, Connection, Endpoint, Outbox, Session, SessionEvent};
