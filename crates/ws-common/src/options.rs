//! Options of servers.

mod admission;
mod limits;

use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::{AcceptError, AllowedOrigins, Request};
use wsproto::{Config, KeepAlive};

use crate::admission::{AddressLimits, Refusal};
use crate::{Bus, TrustedProxies};

/// The options of a server.
///
/// The defaults suit a server on the internet:
///
/// | option | default |
/// |---|---|
/// | longest message | 1 MiB |
/// | keep-alive | a Ping every 30 s, a Pong within 30 s |
/// | write timeout | 10 s |
/// | opening and closing handshake | 10 s each |
/// | high-water mark | 64 KiB |
/// | fragments | none: each message leaves in one frame |
/// | maximum number of connections | 4096 with a thread each, 100 000 on event loops |
/// | connections and attempts of one address | any number |
/// | path, origins | any |
/// | bus | none: topics end at the server |
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
    /// Limits and timeouts of each connection.
    pub config: Arc<Config>,
    /// The path, without query, that an opening handshake must request, with or without its first `/`; others
    /// get 404. `None` accepts any.
    pub path: Option<String>,
    /// The allowed origins of an opening handshake; others get 403. `None` accepts any; see
    /// [`origins`](Self::origins()).
    pub origins: Option<AllowedOrigins>,
    /// The maximum number of connections, including those in the opening handshake. Further clients get
    /// status 503, or over TLS are disconnected. `None` is the adapter's default, `usize::MAX` no limit.
    pub max_connections: Option<usize>,
    /// The maximum number of connections from one address; see
    /// [`max_connections_per_address`](Self::max_connections_per_address()). `None` is no limit.
    pub max_connections_per_address: Option<usize>,
    /// How often one address may connect in a period; see
    /// [`max_attempts_per_address`](Self::max_attempts_per_address()). `None` is no limit.
    pub max_attempts_per_address: Option<(u32, Duration)>,
    /// The proxies that are trusted to name their clients. Default: none.
    pub trusted_proxies: TrustedProxies,
    /// The bus that joins the server's topics with those of others; see [`bus`](Self::bus()).
    pub bus: Option<Arc<dyn Bus>>,
    /// How long a topic stays subscribed at the bus after its last subscriber has left. Default: 10 s.
    pub bus_linger: Duration,
    /// The certificate and key; `Some` makes the server speak TLS.
    #[cfg(feature = "tls")]
    pub tls: Option<crate::ServerTls>,
}

impl ServerOptions {
    /// Creates the default options.
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
            max_connections_per_address: None,
            max_attempts_per_address: None,
            trusted_proxies: TrustedProxies::default(),
            bus: None,
            bus_linger: Duration::from_secs(10),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Replaces every limit and timeout by those of `config`, the defaults above included: a
    /// [`Config::new`] allows messages of 64 MiB and has no keep-alive.
    #[must_use]
    pub fn config(mut self, config: impl Into<Arc<Config>>) -> Self {
        self.config = config.into();
        self
    }

    /// Accepts opening handshakes for this path only; others get 404. The path is compared as it was sent,
    /// without its query: percent-encoding is not decoded. The `/` in front may be left out.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Accepts opening handshakes from these origins only; others get 403. A client that sends no origin is not a
    /// browser, and is accepted unless the list [requires](AllowedOrigins::require) one.
    #[must_use]
    pub fn origins(mut self, origins: AllowedOrigins) -> Self {
        self.origins = Some(origins);
        self
    }

    /// Adds a header field to the responses with which the server itself refuses requests, for example those of
    /// CORS; see [`Config::refusal_header`]. Responses of the application are its own.
    ///
    /// # Errors
    ///
    /// As [`Config::refusal_header`].
    pub fn refusal_header(
        mut self,
        name: &str,
        value: impl AsRef<[u8]>,
    ) -> Result<Self, AcceptError> {
        let config = Arc::unwrap_or_clone(self.config);
        self.config = config.refusal_header(name, value)?.into();
        Ok(self)
    }

    /// Joins the server's topics with those of other servers, on this machine and on others: a message that one
    /// [publishes](crate::ServerHandle::publish) reaches the subscribers of all. Servers with clones of these
    /// options share the bus. The crate `ws-bus` has buses over brokers, and
    /// [`testing::MemoryBus`](crate::testing::MemoryBus) joins servers of one process.
    ///
    /// A server subscribes a topic at the broker when its first connection subscribes it, and unsubscribes it
    /// some [time](Self::bus_linger()) after the last one has left. A message that arrives is encoded and compressed once
    /// for all subscribers, and not passed on. The guarantees:
    ///
    /// * at most once;
    /// * in order for one publisher and topic; a publisher is a thread, or the handler of a connection;
    /// * what is published while the bus is down is lost elsewhere, and the handler is told, by
    ///   [`on_bus`](crate::ServerHandler::on_bus);
    /// * after [`Up`](crate::BusState::Up), topics are subscribed again before anything is delivered.
    ///
    /// ```
    /// use ws_common::ServerOptions;
    /// use ws_common::testing::MemoryBus;
    ///
    /// let options = ServerOptions::new().bus(MemoryBus::new());
    /// ```
    #[must_use]
    pub fn bus(mut self, bus: impl Bus + 'static) -> Self {
        self.bus = Some(Arc::new(bus));
        self
    }

    /// Sets how long a topic stays subscribed at the bus after its last subscriber here has left, so that a client that
    /// connects again in the meantime changes nothing there; up to a sixteenth longer, if many topics end one after
    /// the other. The default is 10 s. At most 65 536 topics linger; the one that ends first makes room for the next.
    #[must_use]
    pub const fn bus_linger(mut self, linger: Duration) -> Self {
        self.bus_linger = linger;
        self
    }

    /// Makes the server speak TLS (`wss://`).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    pub(crate) fn limit(&self) -> usize {
        self.max_connections.unwrap_or(usize::MAX)
    }

    pub(crate) const fn address_limits(&self) -> AddressLimits {
        let (connections, attempts) =
            (self.max_connections_per_address, self.max_attempts_per_address);
        AddressLimits { connections, attempts }
    }

    pub(crate) const fn speaks_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Returns why the options do not allow an opening handshake: its path or its origin.
    pub(crate) fn refusal(&self, request: &Request) -> Option<Refusal> {
        if self.path.as_deref().is_some_and(|path| !is_same_path(path, request.path())) {
            return Some(Refusal::Path);
        }
        if self.origins.as_ref().is_some_and(|origins| !origins.allows(request)) {
            return Some(Refusal::Origin);
        }
        None
    }
}

/// Returns whether a requested path is this one, whose first `/` may be left out.
fn is_same_path(path: &str, requested: &str) -> bool {
    requested.strip_prefix('/') == Some(path.strip_prefix('/').unwrap_or(path))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_slash_of_a_path_may_be_left_out() {
        for path in ["chat", "/chat"] {
            assert!(is_same_path(path, "/chat"));
            assert!(!is_same_path(path, "/") && !is_same_path(path, "//chat"));
        }
        assert!(is_same_path("", "/") && is_same_path("/", "/") && !is_same_path("*", "*"));
    }
}
