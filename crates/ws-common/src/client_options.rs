//! Options of clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use wsproto::Config;

use crate::{Cancel, ConnectTo, Proxies};

/// The options of a client. The URL, header fields and subprotocols are part of the
/// [`ClientRequest`](wsproto::handshake::ClientRequest).
///
/// By default, a message may have 64 MiB, connecting and the opening and closing handshakes take 10 s each
/// at most, and there is no keep-alive: a client that waits for rare messages should set one, or it may
/// never learn that the server is gone.
///
/// ```
/// use ws_common::{ClientOptions, Proxy};
///
/// let options = ClientOptions::new().proxy(Proxy::from_env()?).redirects(3);
/// # Ok::<(), ws_common::ProxyError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Limits and timeouts of the connection.
    pub config: Arc<Config>,
    /// How long it may take to open a stream to the server: name look-up, all connection attempts and the
    /// proxy's answer together. On expiry, even during a look-up, the call fails with
    /// [`Error::Connect`](crate::Error::Connect) of kind `TimedOut`, or with
    /// [`Error::Proxy`](crate::Error::Proxy) if the head of a proxy's refusal has arrived. TLS and the
    /// opening handshake follow, within
    /// [`Config::handshake_timeout`](wsproto::Config::handshake_timeout). Each redirect restarts the
    /// timeout. `None` leaves the timeout to the operating system. Default: 10 s.
    pub connect_timeout: Option<Duration>,
    /// The proxies to connect through. Default: none.
    pub proxy: Proxies,
    /// The place to connect to instead of the host and port of the URL. A redirect to another host or port
    /// leads there, not here. Default: `None`.
    pub connect_to: Option<ConnectTo>,
    /// The local address to connect from. Default: `None`, which leaves it to the operating system.
    pub local_address: Option<SocketAddr>,
    /// How long to wait before connecting; [`connect_timeout`](Self::connect_timeout) begins afterwards.
    /// Default: zero.
    pub delay: Duration,
    /// The token by which another thread gives up connecting. Default: `None`.
    pub cancel: Option<Cancel>,
    /// The maximum number of redirects to follow; see
    /// [`ClientRequest::redirected`](wsproto::handshake::ClientRequest::redirected). With a client
    /// certificate, a redirect to a `wss://` URL of another origin fails with
    /// [`Error::ClientCertificate`](crate::Error::ClientCertificate). Default: 0, which reports a redirect
    /// as [`Error::Http`](crate::Error::Http).
    pub redirects: u8,
    /// The trusted certificates, for `wss://` URLs. `None`, the default, is
    /// [`ClientTls::new`](crate::ClientTls::new). The whole request, of any length, is buffered until the
    /// TLS handshake is done; servers usually limit the request head to 8 to 64 KiB.
    #[cfg(feature = "tls")]
    pub tls: Option<crate::ClientTls>,
    /// The name to send in TLS (SNI, RFC 6066 section 3) and to expect in the server's certificate. A
    /// redirect to another host or port expects the name of its URL. Default: `None`, which is the host of
    /// the URL.
    #[cfg(feature = "tls")]
    pub server_name: Option<String>,
}

impl ClientOptions {
    /// Creates the default options.
    #[must_use]
    pub fn new() -> Self {
        Arc::new(Config::new()).into()
    }

    /// Replaces every limit and timeout of the connection by those of `config`.
    #[must_use]
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self
    }

    /// Sets the timeout for opening a stream to the server; see [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Connects through a [`Proxy`](crate::Proxy), or through the [`Proxies`] that depend on the URL, such as
    /// those of [`Proxy::from_env`](crate::Proxy::from_env).
    #[must_use]
    pub fn proxy(mut self, proxy: impl Into<Proxies>) -> Self {
        self.proxy = proxy.into();
        self
    }

    /// Connects to this place instead of the host and port of the URL; see
    /// [`connect_to`](Self::connect_to). The URL still determines `Host` and the name in TLS: to send another
    /// `Host`, put that name into the URL, and connect to the place of the server.
    ///
    /// An empty list, an invalid host, and a URL for which there is a [`proxy`](Self::proxy) are refused with
    /// [`Error::Option`](crate::Error::Option) when connecting.
    #[must_use]
    pub fn connect_to(mut self, place: impl Into<ConnectTo>) -> Self {
        self.connect_to = Some(place.into());
        self
    }

    /// Connects from this local address, to the server or to the proxy; port 0 is any free port. With another port,
    /// some systems other than Linux connect to one address of a name at a time, and further ones that are tried
    /// meanwhile fail. Addresses of the other family are not tried; if there are no others, the call fails with
    /// [`Error::Connect`](crate::Error::Connect). Refused with [`Error::Option`](crate::Error::Option) for a
    /// Unix domain socket.
    #[must_use]
    pub const fn local_address(mut self, address: SocketAddr) -> Self {
        self.local_address = Some(address);
        self
    }

    /// Waits before connecting, for example to connect again after a failure; see [`delay`](Self::delay).
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Lets another thread give up connecting: when the token is cancelled, the delay, the look-up, attempts, the
    /// exchange with a proxy and both handshakes end at once with [`Error::Session`](crate::Error::Session) of
    /// [`Abandoned`](wsproto::SessionError::Abandoned). With `ws-std` on systems other than Unix, an attempt at
    /// one address ends first.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// Sets the maximum number of redirects to follow.
    #[must_use]
    pub const fn redirects(mut self, most: u8) -> Self {
        self.redirects = most;
        self
    }

    /// Sets the name to send in TLS and to expect in the certificate; see
    /// [`server_name`](Self::server_name). A name that no certificate can be for is refused with
    /// [`Error::Option`](crate::Error::Option) when connecting to a `wss://` URL.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Sets the trusted certificates, for `wss://` URLs.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Config> for ClientOptions {
    fn from(config: Config) -> Self {
        Arc::new(config).into()
    }
}

impl From<Arc<Config>> for ClientOptions {
    fn from(config: Arc<Config>) -> Self {
        Self {
            config,
            connect_timeout: Some(Duration::from_secs(10)),
            proxy: Proxies::default(),
            connect_to: None,
            local_address: None,
            delay: Duration::ZERO,
            cancel: None,
            redirects: 0,
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "tls")]
            server_name: None,
        }
    }
}
