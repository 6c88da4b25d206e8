//! The choice of a proxy for a URL, as the environment or the application makes it.

use wsproto::url::{UrlError, WsUrl};

use super::no_proxy::NoProxy;
use super::{Proxy, ProxyError};

/// The proxies for `ws://` and for `wss://` URLs, and the hosts that are reached without one. The default is
/// no proxy. Each redirect chooses anew.
///
/// [`Proxy::from_env`] reads the environment as curl does:
///
/// | variable | for |
/// |---|---|
/// | `ws_proxy`, `WS_PROXY`, `http_proxy` | `ws://`; the first that is not empty |
/// | `wss_proxy`, `WSS_PROXY`, `https_proxy`, `HTTPS_PROXY` | `wss://` |
/// | `all_proxy`, `ALL_PROXY` | both, if none of the above is set |
/// | `no_proxy`, `NO_PROXY` | the exceptions |
///
/// `HTTP_PROXY` is not read: in a CGI program, a client could set it by the header field `Proxy`. Windows does not
/// distinguish it from `http_proxy`, which is ignored there if `REQUEST_METHOD` is set, as it is for CGI programs
/// (RFC 3875 section 4.1.12).
///
/// The exceptions are separated by commas or white space. `example.com` and `.example.com` are this name and
/// all below it; `10.0.0.1`, `::1` and `10.0.0.0/8` are addresses, and match only URLs that contain an
/// address: no name is looked up for the comparison. `*` is every host. There are no ports and no other
/// wildcards: an entry that no host can match is an error, such as `*.example.com` or `192.168.`.
///
/// ```
/// use ws_common::wsproto::url::WsUrl;
/// use ws_common::{ClientOptions, Proxies, Proxy};
///
/// let proxies = Proxies::from(Proxy::new("proxy.example:3128")?)
///     .no_proxy("localhost, .internal.example, 10.0.0.0/8")?;
/// assert!(proxies.for_url(&WsUrl::parse("ws://api.internal.example/")?).is_none());
/// assert!(proxies.for_url(&WsUrl::parse("wss://example.com/")?).is_some());
/// let options = ClientOptions::new().proxy(proxies);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    ws: Option<Proxy>,
    wss: Option<Proxy>,
    except: NoProxy,
}

const WS: [&str; 5] = ["ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"];
const WSS: [&str; 6] =
    ["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const NO_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];

impl Proxies {
    /// Reads the proxies from variables that `value` returns, such as those of the environment: see
    /// [`Proxy::from_env`]. Empty values count as missing.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Variable`], which names the variable, if a value that applies is invalid: as in
    /// [`Proxy::new`] and [`no_proxy`](Self::no_proxy). No error contains credentials.
    pub fn from_variables(
        value: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, ProxyError> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                value(name).filter(|value| !value.is_empty()).map(|value| (*name, value))
            })
        };
        let proxy = |names: &[&'static str]| match first(names) {
            Some((name, value)) => {
                in_variable(name, checked(&value).and_then(Proxy::new)).map(Some)
            }
            None => Ok(None),
        };
        let mut proxies = Self { ws: proxy(&WS)?, wss: proxy(&WSS)?, ..Self::default() };
        if (proxies.ws.is_some() || proxies.wss.is_some())
            && let Some((name, list)) = first(&NO_PROXY)
        {
            proxies.except = in_variable(name, NoProxy::parse(&list))?;
        }
        Ok(proxies)
    }

    /// Replaces the hosts that are reached without a proxy: names, addresses and networks as in the variable
    /// `no_proxy`.
    ///
    /// # Errors
    ///
    /// [`ProxyError::NoProxy`] for the first entry that is none of these.
    pub fn no_proxy(mut self, hosts: &str) -> Result<Self, ProxyError> {
        self.except = NoProxy::parse(hosts)?;
        Ok(self)
    }

    /// Returns the proxy for a URL; `None` to connect directly.
    #[must_use]
    pub fn for_url(&self, url: &WsUrl) -> Option<&Proxy> {
        let proxy = if url.is_secure() { &self.wss } else { &self.ws };
        proxy.as_ref().filter(|_| !self.except.contains(url.host()))
    }
}

/// For every URL.
impl From<Proxy> for Proxies {
    fn from(proxy: Proxy) -> Self {
        Self { ws: Some(proxy.clone()), wss: Some(proxy), except: NoProxy::default() }
    }
}

/// `None` is no proxy.
impl From<Option<Proxy>> for Proxies {
    fn from(proxy: Option<Proxy>) -> Self {
        proxy.map(Self::from).unwrap_or_default()
    }
}

/// Refuses a value that was not UTF-8: the replaced characters could be part of a password.
fn checked(value: &str) -> Result<&str, ProxyError> {
    match value.contains(char::REPLACEMENT_CHARACTER) {
        true => Err(UrlError::Character(char::REPLACEMENT_CHARACTER).into()),
        false => Ok(value),
    }
}

fn in_variable<T>(name: &'static str, result: Result<T, ProxyError>) -> Result<T, ProxyError> {
    result.map_err(|error| ProxyError::Variable { name, error: Box::new(error) })
}
