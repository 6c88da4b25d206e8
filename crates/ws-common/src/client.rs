//! How a client connects.

use std::sync::Arc;
use std::time::Duration;

use wsproto::Config;

use crate::Proxy;
use crate::server::HIGH_WATER_MARK;

/// How a client connects; what it asks for is in its
/// [`ClientRequest`](wsproto::handshake::ClientRequest).
///
/// ```
/// use ws_common::{ClientOptions, Proxy};
///
/// let mut options = ClientOptions::default();
/// options.proxy = Some(Proxy::new("proxy.example:3128")?);
/// options.redirects = 3;
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
    /// How many bytes may wait, because the peer does not read, when a message is taken to be sent; as
    /// [`ServerOptions::high_water_mark`](crate::ServerOptions::high_water_mark). Default: 64 KiB.
    pub high_water_mark: usize,
    /// Whom to trust, if the URL is `wss://`. `None`, the default, is
    /// [`ClientTls::new`](crate::ClientTls::new). The request waits in memory, whatever its length, until
    /// the TLS handshake is done; servers limit the length of its head, usually to 8-64 KiB.
    #[cfg(feature = "tls")]
    pub tls: Option<crate::ClientTls>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Arc::new(Config::default()).into()
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
            high_water_mark: HIGH_WATER_MARK,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}
