//! A client's request and options, checked before a socket is opened, and its redirects.

use std::fmt;
use std::net::SocketAddr;

use wsproto::handshake::{ClientRequest, Response};
use wsproto::url::WsUrl;

use super::logging::debug;
use crate::proxy::host_to_dial;
use crate::{ClientOptions, ConnectTo, Error, Proxy};

/// A client's request with its options. Redirects change the request.
pub struct Target {
    request: ClientRequest,
    options: ClientOptions,
    /// Host and port of the first URL, to which some options are limited.
    first: (String, u16),
    /// How many more redirects may be followed.
    redirects: u8,
    /// The error of a redirect that must not be followed, for the next [`Dial`](super::Dial).
    refused: Option<Error>,
}

impl Target {
    /// Checks a request and its options. No socket is opened.
    ///
    /// # Errors
    ///
    /// [`Error::TlsUnavailable`] for a `wss://` URL without the feature `tls`; [`Error::Url`] for a `wss://`
    /// URL whose host is not a valid name for a certificate; [`Error::Option`] for an invalid option.
    pub fn new(request: ClientRequest, options: ClientOptions) -> Result<Self, Error> {
        let first = authority(request.url());
        let redirects = options.redirects;
        let target = Self { request, redirects, options, first, refused: None };
        target.check(target.request.url())?;
        target.check_options()?;
        Ok(target)
    }

    /// Checks that TLS is available for a `wss://` URL, and that the name is valid for a certificate; and
    /// that a link-local address with a zone, or a place of the application's choice, is not reached through a
    /// proxy.
    fn check(&self, url: &WsUrl) -> Result<(), Error> {
        if let Some(proxy) = self.options.proxy.for_url(url) {
            let (host, proxy) = (url.host(), proxy.host());
            if let Some(zone) = url.zone() {
                let reason = format!("{proxy} cannot reach {host} in the zone {zone} of this host");
                return Err(Error::Option { option: "proxy", reason });
            }
            if let Some(place) = self.options.connect_to.as_ref().filter(|_| self.is_first(url)) {
                let reason = format!("{place}, but the proxy {proxy} connects");
                return Err(Error::Option { option: "connect_to", reason });
            }
        }
        if !url.is_secure() {
            return Ok(());
        }
        #[cfg(feature = "tls")]
        return match self.options.server_name.as_ref().filter(|_| self.is_first(url)) {
            Some(name) => crate::ClientTls::check(name).map_err(|_| Error::Option {
                option: "server_name",
                reason: format!("no certificate can be for {name:?}"),
            }),
            None => Ok(crate::ClientTls::check(url.host())?),
        };
        #[cfg(not(feature = "tls"))]
        Err(Error::TlsUnavailable)
    }

    /// Checks the options for the place to connect to.
    fn check_options(&self) -> Result<(), Error> {
        let Some(place) = &self.options.connect_to else { return Ok(()) };
        let wrong = |option, reason| Err(Error::Option { option, reason });
        let has_no_port = |address: &SocketAddr| address.port() == 0;
        match place {
            ConnectTo::Addresses(addresses) if addresses.is_empty() => {
                wrong("connect_to", "the list of addresses is empty".into())
            }
            ConnectTo::Addresses(addresses) if addresses.iter().any(has_no_port) => {
                wrong("connect_to", format!("{place}: an address has no port"))
            }
            ConnectTo::Host(_, 0) => wrong("connect_to", format!("{place} has no port")),
            ConnectTo::Host(host, _) if !is_host(host) => {
                wrong("connect_to", format!("{host:?} is not a host"))
            }
            ConnectTo::Unix(_) => match self.options.local_address {
                Some(address) => {
                    let reason = format!("{address}, but {place} is no internet address");
                    wrong("local_address", reason)
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Returns whether a URL has the host and port of the first one.
    fn is_first(&self, url: &WsUrl) -> bool {
        authority(url) == self.first
    }

    /// Returns the place to connect to.
    pub(super) fn place(&self) -> ConnectTo {
        let url = self.request.url();
        match (&self.options.connect_to, self.proxy()) {
            (Some(place), _) if self.is_first(url) => place.clone(),
            (_, Some(proxy)) => ConnectTo::Host(proxy.host().into(), proxy.port()),
            _ => ConnectTo::Host(host_to_dial(url), url.port()),
        }
    }

    /// Returns the proxy for the current URL.
    pub(super) fn proxy(&self) -> Option<&Proxy> {
        self.options.proxy.for_url(self.request.url())
    }

    /// Returns the current request.
    #[must_use]
    pub const fn request(&self) -> &ClientRequest {
        &self.request
    }

    /// Returns the options.
    #[must_use]
    pub const fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Follows a redirect response, of which only the head matters. Returns `true` if the adapter must dial again:
    /// [`request`](Self::request) is then the next request, or if the redirect must not be followed, the next
    /// [`Dial::new`](super::Dial::new) fails with the reason. Returns `false` if the response is no redirect, or the
    /// limit is reached: report it as [`Error::Http`]. [`Driver::follows`](super::Driver::follows) calls this.
    pub fn follows(&mut self, response: &Response) -> bool {
        match self.redirect(response) {
            Ok(followed) => followed,
            Err(error) => {
                self.refused = Some(error);
                true
            }
        }
    }

    /// Returns the request that follows a redirect response to the same scheme, host and port; `None` for any other
    /// response. For clients that keep their transport.
    #[must_use]
    pub fn next_on_same_origin(
        request: &ClientRequest,
        response: &Response,
    ) -> Option<ClientRequest> {
        let place = |url: &WsUrl| (url.is_secure(), url.host().to_owned(), url.port());
        let next = request.redirected(response).ok()?;
        (place(next.url()) == place(request.url())).then_some(next)
    }

    /// Returns the time to wait before the first dial.
    pub(super) fn take_delay(&mut self) -> std::time::Duration {
        std::mem::take(&mut self.options.delay)
    }

    pub(super) fn take_refusal(&mut self) -> Option<Error> {
        self.refused.take()
    }

    /// Follows a redirect response, or returns why it must not be followed.
    fn redirect(&mut self, response: &Response) -> Result<bool, Error> {
        let Some(left) = self.redirects.checked_sub(1) else { return Ok(false) };
        let Ok(next) = self.request.redirected(response) else { return Ok(false) };
        self.check(next.url())?;
        #[cfg(feature = "tls")]
        {
            let shows = next.url().is_secure()
                && self.options.tls.as_ref().is_some_and(crate::ClientTls::has_certificate);
            if shows && origin(next.url()) != origin(self.request.url()) {
                let response = Box::new(response.clone());
                return Err(Error::ClientCertificate { to: origin(next.url()), response });
            }
        }
        debug!("redirected to {}", next.url().without_query());
        (self.request, self.redirects) = (next, left);
        Ok(true)
    }

    /// Creates the client's side of a TLS connection for a `wss://` URL, `None` for `ws://`. Writes nothing.
    #[cfg(feature = "tls")]
    pub(super) fn begin_tls(&self) -> Result<Option<rustls::ClientConnection>, Error> {
        if !self.request.url().is_secure() {
            return Ok(None);
        }
        let url = self.request.url();
        let name = self.options.server_name.as_deref().filter(|_| self.is_first(url));
        let tls = self.options.tls.clone().unwrap_or_default();
        tls.begin(name.unwrap_or_else(|| url.host())).map(Some).map_err(Error::Tls)
    }
}

/// Omits the request's header fields, path and query, which may contain credentials.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.request.url();
        f.debug_struct("Target")
            .field("scheme", &url.scheme())
            .field("host", &url.host_header())
            .field("redirects", &self.redirects)
            .finish_non_exhaustive()
    }
}

/// Returns the host, with its zone, and the port.
fn authority(url: &WsUrl) -> (String, u16) {
    (host_to_dial(url), url.port())
}

/// Returns whether the text is a name, or an address without brackets, perhaps with a zone.
fn is_host(host: &str) -> bool {
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.into() };
    WsUrl::parse(&format!("ws://{bracketed}/"))
        .is_ok_and(|url| host_to_dial(&url).eq_ignore_ascii_case(host))
}

/// Returns scheme, host and port, without path and query, which may be secret.
#[cfg(feature = "tls")]
fn origin(url: &WsUrl) -> String {
    format!("{}://{}", url.scheme(), url.host_header())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, redirects: u8) -> Target {
        let options = ClientOptions { redirects, ..ClientOptions::default() };
        let url = WsUrl::parse(url).expect("a URL");
        Target::new(ClientRequest::new(url), options).expect("a target")
    }

    fn to(location: &str) -> Response {
        Response::new(302).header("Location", location).expect("a header")
    }

    #[test]
    fn redirects_are_counted_and_judged_by_their_head() {
        let mut target = target("ws://a.example/1", 2);
        assert!(!target.redirect(&Response::new(403)).expect("a refusal"));
        assert!(!target.redirect(&to("ftp://a.example/")).expect("leads nowhere"));
        assert!(target.redirect(&to("/2")).expect("the same origin"));
        assert!(target.redirect(&to("ws://b.example/3")).expect("another origin"));
        assert_eq!(target.request().url().to_string(), "ws://b.example/3");
        assert!(!target.redirect(&to("/4")).expect("one too many"));
        assert_eq!(target.request().url().to_string(), "ws://b.example/3");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_host_that_no_certificate_can_be_for_is_an_error_of_the_url() {
        // T4: either the URL or the target is refused.
        let label = "a".repeat(64);
        for host in ["a..b", "127.1", &label, "1.2.3.4.5"] {
            let refused = match WsUrl::parse(&format!("wss://{host}/")) {
                Ok(url) => Target::new(ClientRequest::new(url), ClientOptions::default()).err(),
                Err(error) => Some(error.into()),
            };
            assert!(matches!(refused, Some(Error::Url(_))), "{host}");
            let mut target = target("ws://a.example/", 1);
            let followed = target.redirect(&to(&format!("wss://{host}/")));
            assert!(matches!(followed, Ok(false) | Err(Error::Url(_))), "{host}");
        }
        for host in ["localhost", "127.0.0.1", "[::1]", "xn--mnchen-3ya.example", "a_b.example"] {
            let url = WsUrl::parse(&format!("wss://{host}/")).expect("a URL");
            assert!(
                Target::new(ClientRequest::new(url), ClientOptions::default()).is_ok(),
                "{host}"
            );
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_client_certificate_is_not_shown_to_another_origin() {
        // B10
        use std::sync::Arc;

        use rustls::pki_types::PrivateKeyDer;

        let made = rcgen::generate_simple_self_signed(["client".into()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_client_auth_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate");
        let tls = Some(config.into());
        let options = ClientOptions { redirects: 9, tls, ..ClientOptions::default() };
        let target = |url: &str| {
            let url = WsUrl::parse(url).expect("a URL");
            Target::new(ClientRequest::new(url), options.clone()).expect("a target")
        };
        for (from, location, other) in [
            ("wss://a.example/", "wss://b.example/?secret", "wss://b.example"),
            ("wss://a.example/", "wss://a.example:444/", "wss://a.example:444"),
            ("ws://a.example/", "wss://a.example/", "wss://a.example"),
        ] {
            let error = target(from).redirect(&to(location)).expect_err(location);
            let shown = error.to_string();
            assert!(!shown.contains("secret"), "{shown}");
            let Error::ClientCertificate { to, response } = error else { panic!("{error:?}") };
            assert_eq!((&*to, response.status()), (other, 302));
        }
        for (from, location) in [
            ("wss://a.example/", "/2"),
            ("wss://a.example/", "wss://A.example:443/2"),
            // Without TLS, no certificate is shown.
            ("ws://a.example/", "ws://b.example/"),
        ] {
            assert!(target(from).redirect(&to(location)).expect(location));
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_needs_the_feature() {
        let url = WsUrl::parse("wss://a.example/").expect("a URL");
        let secure = Target::new(ClientRequest::new(url), ClientOptions::default());
        assert!(matches!(secure, Err(Error::TlsUnavailable)));
        assert!(matches!(
            target("ws://a/", 1).redirect(&to("wss://a/")),
            Err(Error::TlsUnavailable)
        ));
    }
}
