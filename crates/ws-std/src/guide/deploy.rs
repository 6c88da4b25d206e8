//! Servers in production: proxies and load balancers, limits, the end, certificates.
//!
//! Everything here holds for `ws-mio` as well, unless it names one adapter.
//!
//! # Behind a reverse proxy
//!
//! A proxy has to pass the upgrade on, and must not close connections that are only idle. The keep-alive of
//! [`ServerOptions`] sends a Ping every 30 s; every timeout on the way must be longer than that.
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
//! HAProxy recognizes the upgrade by itself. After it, `timeout tunnel` is the one that counts:
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
//! * Balance by the number of connections (`least_conn`, `leastconn`): connections live long, and a server that was
//!   restarted would stay empty otherwise.
//! * From one proxy to one address and port there are as many connections as ephemeral ports, some 28 000 by default
//!   on Linux (`net.ipv4.ip_local_port_range`). Give a proxy several addresses for more.
//! * [`peer_addr`](crate::WebSocketConnection::peer_addr) is the proxy's. The client's is in the header fields of the
//!   request, which count only if no client can reach the server without the proxy.
//! * [`ServerOptions::origins`](crate::ServerOptions::origins) compares the field that browsers send: the public origin, such
//!   as `https://example.com`, also when the proxy has ended TLS.
//!
//! # Health checks
//!
//! An ordinary request is the application's, in HTTP/1.0 and HTTP/1.1, and of any method, `HEAD` and `OPTIONS`
//! included. A check that only connects and leaves is silent.
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
//!             let _ = ws.send(message); // a peer that is gone meanwhile gets no echo
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
//! # The end
//!
//! [`ServerHandle::terminate`](crate::ServerHandle::terminate) closes the listener, closes every connection with
//! 1001, and aborts the rest at the end of its timeout. Clients that see 1001 reconnect: have them wait a
//! random time before.
//!
//! ```
//! use std::time::Duration;
//! use ws_std::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};
//!
//! let running = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?.spawn(|_: &_, _: &_| {
//!     Decision::accept(|ws: &WebSocketConnection, message: Message| {
//!         let _ = ws.send(message); // a peer that is gone meanwhile gets no echo
//!     })
//! })?;
//! let server = running.handle().clone();
//! ctrlc::set_handler(move || server.terminate(Some(Duration::from_secs(10))))?; // SIGTERM, too
//! # running.handle().terminate(None);
//! running.join();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! (`ctrlc` is a crate; its feature `termination` adds SIGTERM.) In an orderly deployment, the health check
//! fails first, the load balancer notices, and then the server ends. The supervisor has to wait longer than the
//! timeout before it kills the process: `TimeoutStopSec` of systemd, `terminationGracePeriodSeconds` of Kubernetes.
//!
//! # Limits
//!
//! | limit of | resource | setting |
//! |---|---|---|
//! | a process | descriptors, one for each connection | `LimitNOFILE=`, `ulimit -n` |
//! | a process, `ws-std` | threads, one for each connection | `TasksMax=`, `pids.max`, `ulimit -u` |
//! | a process, `ws-std` | mappings of memory, four for each thread | `vm.max_map_count` (65 530 by default on Linux: some 16 000 connections; a process without one aborts) |
//! | a listener | connections that are not accepted yet: 4096 are asked for | `net.core.somaxconn` |
//! | a server | [`max_connections`](crate::ServerOptions::max_connections): 4096 with `ws-std`, 100 000 with `ws-mio` | the option; more get 503 |
//! | a connection | messages of 1 MiB, 64 KiB that wait for the peer | [`ServerOptions`] |
//!
//! Set `max_connections` below what the system allows: a refusal is an answer, want of descriptors is a pause of
//! 50 ms for everybody. A connection holds at most one message in flight, and of its output the high-water mark and one
//! message, once for answers and once for everything else.
//!
//! # Load balancers and the keep-alive
//!
//! Load balancers, firewalls and NAT forget connections without traffic, some after 60 s or less. The Pings of
//! the keep-alive are traffic in both directions. Browsers answer them, and cannot send any; so the server is the
//! end that pings. [`ServerOptions::keep_alive`](crate::ServerOptions::keep_alive) makes the interval shorter.
//!
//! # Certificates
//!
//! TLS ends in the proxy, or here: [`ServerTls::from_pem_files`](crate::ServerTls::from_pem_files) reads a chain
//! and a key once. A certificate that is renewed while the server runs needs a resolver of `rustls`, which is asked
//! for each connection; those that are open are not affected.
//!
//! ```
//! use std::sync::{Arc, RwLock};
//! use ws_std::ServerTls;
//! use ws_std::rustls::ServerConfig;
//! use ws_std::rustls::server::{ClientHello, ResolvesServerCert};
//! use ws_std::rustls::sign::CertifiedKey;
//!
//! /// The certificate of now. Whatever renews it puts the next one in its place.
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
//! Clients of a server with a certificate of its own trust exactly that one by
//! [`ClientTls::from_pem_file`](crate::ClientTls::from_pem_file).
//!
//! # What to watch
//!
//! Errors before a connection is open come to [`on_error`](crate::ServerHandler::on_error) of the server, others
//! to the handler of the connection; all of it goes to the `log` facade, without secrets and payloads.
//! [`Broadcast::refused`](crate::Broadcast::refused) names the peers that do not read.

#[cfg(doc)]
use crate::ServerOptions;
