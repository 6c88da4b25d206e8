//! The client's side of the opening handshake.

use std::sync::Arc;

use log::debug;
use ws_common::ClientOptions;
use ws_common::adapter::{Step, Target, client_endpoint};
use wsproto::handshake::{ClientRequest, Response};
use wsproto::url::WsUrl;
use wsproto::{Client, Config, ReadyState, SessionError};

use crate::accept::tune;
use crate::clock::{Patience, now};
use crate::dial::dial;
use crate::driver::BlockingDriver;
use crate::websocket::Opening;
use crate::{Error, Stream, WebSocket};

/// Connects to a `ws://` or `wss://` URL, with the default limits and deadlines of [`ClientOptions`].
///
/// # Errors
///
/// [`Error::Url`] for a malformed URL; [`Error::Connect`], [`Error::Tls`] or [`Error::Io`] if the transport
/// fails; [`Error::Http`] for a response other than 101; [`Error::Session`] if the handshake fails.
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
/// As [`connect`], and [`Error::Proxy`] if the proxy refuses the tunnel.
pub fn connect_with(
    request: ClientRequest,
    options: impl Into<ClientOptions>,
) -> Result<WebSocket, Error> {
    let mut target = Target::new(request, options.into())?;
    loop {
        let stream = dial(&target)?;
        let (request, config) = (target.request().clone(), Arc::clone(&target.options().config));
        let mut ws = WebSocket::client(stream, request, config)?;
        let mut followed = false;
        let opened = ws.open_unless(|response| {
            followed = followed || target.redirect(response)?;
            Ok(followed)
        });
        if !followed {
            return opened.map(|()| ws);
        }
        debug!("redirected to {}", target.request().url().without_query());
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
        let stream = stream.into();
        tune(&stream);
        let url = Some(request.url().clone());
        let endpoint = client_endpoint(request.clone(), config, now())?;
        let connection = BlockingDriver::begin(None, url, endpoint, stream.clone(), None);
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
        self.open_unless(|_| Ok(false))
    }

    /// As [`handshake`](Self::handshake), but stops with [`Error::Http`] at the head of a response that
    /// `follow` accepts as a redirect.
    fn open_unless(
        &mut self,
        mut follow: impl FnMut(&Response) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        while self.ready_state() == ReadyState::Connecting {
            let stepped = self.step_unless(&mut Patience::new(None), |ws| match ws.arrived() {
                Some(response) if follow(&response)? => Err(Error::Http(response)),
                _ => Ok(()),
            });
            // The body may have arrived with the head.
            if let Err(Error::Http(response)) = &stepped {
                follow(response)?;
            }
            let step = stepped?;
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
        Ok(())
    }

    /// Returns the response, once its head has arrived.
    fn arrived(&self) -> Option<Box<Response>> {
        let held = self.connection.lock();
        held.link()?.endpoint().session().response().cloned().map(Box::new)
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

    /// Returns the response that opened the connection.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match &self.opening {
            Opening::Client { response, .. } => response.as_deref(),
            Opening::Server { .. } => None,
        }
    }
}
