//! Clients that connect to a URL.

use std::sync::Arc;

use parking_lot::Mutex;
use ws_common::adapter::logging::debug;
use ws_common::adapter::{CloseOnCancel, Target};
use ws_common::{ClientOptions, Error};
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;

use crate::WebSocket;
use crate::client::begin;
use crate::dial::dial;
use crate::origin::OriginParts;

/// Connects to a `ws://` or `wss://` URL, with the default limits and deadlines of [`ClientOptions`].
///
/// `http://` and `https://` mean the same as `ws://` and `wss://`, as in browsers (WHATWG, the constructor of
/// `WebSocket`). RFC 6455 section 3 defines only `ws` and `wss`, and [`WsUrl::parse_ws`] accepts no other scheme.
///
/// # Errors
///
/// [`Error::Url`] for a malformed URL; [`Error::TlsUnavailable`] for `wss://` without the feature `tls`;
/// [`Error::Connect`], [`Error::Tls`] or [`Error::Io`] if the transport fails, or outside of a runtime of tokio;
/// [`Error::Http`] for a response other than 101; [`Error::InvalidAnswer`] for an answer that breaks a rule;
/// [`Error::Session`] for none in time.
///
/// # Cancel safety
///
/// If the future is dropped, so are its sockets.
pub async fn connect(url: &str) -> Result<WebSocket, Error> {
    connect_with(ClientRequest::new(WsUrl::parse(url)?), ClientOptions::new()).await
}

/// Connects to the URL of a request with options; a [`Config`](wsproto::Config) converts into options. The addresses of
/// the host are tried in turn, each 250 ms after the one before or as soon as that fails, and the first that opens is used
/// (RFC 8305, section 5). All of them share [`ClientOptions::connect_timeout`].
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use ws_tokio::wsproto::{handshake::ClientRequest, url::WsUrl};
/// use ws_tokio::{ClientOptions, Proxy, connect_with};
///
/// let request = ClientRequest::new(WsUrl::parse("wss://example.com/chat")?)
///     .subprotocol("chat.v2")?
///     .header("Authorization", "Bearer mF_9.B5f-4.1JqM")?;
/// let proxy = Proxy::new("proxy.example:3128")?.credentials("user", "password")?;
/// let mut ws = connect_with(request, ClientOptions::new().proxy(proxy)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`connect`], and [`Error::Option`] if an option is invalid, or does not fit the URL or another option;
/// [`Error::Proxy`] if the proxy refuses the tunnel; [`Error::ClientCertificate`] if a redirect leads to another origin,
/// which would see the client certificate; [`Error::Session`] of [`Abandoned`](wsproto::SessionError::Abandoned) if the
/// token of [`ClientOptions::cancel`] was cancelled.
///
/// # Cancel safety
///
/// If the future is dropped, so are its sockets.
pub async fn connect_with(
    request: ClientRequest,
    options: impl Into<ClientOptions>,
) -> Result<WebSocket, Error> {
    let options = options.into();
    let cancel = options.cancel.clone();
    let target = Arc::new(Mutex::new(Target::new(request, options)?));
    loop {
        let transported = dial(&target).await?;
        let (request, config) = {
            let target = target.lock();
            (target.request().clone(), Arc::clone(&target.options().config))
        };
        let url = Some(Box::new(request.url().clone()));
        let parts = OriginParts { acceptor: None, url, target: Some(Arc::clone(&target)) };
        let mut ws = begin(transported, parts, request, config)?;
        let closing = CloseOnCancel::new(cancel.as_ref(), ws.handle().clone());
        let opened = ws.open().await;
        if closing.finish(opened)? {
            return Ok(ws);
        }
        debug!("redirected to {}", target.lock().request().url().without_query());
    }
}
