//! Connections of a web server that runs on hyper: requests that it has read, answers that it writes, streams that
//! it hands over.

#[cfg(feature = "axum")]
mod axum;
mod http;
mod open;
mod refusal;
mod server;

use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;

use ::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use ws_common::adapter::check_hosted;
use wsproto::handshake::{Accept, Request, RequestError};

use crate::WebSocket;

pub use http::http_response;
pub use open::Upgrading;
pub use refusal::Refusal;
pub use server::UpgradeServer;

/// A request for a WebSocket that a web server has read, over HTTP/1.1 (RFC 6455 section 4.2) or HTTP/2 (RFC 8441).
///
/// With hyper, [`of`](Self::of) takes it from a request, and for HTTP/2 the server needs
/// `enable_connect_protocol`. With axum and the feature `axum`, it is an extractor; for HTTP/2, `axum::serve` needs
/// axum's own feature `http2`. Route it with `any`, not with `get`: over HTTP/2 it is a CONNECT.
///
/// Over HTTP/2, each answer of status 200 to 299 opens a WebSocket (RFC 8441 section 5): answer a CONNECT for a page
/// with another status, such as 404.
///
/// ```
/// # use std::convert::Infallible;
/// use http_body_util::Full;
/// use hyper::body::{Bytes, Incoming};
/// use hyper::{Request, Response};
/// use ws_tokio::{Upgrade, UpgradeServer};
///
/// // The service of a hyper server.
/// async fn echo(
///     server: UpgradeServer,
///     mut request: Request<Incoming>,
/// ) -> Result<Response<Full<Bytes>>, Infallible> {
///     let upgrade = match Upgrade::of(&mut request) {
///         Ok(upgrade) => upgrade,
///         Err(refusal) => return Ok(refusal.into()),
///     };
///     Ok(upgrade.run(&server, |mut ws| async move {
///         while let Ok(Some(message)) = ws.recv().await {
///             if ws.send(message).await.is_err() {
///                 break;
///             }
///         }
///     }))
/// }
/// ```
///
/// With axum, whose own graceful end does not reach WebSockets:
///
#[cfg_attr(feature = "axum", doc = "```no_run")]
#[cfg_attr(not(feature = "axum"), doc = "```ignore")]
/// use axum::{Router, extract::State, response::Response, routing::any};
/// use ws_tokio::{ServerOptions, Upgrade, UpgradeServer};
///
/// async fn chat(State(server): State<UpgradeServer>, upgrade: Upgrade) -> Response {
///     let lobby = server.clone();
///     let upgrade = upgrade.subprotocols(&["chat.v2", "chat.v1"]);
///     upgrade.run(&server, |mut ws| async move {
///         let _ = ws.handle().subscribe("lobby"); // fails if the connection is closed
///         while let Ok(Some(message)) = ws.recv().await {
///             lobby.publish("lobby", message);
///         }
///     })
/// }
///
/// # async fn stopped() {}
/// #[tokio::main]
/// async fn main() -> std::io::Result<()> {
///     let server = UpgradeServer::new(ServerOptions::new());
///     let router = Router::new().route("/chat", any(chat)).with_state(server.clone());
///     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
///     let ended = async move {
///         stopped().await; // a signal
///         server.terminate(None).await;
///     };
///     axum::serve(listener, router).with_graceful_shutdown(ended).await
/// }
/// ```
pub struct Upgrade {
    request: Request,
    on_upgrade: OnUpgrade,
    peer: Option<SocketAddr>,
    accept: Accept,
}

impl Upgrade {
    /// Takes the upgrade out of a request that hyper has read.
    ///
    /// # Errors
    ///
    /// [`Refusal`], with the status that the request deserves: 426 over HTTP/1.1 and 400 over HTTP/2 if it asks for
    /// no WebSocket, 501 for another `:protocol`, 405 for a tunnel, 400 if it is invalid; 500 if the web server cannot
    /// hand over its stream.
    pub fn of<B>(request: &mut ::http::Request<B>) -> Result<Self, Refusal> {
        let read = http::read(
            request.method(),
            request.uri(),
            request.version(),
            request.headers(),
            request.extensions(),
        );
        let on_upgrade = request.extensions_mut().remove();
        Self::new(read, on_upgrade)
    }

    /// Takes the upgrade out of the head of a request, as [`of`](Self::of) does.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub fn of_parts(parts: &mut Parts) -> Result<Self, Refusal> {
        let read =
            http::read(&parts.method, &parts.uri, parts.version, &parts.headers, &parts.extensions);
        let on_upgrade = parts.extensions.remove();
        Self::new(read, on_upgrade)
    }

    fn new(
        read: Result<Request, RequestError>,
        on_upgrade: Option<OnUpgrade>,
    ) -> Result<Self, Refusal> {
        let (request, on_upgrade) = check_hosted(read, on_upgrade)?;
        Ok(Self { request, on_upgrade, peer: None, accept: Accept::new() })
    }

    /// Returns the request.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Sets the address of the client, or of a proxy: for limits for each address, and for
    /// [trusted proxies](crate::ServerOptions::trusted_proxies). Without it, neither applies to this connection, and its
    /// handle tells no address. With axum, a handler has it from the extractor
    /// `ConnectInfo<SocketAddr>`, for which the router is served with `into_make_service_with_connect_info`.
    #[must_use]
    pub const fn peer_addr(mut self, peer: SocketAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Selects the first of these subprotocols that the client offers, or none.
    #[must_use]
    pub fn subprotocols(mut self, supported: &[&str]) -> Self {
        self.accept = self.accept.select_subprotocol(&self.request, supported);
        self
    }

    /// Sets the acceptance: header fields, a subprotocol and extensions, in place of earlier choices.
    #[must_use]
    pub fn accept_with(mut self, accept: Accept) -> Self {
        self.accept = accept;
        self
    }

    /// Accepts the request as a connection of `server`, whose options and limits apply. Returns the answer, and the
    /// connection, which opens once the web server has sent the answer.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: 403 or 404 by the options, 503 or 429 by the limits, 503 once the server is ending, 500 for an
    /// acceptance of what was not offered.
    pub fn accept<B: From<Vec<u8>>>(
        self,
        server: &UpgradeServer,
    ) -> Result<(::http::Response<B>, Upgrading), Refusal> {
        let hosted = server.acceptor().accept_hosted(self.request, self.peer, &self.accept)?;
        let response = http_response(hosted.response());
        Ok((response, Upgrading::new(hosted, self.on_upgrade, self.peer, server)))
    }

    /// Accepts the request, as [`accept`](Self::accept) does, and serves the connection in a task of the current
    /// runtime. Returns the answer, which may be a refusal. A connection that does not open is logged. The task is
    /// aborted at the deadline of the server's [end](UpgradeServer::terminate).
    ///
    /// # Panics
    ///
    /// Outside of a runtime of tokio, in which web servers call their services.
    pub fn run<B: From<Vec<u8>>, F: Future<Output = ()> + Send>(
        self,
        server: &UpgradeServer,
        serve: impl FnOnce(WebSocket) -> F + Send + 'static,
    ) -> ::http::Response<B> {
        let (response, upgrading) = match self.accept(server) {
            Ok(accepted) => accepted,
            Err(refusal) => return refusal.into(),
        };
        let server = server.clone();
        tokio::spawn(async move {
            let connection = async {
                if let Ok(ws) = upgrading.await {
                    serve(ws).await;
                }
            };
            server.until_over(pin!(connection)).await;
        });
        response
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("request", &self.request).finish_non_exhaustive()
    }
}
