//! The client's side of the opening handshake.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::{ClientRequest, ResponseError};
use wsproto::url::WsUrl;
use wsproto::{Client, Config, ReadyState, Session, SessionError};

use crate::transport::Control;
use crate::{Error, Stream, WebSocket};

/// Connects to a `ws://` or `wss://` URL, with the default limits and deadlines.
///
/// # Errors
///
/// [`Error`] says what failed: the URL, the transport, or the handshake.
pub fn connect(url: &str) -> Result<WebSocket, Error> {
    connect_with(ClientRequest::new(WsUrl::parse(url)?), Config::default())
}

/// Connects to the URL of a request. Every address that the host has is tried, each for as long as
/// [`Config::handshake_timeout`] allows. For `wss://`, the server must have a certificate that
/// [`ClientTls::new`](crate::ClientTls::new) trusts.
///
/// # Errors
///
/// As [`connect`].
pub fn connect_with(
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
) -> Result<WebSocket, Error> {
    #[cfg(feature = "tls")]
    return connect_with_tls(request, config, &crate::ClientTls::new());
    #[cfg(not(feature = "tls"))]
    if request.url().is_secure() {
        Err(Error::Secure)
    } else {
        connect_through(request, config.into(), |tcp, _| Ok(tcp.into()))
    }
}

/// As [`connect_with`], but the server of a `wss://` URL must have a certificate that `tls` trusts.
///
/// # Errors
///
/// As [`connect`].
#[cfg(feature = "tls")]
pub fn connect_with_tls(
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
    tls: &crate::ClientTls,
) -> Result<WebSocket, Error> {
    let secure = request.url().is_secure();
    connect_through(request, config.into(), |tcp, host| match secure {
        true => Ok(Stream::connect_tls(tls, tcp, host)?),
        false => Ok(tcp.into()),
    })
}

fn connect_through(
    request: ClientRequest,
    config: Arc<Config>,
    layer: impl FnOnce(TcpStream, &str) -> Result<Stream, Error>,
) -> Result<WebSocket, Error> {
    let url = request.url();
    let tcp = connect_tcp(url, config.handshake_timeout)?;
    // Messages are written whole; waiting for more only delays them.
    tcp.set_nodelay(true)?;
    let stream = layer(tcp, url.host())?;
    let mut ws = start(stream, Control::own(), request, config)?;
    ws.handshake()?;
    Ok(ws)
}

fn connect_tcp(url: &WsUrl, timeout: Option<Duration>) -> io::Result<TcpStream> {
    let addresses = (url.host(), url.port()).to_socket_addrs()?;
    let mut result = Err(ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        result = match timeout {
            Some(timeout) => TcpStream::connect_timeout(&address, timeout),
            None => TcpStream::connect(address),
        };
        if result.is_ok() {
            break;
        }
    }
    result
}

impl<S: Read + Write> WebSocket<S, Client> {
    /// Takes over any stream to the server, such as one of TLS or through a proxy. Nothing is
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
            match self.step() {
                Ok(Some(_)) => {}
                Ok(None) => return Err(SessionError::EndOfInput.into()),
                Err(Error::Session(SessionError::Response(ResponseError::Status(_)))) => {
                    let response = self.take_response().ok_or(SessionError::EndOfInput)?;
                    return Err(Error::Http(Box::new(response)));
                }
                Err(error) => return Err(error),
            }
        }
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
    let session = Session::client(request, config, seed, Duration::ZERO, &mut out);
    Ok(WebSocket::new(stream, control, session, out))
}
