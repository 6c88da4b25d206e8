//! Servers in production: proxies and load balancers, limits, shutdown, reconnecting clients, certificates.
//!
//! Everything here applies to `ws-std`, `ws-mio` and `ws-tokio`, unless it names one of them.
//!
//! # Behind a reverse proxy
//!
//! The proxy must forward the upgrade and must not close idle connections. By default, a server sends a Ping
//! every 30 s (see [`ServerOptions`]); every idle timeout on the path must be longer than that.
//!
//! nginx:
//!
//! ```text
//! map $http_upgrade $connection_upgrade { default upgrade; '' close; }
//!
//! location / {
//!     proxy_pass http://127.0.0.1:9001;
//!     proxy_http_version 1.1;
//!     proxy_set_header Upgrade $http_upgrade;
//!     proxy_set_header Connection $connection_upgrade;
//!     proxy_set_header Host $host;
//!     proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
//!     proxy_read_timeout 75s;
//!     proxy_send_timeout 75s;
//! }
//! ```
//!
//! HAProxy forwards the upgrade without configuration. After the upgrade, only `timeout tunnel` applies:
//!
//! ```text
//! defaults
//!     mode http
//!     timeout connect 5s
//!     timeout client 30s
//!     timeout server 30s
//!     timeout http-request 10s
//!     timeout tunnel 75s
//! backend app
//!     option httpchk GET /health
//!     server app1 127.0.0.1:9001 check
//! ```
//!
//! * Balance by the number of connections (`least_conn`, `leastconn`): connections are long-lived, and a
//!   restarted server would otherwise stay empty.
//! * A proxy can open only as many connections to one address and port as it has ephemeral ports, by default
//!   about 28 000 on Linux (`net.ipv4.ip_local_port_range`). For more, give the proxy several addresses.
//! * [`peer_addr`](crate::WebSocketConnection::peer_addr) is the proxy's address.
//!   [`client_addr`](crate::WebSocketConnection::client_addr) is the client's, if the proxy is
//!   [trusted](crate::TrustedProxies): list its addresses, or `unix:` if it connects through a Unix domain
//!   socket. Such header fields of other peers are ignored.
//! * A proxy that forwards TCP or TLS, such as HAProxy with `mode tcp` and `send-proxy-v2`, names the client in
//!   a header of its own: [`TrustedProxies::proxy_protocol`](crate::TrustedProxies::proxy_protocol). Its health
//!   checks need the header, too (`check-send-proxy`).
//! * [`ServerSocket::bind_unix`](crate::ServerSocket), given to `WebSocketServer::from_listener`, listens where
//!   only programs of the same machine can connect: `proxy_pass http://unix:/run/app/socket;`
//! * [`ServerOptions::origins`] is compared with the `Origin` field of the browser: list the public origin,
//!   such as `https://example.com`, even if the proxy terminates TLS.
//!
//! # Health checks
//!
//! The application answers requests that are not an upgrade: HTTP/1.0 and HTTP/1.1, any method, including
//! `HEAD` and `OPTIONS`. A check that only connects and disconnects is not reported as an error.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use ws_std::wsproto::handshake::Response;
//! use ws_std::{
//!     Decision, IncomingRequest, Message, ServerHandle, ServerHandler, WebSocketConnection,
//! };
//!
//! struct App {
//!     draining: Arc<AtomicBool>,
//! }
//!
//! impl ServerHandler for App {
//!     type Handler = fn(&WebSocketConnection, Message);
//!
//!     fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Self::Handler> {
//!         Decision::accept(|ws, message| {
//!             let _ = ws.send(message); // fails if the peer is gone
//!         })
//!     }
//!
//!     fn on_request(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Self::Handler> {
//!         match request.path() {
//!             "/health" if self.draining.load(Ordering::Relaxed) => {
//!                 Decision::respond(Response::text(503, "draining\n"))
//!             }
//!             "/health" => Decision::respond(Response::text(200, "ok\n")),
//!             _ => Decision::decline(),
//!         }
//!     }
//! }
//! # let app = App { draining: Arc::default() };
//! # let server = ws_std::WebSocketServer::bind("127.0.0.1:0", Default::default())?;
//! # let running = server.spawn(app)?;
//! # use std::io::{Read, Write};
//! # let mut check = std::net::TcpStream::connect(running.handle().local_addr().unwrap())?;
//! # check.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
//! # let mut answer = String::new();
//! # check.read_to_string(&mut answer)?;
//! # assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"), "{answer}");
//! # running.handle().terminate(None);
//! # running.join();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Shutdown
//!
//! [`ServerHandle::terminate`](crate::ServerHandle::terminate) closes the listener, closes every connection
//! with 1001, and aborts the remaining ones after its timeout. Clients usually reconnect after 1001; see
//! [Reconnecting](#reconnecting).
//!
//! ```
//! use std::time::Duration;
//! use ws_std::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};
//!
//! let running = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?.spawn(|_: &_, _: &_| {
//!     Decision::accept(|ws: &WebSocketConnection, message: Message| {
//!         let _ = ws.send(message); // fails if the peer is gone
//!     })
//! })?;
//! let server = running.handle().clone();
//! ctrlc::set_handler(move || server.terminate(Some(Duration::from_secs(10))))?; // SIGTERM, too
//! # running.handle().terminate(None);
//! running.join();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The feature `termination` of the crate `ctrlc` adds SIGTERM. For an orderly shutdown, let the health check
//! fail, wait until the load balancer has noticed, then terminate the server. The supervisor must wait longer
//! than the timeout before it kills the process: `TimeoutStopSec` of systemd, `terminationGracePeriodSeconds`
//! of Kubernetes.
//!
//! # Reconnecting
//!
//! [`reconnect`](crate::reconnect) connects again after an end or an error that is not final, with random delays
//! whose upper bound doubles (RFC 6455 section 7.2.3): without jitter, all clients of a restarted server would
//! return at once. [`Reconnect`](crate::Reconnect) is the decision alone, a value without a clock, and says which
//! outcomes are final; `ws-mio` uses it in `LoopHandle::reconnect`. A [`Cancel`](crate::Cancel) token stops it
//! from another thread, whether it waits, connects or is connected. Messages sent shortly before the end may be
//! lost, so the application must resynchronize, and renew its subscriptions, on each connection:
//!
//! ```no_run
//! use std::time::Duration;
//! use ws_std::wsproto::KeepAlive;
//! use ws_std::wsproto::handshake::ClientRequest;
//! use ws_std::{Cancel, ClientOptions, Reconnect, reconnect};
//!
//! let request = ClientRequest::parse("wss://example.com/prices")?.bearer("mF_9.B5f-4.1JqM")?;
//! let cancel = Cancel::new(); // another thread stops the client with `cancel.clone()`
//! // Without a keep-alive, a client that only receives may never learn that the server is gone.
//! let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(30));
//! let options = ClientOptions::new().keep_alive(Some(keep_alive)).cancel(cancel.clone());
//! let policy = Reconnect::new()
//!     .delays(Duration::from_secs(1), Duration::from_secs(60))
//!     // An overloaded server may accept connections and close them at once.
//!     .stable_after(Duration::from_secs(60))
//!     .most_failures(10);
//! let end = reconnect(&request, options, policy, |event| eprintln!("{event:?}"), |ws| {
//!     ws.send_text(r#"{"subscribe":"gold"}"#)?;
//!     for message in ws {
//!         println!("{:?}", message?);
//!     }
//!     Ok(())
//! })?;
//! println!("{end}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! | limit of | resource | setting |
//! |---|---|---|
//! | a process | descriptors, one per connection | `LimitNOFILE=`, `ulimit -n` |
//! | a process, `ws-std` | threads, one per connection | `TasksMax=`, `pids.max`, `ulimit -u` |
//! | a process, `ws-std` | memory mappings, four per thread | `vm.max_map_count` |
//! | a listener | backlog of connections not accepted yet: 4096 requested | `net.core.somaxconn` |
//! | a server | connections: 4096 with `ws-std`, 100 000 with the others | [`ServerOptions::max_connections`] |
//! | an address | any number | [`ServerOptions::max_connections_per_address`] and `max_attempts_per_address` |
//! | a connection | messages of 1 MiB, 64 KiB queued for the peer | [`ServerOptions`] |
//!
//! Linux allows a process 65 530 mappings by default, enough for about 16 000 connections of `ws-std`; a
//! process that runs out of mappings aborts. Set `max_connections` below the system's limits. Further
//! clients get status 503, or over TLS are disconnected; a lack of descriptors, in contrast, pauses
//! accepting for 50 ms. Clients beyond the limits of their address get status 429, or over TLS are
//! disconnected. Choose those limits with offices and mobile networks in mind, whose clients share one IPv4
//! address. A connection holds at most one incomplete message, and queues at most the high-water mark plus
//! one message, counted separately for replies and for other output.
//!
//! # Compression
//!
//! The feature `deflate` and one line, `ServerOptions::deflate(Deflate::new())`, compress messages for
//! clients that offer it, as browsers do. It pays off where bytes cost more than processor time, for texts of
//! at least a few hundred bytes; `Deflate` describes the trade-offs. An idle connection then holds up to 4 KiB,
//! with `Deflate::frugal()` nothing. Use `send_plain` for messages that contain both a secret and text that a
//! stranger chose: the compressed length could betray the secret.
//!
//! # Load balancers and the keep-alive
//!
//! Load balancers, firewalls and NAT drop idle connections, some after 60 s or less. A keep-alive Ping and
//! its Pong are traffic in both directions. Browsers answer Pings but cannot send them, so the server is the
//! end that pings. [`ServerOptions::keep_alive`] sets the interval.
//!
//! A peer that sends Pings itself may mistake a long download for silence, because the Pong waits behind it.
//! `ServerOptions::fragment_size(Some(64 << 10))` sends longer messages in fragments of 64 KiB, and Pings and
//! Pongs between them. But a server sees no Ping while it does not read, because more than its
//! `high_water_mark` of replies is unwritten: raise that above the longest message, or send the download from
//! another thread or a timer instead of `on_message`.
//!
//! # Certificates
//!
//! The proxy terminates TLS, or the server does:
//! [`ServerTls::from_pem_files`](crate::ServerTls::from_pem_files) reads a certificate chain and a private
//! key. [`ServerTls::replace`](crate::ServerTls::replace) takes renewed ones while the server runs: new
//! connections use them, and open ones are not affected. Call it from a timer, or from a hook of the
//! program that renews them.
//!
//! ```
//! use ws_std::{ServerHandle, ServerTls};
//!
//! fn renew(server: &ServerHandle) -> std::io::Result<()> {
//!     if let Some(tls) = &server.options().tls {
//!         tls.replace(&ServerTls::from_pem_files("cert.pem", "key.pem")?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! For development, make a self-signed certificate for `localhost`. The names in `subjectAltName` are the
//! hosts that URLs may contain; the common name (`CN`) is ignored:
//!
//! ```text
//! openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout key.pem -out cert.pem \
//!     -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
//! ```
//!
//! A client trusts this certificate, and no other, with
//! [`ClientTls::from_pem_file`](crate::ClientTls::from_pem_file):
//!
//! ```no_run
//! use ws_std::wsproto::{handshake::ClientRequest, url::WsUrl};
//! use ws_std::{ClientOptions, ClientTls, connect_with};
//!
//! let request = ClientRequest::new(WsUrl::parse("wss://localhost:9443/")?);
//! let options = ClientOptions::new().tls(ClientTls::from_pem_file("cert.pem")?);
//! let mut ws = connect_with(request, options)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Monitoring
//!
//! [`ServerHandle::stats`](crate::ServerHandle::stats) counts connections, refusals by reason, messages and
//! bytes; a few lines of an `on_request` turn it into a page for a collector:
//!
//! ```
//! use ws_std::wsproto::handshake::Response;
//! use ws_std::{Decision, ServerHandle};
//!
//! fn metrics(server: &ServerHandle) -> Decision<()> {
//!     let stats = server.stats();
//!     Decision::respond(Response::new(200).body(
//!         "text/plain; version=0.0.4",
//!         format!(
//!             "ws_connections {}\nws_messages_in_total {}\nws_refused_total{{reason=\"full\"}} {}\n",
//!             stats.open, stats.messages_in, stats.refused.full
//!         ),
//!     ))
//! }
//! ```
//!
//! Errors before a connection is open are passed to the server's
//! [`on_error`](crate::ServerHandler::on_error), later ones to the handler of the connection. All of them are
//! logged through the facade `log`, or with the feature `tracing` through that crate, without secrets and payloads.
//! [`Broadcast::refused`](crate::Broadcast::refused) lists the connections whose peers do not read.

#[cfg(doc)]
use crate::{Error, ServerOptions};
