//! Requests of HTTP/2 and HTTP/3, in which a WebSocket begins with an extended CONNECT (RFC 8441, RFC
//! 9220).

use alloc::string::String;
use core::fmt;

use super::verdict::{Http, Line};
use super::{Request, check_line, joined};
use crate::handshake::{Headers, RequestError};
use crate::redacted::WithoutQuery;

/// The pseudo-header fields of a request (RFC 9113 section 8.3.1, RFC 8441 section 4).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct PseudoHeaders<'a> {
    /// `:method`.
    pub method: &'a str,
    /// `:protocol`, which only an extended CONNECT has.
    pub protocol: Option<&'a str>,
    /// `:scheme`.
    pub scheme: Option<&'a str>,
    /// `:authority`: the host, with its port unless that is the default.
    pub authority: Option<&'a str>,
    /// `:path`, with the query.
    pub path: Option<&'a str>,
}

impl Request {
    /// Creates a request of HTTP/2 or HTTP/3: an extended CONNECT for a WebSocket, or an ordinary
    /// request. Limits of the head are those of the code that parsed it.
    ///
    /// There is no key: `Sec-WebSocket-Key` is ignored (RFC 8441 section 5). Everything else is checked as
    /// in HTTP/1.
    ///
    /// ```
    /// use wsproto::handshake::{PseudoHeaders, Request};
    ///
    /// let pseudo = PseudoHeaders {
    ///     method: "CONNECT",
    ///     protocol: Some("websocket"),
    ///     scheme: Some("https"),
    ///     authority: Some("example.com"),
    ///     path: Some("/chat"),
    /// };
    /// let request = Request::from_pseudo_headers(pseudo, [("sec-websocket-version", "13")])?;
    /// assert_eq!(request.check_upgrade(), Ok(()));
    /// assert_eq!((request.host(), request.path()), ("example.com", "/chat"));
    /// # Ok::<(), wsproto::handshake::RequestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the request can only be refused: with 501 if it is an extended CONNECT for
    /// another protocol, and with 405 if it is a CONNECT that asks for a tunnel.
    pub fn from_pseudo_headers<N: AsRef<str>, V: AsRef<[u8]>>(
        pseudo: PseudoHeaders<'_>,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, RequestError> {
        let path = pseudo.path.unwrap_or_default();
        let head = Headers::from_fields(joined(pseudo.method, path), headers)?;
        if let Some(name) = head.connection_specific() {
            return Err(RequestError::ConnectionSpecific(name));
        }
        let is_upgrade = match (pseudo.method, pseudo.protocol) {
            // A tunnel has neither scheme nor path (RFC 9113 section 8.5).
            ("CONNECT", None) => return Err(RequestError::Method),
            (_, None) => false,
            ("CONNECT", Some(protocol)) if protocol.eq_ignore_ascii_case("websocket") => true,
            ("CONNECT", Some(_)) => return Err(RequestError::Protocol),
            (_, Some(_)) => return Err(RequestError::Malformed),
        };
        let is_web = |scheme: &str| matches!(scheme, "http" | "https");
        if !pseudo.scheme.is_some_and(is_web) || !(path.starts_with('/') || path == "*") {
            return Err(RequestError::Target);
        }
        check_line(pseudo.method, path)?;
        let authority = pseudo.authority.or(head.only("Host")).ok_or(RequestError::Host)?;
        let http = Http::Later { authority, is_upgrade };
        let line = Line { method: pseudo.method, target: path, http };
        let verdict = line.judge(&head.known()?)?;
        let (method_len, target_len) = (pseudo.method.len(), path.len());
        let authority = Some(String::from(authority));
        Ok(Self { head, method_len, target_len, version_minor: 0, authority, verdict })
    }
}

/// Hides the query.
impl fmt::Debug for PseudoHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PseudoHeaders")
            .field("method", &self.method)
            .field("protocol", &self.protocol)
            .field("scheme", &self.scheme)
            .field("authority", &self.authority)
            .field("path", &self.path.map(WithoutQuery))
            .finish()
    }
}
