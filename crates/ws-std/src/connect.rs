//! The client's side of the opening handshake.

use std::sync::Arc;

use parking_lot::Mutex;
use ws_common::ClientOptions;
use ws_common::adapter::logging::debug;
use ws_common::adapter::{CloseOnCancel, Driver, Step, Target, client_endpoint};
use wsproto::handshake::{ClientRequest, Response};
use wsproto::url::WsUrl;
use wsproto::{Client, Config, ReadyState, SessionError};

use crate::accept::tune;
use crate::clock::{CallTimeout, now};
use crate::dial::dial;
use crate::driver::BlockingDriver;
use crate::origin::Origin;
use crate::websocket::Opening;
use crate::{Error, Stream, WebSocket};

/// Connects to a `ws://` or `wss://` URL, with the default limits and deadlines of [`ClientOptions`].
///
/// `http://` and `https://` mean the same as `ws://` and `wss://`, as in browsers (WHATWG, the constructor of
/// `WebSocket`). RFC 6455 section 3 defines only `ws` and `wss`; [`WsUrl::parse_ws`] accepts no others.
///
/// # Errors
///
/// [`Error::Url`] for a malformed URL; [`Error::TlsUnavailable`] for `wss://` without the feature `tls`;
/// [`Error::Connect`], [`Error::Tls`] or [`Error::Io`] if the transport fails; [`Error::Http`] for a response
/// other than 101; [`Error::InvalidAnswer`] for an answer that breaks a rule; [`Error::Session`] for none in time.
pub fn connect(url: &str) -> Result<WebSocket, Error> {
    connect_with(ClientRequest::new(WsUrl::parse(url)?), ClientOptions::new())
}

/// Connects to the URL of a request with options; a [`Config`] converts into options. The addresses of the
/// host are tried in turn, each 250 ms after the one before or as soon as that fails, and the first that
/// opens is used (RFC 8305, section 5). On systems other than Unix, one is tried after the other. All of
/// them share [`ClientOptions::connect_timeout`].
///
/// ```no_run
/// use ws_std::wsproto::{handshake::ClientRequest, url::WsUrl};
/// use ws_std::{ClientOptions, Proxy, connect_with};
///
/// let request = ClientRequest::new(WsUrl::parse("wss://example.com/chat")?)
///     .subprotocol("chat.v2")?
///     .header("Authorization", "Bearer mF_9.B5f-4.1JqM")?;
/// let proxy = Proxy::new("proxy.example:3128")?.credentials("user", "password")?;
/// let mut ws = connect_with(request, ClientOptions::new().proxy(proxy))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`connect`], and [`Error::Option`] if an option is invalid, or does not fit the URL or another option;
/// [`Error::Proxy`] if the proxy refuses the tunnel; [`Error::ClientCertificate`] if a redirect leads to another
/// origin, which would see the client certificate; [`Error::Session`] of
/// [`Abandoned`](SessionError::Abandoned) if the token of [`ClientOptions::cancel`] was cancelled.
pub fn connect_with(
    request: ClientRequest,
    options: impl Into<ClientOptions>,
) -> Result<WebSocket, Error> {
    let options = options.into();
    let cancel = options.cancel.clone();
    let target = Arc::new(Mutex::new(Target::new(request, options)?));
    loop {
        let mut held = target.lock();
        let stream = dial(&mut held)?;
        let (request, config) = (held.request().clone(), Arc::clone(&held.options().config));
        drop(held);
        let mut ws = WebSocket::begin(stream, request, config, Some(Arc::clone(&target)))?;
        let closing = CloseOnCancel::new(cancel.as_ref(), ws.handle());
        let opened = ws.open();
        if closing.finish(opened)? {
            return Ok(ws);
        }
    }
}

impl WebSocket<Client> {
    /// Creates a connection on a stream to the server, such as one through a tunnel. Reads and writes
    /// nothing yet: call [`handshake`](Self::handshake) next.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the operating system has no random bytes.
    pub fn client(
        stream: impl Into<Stream>,
        request: ClientRequest,
        config: impl Into<Arc<Config>>,
    ) -> Result<Self, Error> {
        Self::begin(stream.into(), request, config.into(), None)
    }

    /// As [`client`](Self::client). With a target, redirects are followed.
    fn begin(
        stream: Stream,
        request: ClientRequest,
        config: Arc<Config>,
        target: Option<Arc<Mutex<Target>>>,
    ) -> Result<Self, Error> {
        tune(&stream);
        let url = Some(Box::new(request.url().clone()));
        let endpoint = client_endpoint(request.clone(), config, now())?;
        let origin = Origin { acceptor: None, url, target };
        let connection = BlockingDriver::begin(origin, endpoint, stream.clone(), None);
        let opening = Opening::Client { request: Box::new(request), response: None };
        Ok(Self::new(connection, stream, opening))
    }

    /// Sends the request and waits until the connection is open.
    ///
    /// # Errors
    ///
    /// As [`connect`]. A stream that is non-blocking or has timeouts may fail with `WouldBlock` or
    /// `TimedOut`; then call it again.
    pub fn handshake(&mut self) -> Result<(), Error> {
        self.open().map(drop)
    }

    /// As [`handshake`](Self::handshake). Returns `false` if the server redirects and the client follows.
    fn open(&mut self) -> Result<bool, Error> {
        let mut redirected = false;
        while self.ready_state() == ReadyState::Connecting {
            let stepped = self.step_unless(&mut CallTimeout::new(None), |ws| {
                let left = ws.connection.lock().follow_redirect();
                redirected = left.is_some();
                if redirected { Err(SessionError::Abandoned.into()) } else { Ok(()) }
            });
            let step = match stepped {
                Err(_) if redirected => return Ok(false),
                // The body may have arrived with the head.
                Err(Error::Http(response)) if self.connection.driver().follows(&response) => {
                    return Ok(false);
                }
                stepped => stepped?,
            };
            let mut held = self.connection.lock();
            let arrived = held.live().ok().and_then(|link| link.endpoint_mut().take_response());
            drop(held);
            if let (Opening::Client { response, .. }, Some(arrived)) = (&mut self.opening, arrived)
            {
                *response = Some(Box::new(arrived));
            }
            match step {
                None => return Err(SessionError::EndOfInput.into()),
                Some(Step::Open) => break,
                Some(_) => {}
            }
        }
        debug!("connection {} to {} is open", self.id(), self.url().without_query());
        Ok(true)
    }
}

impl WebSocket<Client> {
    /// Returns the URL of the connection: after redirects, the last one.
    #[must_use]
    pub fn url(&self) -> &WsUrl {
        match &self.opening {
            Opening::Client { request, .. } => request.url(),
            Opening::Server { .. } => unreachable!("a client begins with its request"),
        }
    }

    /// Returns the response that opened the connection; `None` before it has arrived.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match &self.opening {
            Opening::Client { response, .. } => response.as_deref(),
            Opening::Server { .. } => None,
        }
    }
}
