//! Past one machine: topics over a bus, sharding, deploys, presence, and how far one machine goes.
//!
//! Everything here applies to `ws-std`, `ws-mio` and `ws-tokio`, unless it names one of them.
//!
//! # One topic, several servers
//!
//! [`publish`](crate::ServerHandle::publish) reaches the subscribers of one server. With a
//! [bus](crate::ServerOptions::bus()) it reaches those of all servers on it. The crate `ws-bus` has buses over NATS
//! and Redis; [`MemoryBus`](crate::testing::MemoryBus) joins servers of one process, for tests:
//!
//! ```
//! use ws_std::testing::MemoryBus;
//! use ws_std::{
//!     BusState, ConnectionHandler, Decision, IncomingRequest, Message, ServerHandle, ServerHandler,
//!     ServerOptions, WebSocketConnection, WebSocketServer,
//! };
//!
//! struct Chat;
//!
//! impl ServerHandler for Chat {
//!     type Handler = Member;
//!
//!     fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Member> {
//!         Decision::accept(Member)
//!     }
//!
//!     fn on_bus(&mut self, server: &ServerHandle, state: BusState) {
//!         // The messages of the meantime are lost: clients have to know.
//!         server.broadcast(match state {
//!             BusState::Down => r#"{"type":"partial"}"#,
//!             BusState::Up => r#"{"type":"whole"}"#,
//!         });
//!     }
//! }
//!
//! struct Member;
//!
//! impl ConnectionHandler for Member {
//!     fn on_open(&mut self, ws: &WebSocketConnection) {
//!         let _ = ws.subscribe("lobby"); // fails if the connection is closed
//!     }
//!
//!     fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
//!         if let Err(error) = ws.publish("lobby", message).elsewhere {
//!             eprintln!("only members at this server have got it: {error}");
//!         }
//!     }
//! }
//!
//! // In production: `ws_bus::Nats::connect("nats://127.0.0.1:4222", ..)`.
//! let options = ServerOptions::new().bus(MemoryBus::new());
//! let one = WebSocketServer::bind("127.0.0.1:0", options.clone())?.spawn(Chat)?;
//! let other = WebSocketServer::bind("127.0.0.1:0", options)?.spawn(Chat)?;
//! # one.handle().terminate(None);
//! # other.handle().terminate(None);
//! # one.join();
//! # other.join();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The guarantees are those of the brokers:
//!
//! * at most once;
//! * in order for one publisher and topic; a publisher is a thread, or the handler of a connection;
//! * what is published while the bus is down is lost elsewhere, and the handler is told
//!   ([`on_bus`](crate::ServerHandler::on_bus));
//! * after [`Up`](crate::BusState::Up), topics are subscribed again before anything is delivered.
//!
//! The bus is down until the first call of `on_bus`, and a connection that opens later has missed earlier calls: keep
//! the state in the server's handler, and pass it to the handlers of new connections.
//!
//! Subscribers at the same server always get the message, and first. [`Broadcast::elsewhere`](crate::Broadcast) says
//! whether the bus has taken it; nothing says whether it has arrived. The counts of a [`Broadcast`](crate::Broadcast)
//! are those of this server. [`publish_here`](crate::ServerHandle::publish_here) and
//! [`broadcast`](crate::ServerHandle::broadcast) leave the bus out.
//!
//! A bus has no memory. There is no presence, no history, no acknowledgement, and no count over all machines: an
//! application that must not lose a message writes it to its database, publishes that it is there, and lets clients
//! ask for what they have missed.
//!
//! # Presence by a topic
//!
//! The handler of each connection publishes its arrival, its departure, and from a timer that it is still here.
//! Clients keep the list, and drop a name that they have not heard for twice that time: a server that crashes says no
//! goodbye.
//!
//! ```
//! use std::time::Duration;
//! use ws_std::wsproto::CloseInfo;
//! use ws_std::{ConnectionHandler, Message, TimerId, WebSocketConnection};
//!
//! /// Clients drop a name that they have not heard for twice this time.
//! const STILL_HERE: Duration = Duration::from_secs(20);
//!
//! struct Member {
//!     name: String,
//! }
//!
//! impl Member {
//!     fn tell(&self, ws: &WebSocketConnection, what: &str) {
//!         ws.publish("lobby", format!("{what} {}", self.name));
//!     }
//! }
//!
//! impl ConnectionHandler for Member {
//!     fn on_open(&mut self, ws: &WebSocketConnection) {
//!         let _ = ws.subscribe("lobby"); // fails if the connection is closed
//!         self.tell(ws, "here");
//!         ws.set_timer(STILL_HERE);
//!     }
//!
//!     fn on_timer(&mut self, ws: &WebSocketConnection, _: TimerId) {
//!         self.tell(ws, "here");
//!         ws.set_timer(STILL_HERE);
//!     }
//!
//!     fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
//!         ws.publish("lobby", message);
//!     }
//!
//!     fn on_terminate(&mut self, ws: &WebSocketConnection, _: &CloseInfo) {
//!         self.tell(ws, "gone");
//!     }
//! }
//! # let ada = ws_std::testing::connect(Member { name: "Ada".into() });
//! # ada.server().advance(STILL_HERE);
//! # ada.close(None);
//! ```
//!
//! # Sharding by topic
//!
//! A server receives a topic only while it has a subscriber for it. If clients are spread at random, every server
//! soon has one for every popular topic, and each message goes to all servers. When that becomes too much for the
//! broker or the servers, send the clients of one topic to the same server: put the topic into the URL, and let
//! the load balancer hash it. In nginx:
//!
//! ```text
//! upstream chat {
//!     hash $arg_room consistent;
//!     server 10.0.0.1:9001;
//!     server 10.0.0.2:9001;
//! }
//! ```
//!
//! Keep the bus. It carries the topics that two servers share, and those of clients that a failed server has
//! left to the others.
//!
//! # Sticky load balancers are not needed
//!
//! A WebSocket is one connection of TCP: all of its messages reach the same server without a cookie or a hash of
//! addresses. When a client connects again, any server will do, because its subscriptions have ended with the old
//! connection, and it subscribes again. Only state in the memory of one server ties a client to it: keep that state
//! in a database, or send it to the client.
//!
//! # Deploys
//!
//! Replace one server after the other. [`terminate_with`](crate::ServerHandle::terminate_with) closes its connections
//! with 1012 (Service Restart):
//!
//! ```
//! use std::time::Duration;
//! use ws_std::wsproto::CloseCode;
//! use ws_std::{Error, ServerHandle};
//!
//! fn restart(server: &ServerHandle) -> Result<(), Error> {
//!     server.terminate_with(CloseCode::SERVICE_RESTART, "", Some(Duration::from_secs(10)))
//! }
//! ```
//!
//! Clients must connect again after random delays, or all of them return to the remaining servers at once:
//! [`Reconnect`](crate::Reconnect) does so, and a browser's script needs the same. Topics stay subscribed for
//! [`bus_linger`](crate::ServerOptions::bus_linger()) after the last subscriber has left, so that a client that comes
//! back costs the broker nothing. A message that is published between two connections of a client is lost for it. A server
//! leaves the bus after its handler's last call, so both kinds of
//! [`on_terminate`](crate::ServerHandler::on_terminate) can still publish.
//! [Shutdown](super::deploy#shutdown) has the order of health check, load balancer and server.
//!
//! # How many connections one machine carries
//!
//! | limited by | figure |
//! |---|---|
//! | descriptors | one for each connection. Often 1024 by default: raise `LimitNOFILE=` or `ulimit -n`; Linux allows 1 048 576 in a process (`fs.nr_open`) |
//! | ports | none: all connections share the server's port. A proxy or a load generator needs one for each connection, of about 28 000 by default, for each address at its own end and at the server's |
//! | memory, `ws-mio` | 293 bytes for each idle connection (29 MB for 100 000) |
//! | memory, `ws-tokio` | 1589 bytes (159 MB for 100 000) |
//! | memory, `ws-std` | 16 KB with its thread (160 MB for 10 000); more than about 16 000 need a higher `vm.max_map_count`, see [Limits](super::deploy#limits) |
//! | memory of a compressed connection | some 170 bytes more, and up to 4 KiB with `Deflate::new()` |
//! | memory of a slow peer | up to the high-water mark, 64 KiB, and one message |
//! | limits of the server | [`max_connections`](crate::ServerOptions::max_connections()): 4096 with `ws-std`, 100 000 with the others |
//!
//! The figures are those of `./check bench-memory` and `./check idle` on Linux, measured with ten thousand
//! connections after an echo of 16 KiB. They do not include TLS, the application's own state, nor the kernel's memory
//! for each socket, which is some kilobytes and often more than ours.
//!
//! The processor is often the limit before memory is: a message to all of `n` connections is `n` writes. A publication
//! encodes and compresses once, and then copies the frame for each subscriber, in about 12 ns for 125 bytes (`./check
//! bench-broadcast`); the system call that writes it costs much more. So multiply the messages of a second by their
//! subscribers, and measure with your own messages.
