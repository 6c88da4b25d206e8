//! Servers in production: proxies and load balancers, limits, shutdown, certificates.
//!
//! Everything here applies to `ws-std` and `ws-mio`, unless it names one of them.
//!
//! # Behind a reverse proxy
//!
//! The proxy must forward the upgrade and must not close idle connections. The keep-alive of
//! [`ServerOptions`] sends a Ping every 30 s; every idle timeout on the path must be longer than that.
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
//! HAProxy forwards the upgrade without configuration. After it, only `timeout tunnel` applies:
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
//! * Balance by the number of connections (`least_conn`, `leastconn`): connections are long-lived, and a restarted
//!   server would otherwise stay empty.
//! * A proxy can open only as many connections to one address and port as it has ephemeral ports, about 28 000 by
//!   default on Linux (`net.ipv4.ip_local_port_range`). For more, give the proxy several addresses.
//! * [`peer_addr`](crate::WebSocketConnection::peer_addr) is the proxy's address. The client's is in header fields of
//!   the request; trust them only if no client can bypass the proxy.
//! * [`ServerOptions::origins`](crate::ServerOptions::origins) is compared with the `Origin` field of the browser: list
//!   the public origin, such as `https://example.com`, even if the proxy terminates TLS.
//!
//! # Health checks
//!
//! The application answers requests that are not an upgrade: HTTP/1.0 and HTTP/1.1, any method, including `HEAD` and
//! `OPTIONS`. A check that only connects and disconnects is not reported.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use ws_std::wsproto::handshake::{Request, Response};
//! use ws_std::{Decision, Message, ServerHandle, ServerHandler, WebSocketConnection};
//!
//! struct App {
//!     draining: Arc<AtomicBool>,
//! }
//!
//! impl ServerHandler for App {
//!     type Handler = fn(&WebSocketConnection, Message);
//!
//!     fn on_connection(&mut self, _: &ServerHandle, _: &Request) -> Decision<Self::Handler> {
//!         Decision::accept(|ws, message| {
//!             let _ = ws.send(message); // fails if the peer is gone
//!         })
//!     }
//!
//!     fn on_request(&mut self, _: &ServerHandle, request: &Request) -> Decision<Self::Handler> {
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
//! [`ServerHandle::terminate`](crate::ServerHandle::terminate) closes the listener, closes every connection with
//! 1001, and aborts the remaining ones after its timeout. Clients usually reconnect after 1001: have them wait a
//! random time first.
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
//! The feature `termination` of the crate `ctrlc` adds SIGTERM. For an orderly shutdown, let the health check fail,
//! wait until the load balancer has noticed, then terminate the server. The supervisor must wait longer than the
//! timeout before it kills the process: `TimeoutStopSec` of systemd, `terminationGracePeriodSeconds` of Kubernetes.
//!
//! # Limits
//!
//! | limit of | resource | setting |
//! |---|---|---|
//! | a process | descriptors, one per connection | `LimitNOFILE=`, `ulimit -n` |
//! | a process, `ws-std` | threads, one per connection | `TasksMax=`, `pids.max`, `ulimit -u` |
//! | a process, `ws-std` | memory mappings, four per thread | `vm.max_map_count` (65 530 by default on Linux: about 16 000 connections; the process aborts when it runs out) |
//! | a listener | connections that are not accepted yet: a backlog of 4096 is requested | `net.core.somaxconn` |
//! | a server | [`max_connections`](crate::ServerOptions::max_connections): 4096 with `ws-std`, 100 000 with `ws-mio` | the option; further clients get 503 |
//! | a connection | messages of 1 MiB, 64 KiB queued for the peer | [`ServerOptions`] |
//!
//! Set `max_connections` below the system's limits: a refused client gets a response, while a lack of descriptors
//! pauses accepting for 50 ms. A connection holds at most one incomplete message, and queues at most the high-water
//! mark plus one message, counted separately for replies and for other output.
//!
//! # Load balancers and the keep-alive
//!
//! Load balancers, firewalls and NAT drop idle connections, some after 60 s or less. A keep-alive Ping and its Pong
//! are traffic in both directions. Browsers answer Pings but cannot send them, so the server is the end that pings. [`ServerOptions::keep_alive`](crate::ServerOptions::keep_alive) sets the interval.
//!
//! # Certificates
//!
//! The proxy terminates TLS, or the server does: [`ServerTls::from_pem_files`](crate::ServerTls::from_pem_files) reads a
//! chain and a key once. To renew a certificate while the server runs, use a resolver of `rustls`: it is asked for each
//! new connection. Open connections are not affected.
//!
//! ```
//! use std::sync::{Arc, RwLock};
//! use ws_std::ServerTls;
//! use ws_std::rustls::ServerConfig;
//! use ws_std::rustls::server::{ClientHello, ResolvesServerCert};
//! use ws_std::rustls::sign::CertifiedKey;
//!
//! /// The current certificate; renewal replaces it.
//! #[derive(Debug)]
//! struct Current(RwLock<Arc<CertifiedKey>>);
//!
//! impl ResolvesServerCert for Current {
//!     fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
//!         self.0.read().ok().map(|current| Arc::clone(&current))
//!     }
//! }
//!
//! fn tls(current: Arc<Current>) -> Result<ServerTls, ws_std::rustls::Error> {
//!     let provider = Arc::new(ws_std::rustls::crypto::ring::default_provider());
//!     let builder = ServerConfig::builder_with_provider(provider);
//!     let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
//!     Ok(builder.with_cert_resolver(current).into())
//! }
//! ```
//!
//! Clients trust a self-signed certificate, and no other, with
//! [`ClientTls::from_pem_file`](crate::ClientTls::from_pem_file).
//!
//! # Monitoring
//!
//! Errors before a connection is open are passed to the server's
//! [`on_error`](crate::ServerHandler::on_error), later ones to the handler of the connection. All of them are logged
//! through the `log` facade, without secrets and payloads. [`Broadcast::refused`](crate::Broadcast::refused) lists the
//! connections whose peers do not read.

#[cfg(doc)]
use crate::ServerOptions;
