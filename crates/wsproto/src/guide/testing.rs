//! Fuzzing and property-testing code built on the engine.
//!
//! The engine does no I/O, so neither do tests of code built on it: bytes are slices, time is a
//! number, and a day of keep-alive takes microseconds. The crate `wsproto-testing` provides the
//! tools; it belongs in `dev-dependencies`. Handlers of `ws-std`, `ws-mio` and `ws-tokio` have tools of
//! their own: the module `testing` of `ws-common`, which these crates re-export.
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
//! # Hours of silence, and a dead line
//!
//! `Pair` joins two sessions, and its transport is unlimited. Its clock jumps to the next deadline whenever no bytes
//! are in transit. The server echoes, unless `Pair::with_app` sets another application; the test acts for the client.
//!
//! ```
//! use std::time::Duration;
//! use wsproto::{CloseCode, Config, KeepAlive, ReadyState, SessionError, SessionEvent};
//! use wsproto_testing::{Ask, Cuts, Pair};
//!
//! let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(10));
//! let mut pair = Pair::new(&Config::new().keep_alive(Some(keep_alive)), Cuts::every(1));
//! assert!(pair.run(|pair| pair.client.life.session.ready_state() == ReadyState::Open));
//! let echo = pair.client.life.ask(&Ask::Text("Hello".into()));
//! assert!(pair.run(|pair| pair.client.life.received() == echo));
//! assert!(pair.run(|pair| pair.now >= Duration::from_secs(3600))); // Pings and Pongs
//!
//! pair.cut_off = true; // from now on, nothing arrives
//! let (client, _server) = pair.run_to_the_end();
//! assert!(client.log.contains(&SessionEvent::Error(SessionError::KeepAliveTimeout)));
//! assert_eq!(client.ended().code, CloseCode::ABNORMAL);
//! ```
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
//! Add each finding to the corpus before fixing it. The folder `fuzz` of the repository has fifteen
//! targets of this form. With the feature `arbitrary`, `wsproto_testing::source` makes scripts, calls
//! and cuts from the bytes.
//!
//! # A whole protocol: login, subscribe, publish
//!
//! The example `feed` of `wsproto-testing` is a server whose users log in, subscribe to topics and
//! publish, in the folder `crates/wsproto-testing/examples/feed` of the repository. Four decisions
//! make it testable; each is one file.
//!
//! 1. *The protocol is a value* (`protocol.rs`). `Feed` is told that a client connected, sent a line
//!    or left, and that time has passed; it returns the lines to send and the clients to close. It has
//!    no endpoint, no socket and no clock.
//! 2. *One function joins it to an endpoint* (`server.rs`): an application of `Net`, and of any other
//!    loop. The server's answer to the request is a function, too:
//!
//!    ```
//!    use std::cell::Cell;
//!    use std::rc::Rc;
//!    use std::time::Duration;
//!    use wsproto::handshake::{Accept, ClientRequest, Response};
//!    use wsproto::{CloseCode, CloseFrame, Config, Event, SessionEvent};
//!    use wsproto_testing::{Cuts, Net};
//!
//!    let net = |token: &str| {
//!        let request = ClientRequest::parse("ws://localhost/feed")?.bearer(token)?;
//!        let net = Net::new(&Config::new(), 4096, Cuts::every(1))
//!            .with_client(request, Config::new())
//!            .with_server(Config::new(), |request| match request.bearer() {
//!                Some("members-only") => Ok(Accept::new()),
//!                _ => Err(Response::text(401, "Members only\n")),
//!            });
//!        Ok::<_, Box<dyn std::error::Error>>(net)
//!    };
//!
//!    let mut stranger = net("guess")?;
//!    assert!(!stranger.run_to_the_end().0.was_clean);
//!    assert_eq!(stranger.client.endpoint.take_response().unwrap().status(), 401);
//!
//!    let mut member = net("members-only")?;
//!    let login = Rc::new(Cell::new(Some(Duration::from_secs(5)))); // the deadline
//!    let deadline = Rc::clone(&login);
//!    member.server.app_deadline = Box::new(move || deadline.get());
//!    member.server.app = Box::new(move |ws, event, now| match event {
//!        Some(SessionEvent::Received(Event::Text(line))) if line.starts_with("login ") => login.set(None),
//!        None if login.get().is_some_and(|at| now >= at) => {
//!            login.set(None);
//!            let late = CloseFrame::new(CloseCode::POLICY_VIOLATION, "log in within 5 s");
//!            let _ = ws.close(late.ok().as_ref(), now); // does nothing if it is closing
//!        }
//!        _ => {}
//!    });
//!    assert_eq!(member.run_to_the_end().0.code, CloseCode::POLICY_VIOLATION);
//!    assert_eq!(member.now.as_secs(), 5);
//!    # Ok::<(), Box<dyn std::error::Error>>(())
//!    ```
//! 3. *A model predicts the lines that each client receives* (`world.rs`). It knows names and topics,
//!    but no bytes, and no order or time within an action, so it is shorter than the protocol. A `World`
//!    performs an action on three virtual networks, lets them run until nothing happens, and compares
//!    every line and every close code with the model. Clients also send at the same time, several lines
//!    before any of them has arrived.
//! 4. *Every action is possible at any time.* A client that publishes before it logs in is a test case,
//!    not a mistake of the test. So a test is a list of actions without preconditions: `proptest`
//!    generates and shrinks it (`tests/feed.rs`), and a fuzz target makes it from its bytes
//!    (`fuzz/src/feed.rs`).
//!
//! The first version of `Feed` failed at once. `proptest` shrank the failure to five actions: two
//! clients connect, the same user logs in at both, a third client connects, and the user logs in there
//! as well. The second login had closed the first client, and the end of that client then removed the
//! user, by now logged in at the second one. So the third login replaced nobody, and one user was logged
//! in twice.
//!
//! The corrected version passed 2000 lists, and failed at the 3107th of 100 000: a user logs in
//! elsewhere while the old client publishes. The protocol had ordered to close the old client, but still
//! heard it until the Close was answered: messages sent before a peer has seen our Close do arrive. It
//! took three clients that send at the same time; a test of one request and one answer at a time cannot
//! find it.
//!
//! Both failures are tests of their own, in the smallest form that `proptest` found. The fuzz target,
//! run for a minute before the second was corrected, tried 186 741 inputs and did not find it: three
//! clients in the right states are rare among random bytes, and a strategy is better at making them.
//!
//! # Transports that fail
//!
//! Give your adapter a stream that reads one byte at a time, writes partially, ends in the middle
//! of a frame, resets, or accepts no bytes at all. Derive its behaviour from a seed, and print the
//! seed when a test fails. Count allocations, threads and descriptors before and after each test:
//! anything that a connection leaves behind is a leak.
