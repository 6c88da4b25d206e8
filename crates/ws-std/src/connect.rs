//! The client's side of the opening handshake.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use log::debug;
use ws_common::ClientOptions;
use ws_common::adapter::Target;
use wsproto::handshake::{ClientRequest, ResponseError};
use wsproto::url::WsUrl;
use wsproto::{Client, Config, ReadyState, Session, SessionError};

use crate::dial::dial;
use crate::transport::Control;
use crate::websocket::Opening;
use crate::{Error, WebSocket};

/// Connects to a `ws://` or `wss://` URL, with the default limits and deadlines.
///
/// # Errors
///
/// [`Error`] says what failed: the URL, the transport, or the handshake.
pub fn connect(url: &str) -> Result<WebSocket, Error> {
    connect_with(ClientRequest::new(WsUrl::parse(url)?), ClientOptions::default())
}

/// Connects to the URL of a request, as the options say; a [`Config`] alone is options, too. The
/// addresses of the host are tried one after the other, 250 ms apart or as soon as one fails, and the
/// first that opens is used (RFC 8305); all of it within [`ClientOptions::connect_timeout`].
///
/// ```no_run
/// use ws_std::wsproto::{handshake::ClientRequest, url::WsUrl};
/// use ws_std::{ClientOptions, Proxy, connect_with};
///
/// let request = ClientRequest::new(WsUrl::parse("wss://example.com/chat")?)
///     .subprotocol("chat.v2")?
///     .header("Authorization", "Bearer mF_9.B5f-4.1JqM")?;
/// let mut options = ClientOptions::default();
/// options.proxy = Some(Proxy::new("http://user:password@proxy.example:3128")?);
/// let mut ws = connect_with(request, options)?;
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
    let mut target = Target::new(request, options.into())?;
    loop {
        let refusal = match attempt(&target) {
            Err(Error::Http(response)) => response,
            result => return result,
        };
        if !target.redirect(&refusal)? {
            return Err(Error::Http(refusal));
        }
        debug!("redirected to {}", target.request().url().host_header());
    }
}

fn attempt(target: &Target) -> Result<WebSocket, Error> {
    let stream = dial(target)?;
    let (request, options) = (target.request().clone(), target.options());
    let mut ws = start(stream, Control::own(), request, Arc::clone(&options.config))?;
    ws.set_high_water_mark(options.high_water_mark);
    ws.handshake()?;
    Ok(ws)
}

impl<S: Read + Write> WebSocket<S, Client> {
    /// Takes over any stream to the server, such as one of TLS or through a tunnel. Nothing is
    /// written yet: [`handshake`](Self::handshake) comes next.
    ///
    /// Deadlines are observed whenever a read or write returns; give the stream timeouts for more.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the operating system has no random bytes.
    pub fn client(
        stream: S,
        request: ClientRequest,
        config: impl Into<Arc<Config>>,
    ) -> Result<Self, Error> {
        start(stream, Control::none(), request, config.into())
    }

    /// Sends the request and waits until the connection is open.
    ///
    /// # Errors
    ///
    /// As [`connect`]. After `WouldBlock` or `TimedOut`, which a stream may return that is
    /// non-blocking or has timeouts, call it again.
    pub fn handshake(&mut self) -> Result<(), Error> {
        while self.ready_state() == ReadyState::Connecting {
            let step = self.step();
            let arrived = self.link(|link| link.session.take_response().map(Box::new));
            match (step, arrived) {
                (
                    Err(Error::Session(SessionError::Response(ResponseError::Status(_)))),
                    Some(no),
                ) => {
                    return Err(Error::Http(no));
                }
                (Err(error), _) => return Err(error),
                (Ok(None), _) => return Err(SessionError::EndOfInput.into()),
                (Ok(Some(_)), arrived) => {
                    if let Opening::Client { response, .. } = &mut self.opening {
                        *response = arrived;
                    }
                }
            }
        }
        debug!("connection {} to {} is open", self.id(), self.url().host_header());
        Ok(())
    }
}

fn start<S: Read + Write>(
    stream: S,
    control: Control<S>,
    request: ClientRequest,
    config: Arc<Config>,
) -> Result<WebSocket<S>, Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::from)?;
    let mut out = Vec::new();
    let session = Session::client(request.clone(), config, seed, Duration::ZERO, &mut out);
    let opening = Opening::Client { request: Box::new(request), response: None };
    Ok(WebSocket::new(stream, control, session, out, opening))
}
