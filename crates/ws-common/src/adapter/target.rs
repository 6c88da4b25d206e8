//! A client's request and options, checked before a socket is opened, and its redirects.

use std::fmt;

use wsproto::handshake::{ClientRequest, Response};
use wsproto::url::WsUrl;

use crate::{ClientOptions, Error};

/// A client's request with its options. Redirects change the request.
pub struct Target {
    request: ClientRequest,
    options: ClientOptions,
    /// How many more redirects may be followed.
    redirects: u8,
}

impl Target {
    /// Checks a request and its options. No socket is opened.
    ///
    /// # Errors
    ///
    /// [`Error::TlsUnavailable`] for a `wss://` URL without the feature `tls`; [`Error::Url`] for a `wss://`
    /// URL whose host is not a valid name for a certificate.
    pub fn new(request: ClientRequest, options: ClientOptions) -> Result<Self, Error> {
        check(request.url())?;
        Ok(Self { request, redirects: options.redirects, options })
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

    /// Follows a redirect response; its head is enough. Returns whether it did: if true,
    /// [`request`](Self::request) is the next request, to be made on a new stream. If false, because the
    /// response is no redirect or the limit is reached, report it as [`Error::Http`].
    ///
    /// # Errors
    ///
    /// [`Error::ClientCertificate`] if it redirects to a `wss://` URL of another origin and a client
    /// certificate is configured; [`Error::Url`] and [`Error::TlsUnavailable`] as [`new`](Self::new).
    pub fn redirect(&mut self, response: &Response) -> Result<bool, Error> {
        let Some(left) = self.redirects.checked_sub(1) else { return Ok(false) };
        let Ok(next) = self.request.redirected(response) else { return Ok(false) };
        check(next.url())?;
        #[cfg(feature = "tls")]
        {
            let shows = next.url().is_secure()
                && self.options.tls.as_ref().is_some_and(crate::ClientTls::has_certificate);
            if shows && origin(next.url()) != origin(self.request.url()) {
                let response = Box::new(response.clone());
                return Err(Error::ClientCertificate { to: origin(next.url()), response });
            }
        }
        (self.request, self.redirects) = (next, left);
        Ok(true)
    }

    /// Creates the client's side of a TLS connection for a `wss://` URL, `None` for `ws://`. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] if rustls rejects the configuration.
    #[cfg(feature = "tls")]
    pub fn begin_tls(&self) -> Result<Option<rustls::ClientConnection>, Error> {
        if !self.request.url().is_secure() {
            return Ok(None);
        }
        let tls = self.options.tls.clone().unwrap_or_default();
        tls.begin(self.request.url().host()).map(Some).map_err(Error::Tls)
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

/// Checks that TLS is available for a `wss://` URL, and that its host is valid for a certificate.
fn check(url: &WsUrl) -> Result<(), Error> {
    if !url.is_secure() {
        return Ok(());
    }
    #[cfg(feature = "tls")]
    return Ok(crate::ClientTls::check(url.host())?);
    #[cfg(not(feature = "tls"))]
    Err(Error::TlsUnavailable)
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
