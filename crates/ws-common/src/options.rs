//! What clients and servers can be told.

use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::{AllowedOrigins, Request, Response};
use wsproto::{Config, KeepAlive};

use crate::Proxy;

/// The options of a server.
///
/// The defaults are those for a server on the internet:
///
/// | option | default |
/// |---|---|
/// | longest message | 1 MiB |
/// | keep-alive | a Ping every 30 s, answered within 30 s |
/// | a peer that takes nothing | given up, or no longer waited for, after 10 s |
/// | opening and closing handshake | 10 s each |
/// | bytes that may wait for a peer | 64 KiB |
/// | connections at a time | 4 096 with a thread each, 100 000 on event loops |
/// | path, origins | any |
///
/// ```
/// use std::time::Duration;
/// use ws_common::ServerOptions;
/// use ws_common::wsproto::KeepAlive;
///
/// let options = ServerOptions::new()
///     .path("/chat")
///     .max_message_size(16 << 20)
///     .keep_alive(None);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Limits and deadlines of every connection.
    pub config: Arc<Config>,
    /// The path, without query, that connections must ask for; others get 404. `None` is any.
    pub path: Option<String>,
    /// The origins whose pages may connect; others get 403. `None` is any.
    pub origins: Option<AllowedOrigins>,
    /// The most connections at a time, those in the opening handshake included; more get 503. `None` is the
    /// default of the adapter, `usize::MAX` as many as the system has.
    pub max_connections: Option<usize>,
    /// The certificate to show, if the server speaks TLS.
    #[cfg(feature = "tls")]
    pub tls: Option<crate::ServerTls>,
}

impl ServerOptions {
    /// Makes the default options.
    #[must_use]
    pub fn new() -> Self {
        let half_a_minute = Duration::from_secs(30);
        let config = Config::new()
            .max_message_size(1 << 20)
            .keep_alive(Some(KeepAlive::new(half_a_minute, half_a_minute)));
        Self {
            config: config.into(),
            path: None,
            origins: None,
            max_connections: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Sets all limits and deadlines at once.
    #[must_use]
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self
    }

    /// Accepts connections that ask for this path only; others get 404.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Accepts connections of pages from these origins only; others get 403.
    #[must_use]
    pub fn origins(mut self, origins: AllowedOrigins) -> Self {
        self.origins = Some(origins);
        self
    }

    /// Accepts so many connections at a time, those in the opening handshake included; more get 503, or
    /// over TLS no answer.
    #[must_use]
    pub const fn max_connections(mut self, most: usize) -> Self {
        self.max_connections = Some(most);
        self
    }

    /// Sets the longest message to accept, in bytes; see [`Config::max_message_size`].
    #[must_use]
    pub fn max_message_size(mut self, bytes: u64) -> Self {
        Arc::make_mut(&mut self.config).max_message_size = bytes;
        self
    }

    /// Sets when to send Pings, and how long to wait for the answers; see [`KeepAlive`].
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: Option<KeepAlive>) -> Self {
        Arc::make_mut(&mut self.config).keep_alive = keep_alive;
        self
    }

    /// Sets how many bytes may wait for a peer; see [`Config::high_water_mark`].
    #[must_use]
    pub fn high_water_mark(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.config).high_water_mark = bytes;
        self
    }

    /// Sets how long a peer may take nothing of what it is owed; see [`Config::write_timeout`]. A handler
    /// that blocks in `send` waits as long for its peer, and no longer.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Option<Duration>) -> Self {
        Arc::make_mut(&mut self.config).write_timeout = timeout;
        self
    }

    /// Speaks TLS: `wss://`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Fills in the default of an adapter.
    #[must_use]
    pub fn or_max_connections(mut self, most: usize) -> Self {
        self.max_connections.get_or_insert(most);
        self
    }

    pub(crate) fn limit(&self) -> usize {
        self.max_connections.unwrap_or(usize::MAX)
    }

    pub(crate) const fn speaks_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Returns the refusal of an opening handshake that the options do not allow.
    pub(crate) fn refusal(&self, request: &Request) -> Option<Response> {
        if self.path.as_deref().is_some_and(|path| path != request.path()) {
            return Some(Response::text(404, "Not Found\n"));
        }
        if self.origins.as_ref().is_some_and(|origins| !origins.allows(request)) {
            return Some(Response::text(403, "Forbidden\n"));
        }
        None
    }
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Config> for ServerOptions {
    fn from(config: Config) -> Self {
        Self::new().config(config)
    }
}

/// The options of a client; what it asks for is in its
/// [`ClientRequest`](wsproto::handshake::ClientRequest).
///
/// ```
/// use ws_common::{ClientOptions, Proxy};
///
/// let options = ClientOptions::new().proxy(Proxy::new("proxy.example:3128")?).redirects(3);
/// # Ok::<(), ws_common::ProxyError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Limits and deadlines of the connection.
    pub config: Arc<Config>,
    /// How long it may take until a stream to the server is open: looking up the name of the host or the
    /// proxy, all attempts at its addresses, and the proxy's answer, together. The call fails then with
    /// [`Error::Connect`](crate::Error::Connect) of kind `TimedOut`, also in the middle of a look-up. TLS
    /// and the opening handshake come after that; theirs is
    /// [`Config::handshake_timeout`](wsproto::Config::handshake_timeout). Each redirect has this time anew.
    /// `None` is as long as the operating system tries. Default: 10 s.
    pub connect_timeout: Option<Duration>,
    /// The proxy to go through. Default: none.
    pub proxy: Option<Proxy>,
    /// How many redirects to follow; see
    /// [`ClientRequest::redirected`](wsproto::handshake::ClientRequest::redirected). With a client
    /// certificate, none to another origin is followed, which is
    /// [`Error::ClientCertificate`](crate::Error::ClientCertificate). Default: 0, so that a redirect is an
    /// answer like others that refuse.
    pub redirects: u8,
    /// Whom to trust, if the URL is `wss://`. `None`, the default, is
    /// [`ClientTls::new`](crate::ClientTls::new). The request waits in memory, whatever its length, until
    /// the TLS handshake is done; servers limit the length of its head, usually to 8-64 KiB.
    #[cfg(feature = "tls")]
    pub tls: Option<crate::ClientTls>,
}

impl ClientOptions {
    /// Makes the default options.
    #[must_use]
    pub fn new() -> Self {
        Arc::new(Config::new()).into()
    }

    /// Sets all limits and deadlines of the connection at once.
    #[must_use]
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self
    }

    /// Sets how long connecting may take.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Goes through a proxy.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Follows so many redirects.
    #[must_use]
    pub const fn redirects(mut self, most: u8) -> Self {
        self.redirects = most;
        self
    }

    /// Sets whom to trust, if the URL is `wss://`.
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
            proxy: None,
            redirects: 0,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}
