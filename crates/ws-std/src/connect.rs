//! The client's side of the opening handshake.

use std::io;
use std::sync::Arc;

use log::debug;
use ws_common::ClientOptions;
use ws_common::adapter::Step;
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;
use wsproto::{Client, Config, Endpoint, ReadyState, SessionError};

use crate::accept::set_nodelay;
use crate::clock::{Patience, now};
use crate::dial::dial;
use crate::driver::Owner;
use crate::websocket::Opening;
use crate::{Error, Stream, WebSocket};

/// Connects to a `ws://` or `wss://` URL, with the default limits and deadlines.
///
/// # Errors
///
/// [`Error`] says what failed: the URL, the transport, or the handshake.
pub fn connect(url: &str) -> Result<WebSocket, Error> {
    connect_with(ClientRequest::new(WsUrl::parse(url)?), ClientOptions::new())
}

/// Connects to the URL of a request, as the options say; a [`Config`] alone is options, too. Every
/// address that the host has is tried.
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
/// As [`connect`].
pub fn connect_with(
    request: ClientRequest,
    options: impl Into<ClientOptions>,
) -> Result<WebSocket, Error> {
    let (mut request, options) = (request, options.into());
    let mut redirects = options.redirects;
    loop {
        let refusal = match attempt(&request, &options) {
            Err(Error::Http(response)) if redirects > 0 => response,
            result => return result,
        };
        let Ok(next) = request.redirected(&refusal) else { return Err(Error::Http(refusal)) };
        debug!("{} redirects to {}", request.url().without_query(), next.url().without_query());
        (request, redirects) = (next, redirects - 1);
    }
}

fn attempt(request: &ClientRequest, options: &ClientOptions) -> Result<WebSocket, Error> {
    let stream = dial(request.url(), options)?;
    let mut ws = WebSocket::client(stream, request.clone(), Arc::clone(&options.config))?;
    ws.handshake()?;
    Ok(ws)
}

impl WebSocket<Client> {
    /// Takes over a stream to the server, such as one through a tunnel. Nothing is read yet:
    /// [`handshake`](Self::handshake) comes next.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the operating system has no random bytes.
    pub fn client(
        stream: impl Into<Stream>,
        request: ClientRequest,
        config: impl Into<Arc<Config>>,
    ) -> Result<Self, Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::from)?;
        let stream = stream.into();
        set_nodelay(&stream);
        let url = Some(request.url().clone());
        let endpoint = Endpoint::client(request.clone(), config, seed, now());
        let connection = Owner::begin(None, url, endpoint, stream.clone(), None);
        let opening = Opening::Client { request: Box::new(request), response: None };
        Ok(Self::new(connection, stream, opening))
    }

    /// Sends the request and waits until the connection is open.
    ///
    /// # Errors
    ///
    /// As [`connect`]. After `WouldBlock` or `TimedOut`, which a stream may return that is
    /// non-blocking or has timeouts, call it again.
    pub fn handshake(&mut self) -> Result<(), Error> {
        while self.ready_state() == ReadyState::Connecting {
            let step = self.step(&mut Patience::new(None))?;
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
        debug!("connection {} to {} is open", self.id(), self.url());
        Ok(())
    }
}
