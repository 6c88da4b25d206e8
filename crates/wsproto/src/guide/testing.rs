//! Fuzzing and property-testing code built on the engine.
//!
//! The engine does no I/O, so neither do tests of code built on it: bytes are slices, time is a
//! number, and a day of keep-alive takes microseconds. The crate `wsproto-testing` provides the
//! tools; it belongs in `dev-dependencies`.
//!
//! # An application without a socket
//!
//! Write the application as a function of an [`Endpoint`](crate::Endpoint) and an event. `Net`
//! joins a client and a server by pipes of a given capacity, and cuts the bytes that pass through
//! them:
//!
//! ```
//! use wsproto::{Config, Endpoint, Event, Role, SessionEvent};
//! use wsproto_testing::{Cuts, Net};
//!
//! /// The application under test: numbers the lines it receives.
//! fn number<R: Role>(ws: &mut Endpoint<R>, event: &SessionEvent<Event<'_>>, lines: &mut u32) {
//!     if let SessionEvent::Received(Event::Text(line)) = event {
//!         *lines += 1;
//!         ws.send_text(format!("{lines}: {line}")).expect("open");
//!     }
//! }
//!
//! let mut net = Net::new(&Config::new(), 64 << 10, Cuts::every(1)); // byte by byte
//! let mut lines = 0;
//! net.server.app = Box::new(move |ws, event, _now| {
//!     if let Some(event) = event {
//!         number(ws, event, &mut lines);
//!     }
//! });
//! net.client.app = Box::new(|ws, event, now| match event {
//!     Some(SessionEvent::Open) => ws.send_text("a").expect("open"),
//!     Some(SessionEvent::Received(Event::Text(line))) => {
//!         assert_eq!(line, "1: a");
//!         ws.close(None, now).expect("open");
//!     }
//!     _ => {}
//! });
//! let (client, server) = net.run_to_the_end();
//! assert!(client.was_clean && server.was_clean);
//! ```
//!
//! `Net` panics if a loop or the engine breaks a promise: bytes are left over, a deadline stays in
//! the past, events are out of order. To test liveness, make the pipes small: if an end waits
//! forever, the test panics instead of timing out.
//!
//! # Input from a peer
//!
//! Write frames by hand, not with the code under test: a bug in both would go unnoticed. `Life` is
//! one session and everything it reports.
//!
//! ```
//! use wsproto::{CloseCode, Config, Server};
//! use wsproto_testing::Life;
//!
//! let mut life = Life::<Server>::open(Config::new());
//! life.read_frame(0x83, b"an opcode that does not exist");
//! let sent = life.take_sent();
//! assert_eq!(sent[0].close_code(), Some(CloseCode::PROTOCOL_ERROR.into()));
//! life.end_of_input();
//! assert!(!life.ended().was_clean);
//! ```
//!
//! # Properties
//!
//! The strategies generate a peer's input, valid or not (`part`, `wire`), an application's messages
//! (`ask`), ways of cutting bytes (`cuts`), and whole scripts of calls, times and losses
//! (`script`). In code that parses a stream, one property finds the most bugs: *the cuts do not
//! matter*.
//!
//! ```
//! use proptest::prelude::*;
//! use wsproto::{Config, Server};
//! use wsproto_testing::{Cuts, Life, cuts, wire};
//!
//! fn log_of(bytes: &[u8], cuts: &Cuts) -> String {
//!     let mut life = Life::<Server>::open(Config::new());
//!     cuts.cut(bytes).for_each(|part| life.read(part));
//!     format!("{:?}", life.log) // in practice, the outcome of your code
//! }
//!
//! # fn main() {
//! proptest!(|(bytes in wire::<Server>(), cuts in cuts())| {
//!     prop_assert_eq!(log_of(&bytes, &cuts), log_of(&bytes, &Cuts::every(1 << 20)));
//! });
//! # }
//! ```
//!
//! Other useful properties: one end receives the messages that the other sent; every connection
//! that opened is reported closed exactly once; memory never exceeds the limits plus one read; two
//! runs with the same seed are identical. The module `model` of `wsproto-testing` is a naive
//! receiver to compare with.
//!
//! # Fuzzing
//!
//! Make the body of a fuzz target a plain function of bytes. libFuzzer calls it, and `cargo test`
//! replays the corpus through it on stable Rust:
//!
//! ```
//! use wsproto::{Config, Server};
//! use wsproto_testing::{Cuts, Life};
//!
//! /// The first byte is the limit, the second the cuts, the rest a peer's input.
//! pub fn target(bytes: &[u8]) {
//!     let [limit, cut, rest @ ..] = bytes else { return };
//!     let config = Config::new().max_message_size((*limit).into());
//!     let mut life = Life::<Server>::begin(config);
//!     Cuts::every((*cut).into()).cut(rest).for_each(|part| life.read(part));
//!     life.end_of_input();
//! }
//!
//! // `fuzz_targets/target.rs`: libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target(bytes));
//! for bytes in [&b"\xFF\x01GET / HTTP/1.1\r\n\r\n"[..], b"\x00\x00", b""] {
//!     target(bytes); // in practice, the files of the corpus
//! }
//! ```
//!
//! Add each finding to the corpus before fixing it. The folder `fuzz` of the repository has eleven
//! targets of this form.
//!
//! # Transports that fail
//!
//! Give your adapter a stream that reads one byte at a time, writes partially, ends in the middle
//! of a frame, resets, or accepts no bytes at all. Derive its behaviour from a seed, and print the
//! seed when a test fails. Count allocations, threads and descriptors before and after each test:
//! anything that a connection leaves behind is a leak.
