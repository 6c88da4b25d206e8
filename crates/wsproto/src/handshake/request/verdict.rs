//! The checks of a request, made once.

use core::str;

use super::super::accept_key::Key;
use super::super::fields::{Fields, Single};
use super::target::{is_host, split_target};
use crate::handshake::RequestError;

/// The parts of a request in front of its fields.
pub(super) struct Line<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) http: Http<'a>,
}

/// The version of HTTP.
pub(super) enum Http<'a> {
    /// HTTP/1 with this minor version.
    One { minor: u8 },
    /// HTTP/2 or HTTP/3.
    Later {
        /// `:authority`, or the `Host` in its place.
        authority: &'a str,
        /// Whether this is an extended CONNECT for a WebSocket.
        is_upgrade: bool,
    },
}

/// The result of the checks.
#[derive(Clone, Copy)]
pub(super) struct Verdict {
    /// Whether the request asks for a WebSocket connection.
    pub(super) is_upgrade: bool,
    /// The result of [`check_upgrade`](super::Request::check_upgrade).
    pub(super) handshake: Result<(), RequestError>,
    /// The key of a valid handshake of HTTP/1.
    pub(super) key: Option<Key>,
}

impl Line<'_> {
    /// Checks a request, in the order of its parts.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the request can only be refused, whether or not it asks for an upgrade.
    pub(super) fn judge(&self, fields: &Fields<'_>) -> Result<Verdict, RequestError> {
        let is_upgrade = match self.http {
            // RFC 9110 section 7.8: HTTP/1.0 has no upgrades, and ignores the field.
            Http::One { minor } => minor > 0 && fields.upgrade_websocket,
            Http::Later { is_upgrade, .. } => is_upgrade,
        };
        self.check_http(fields, is_upgrade)?;
        let handshake = self.check_upgrade(fields, is_upgrade);
        let key = handshake.ok().flatten();
        Ok(Verdict { is_upgrade, handshake: handshake.map(|_| ()), key })
    }

    const fn is_http1(&self) -> bool {
        matches!(self.http, Http::One { .. })
    }

    /// Checks the rules that apply to every request.
    fn check_http(&self, fields: &Fields<'_>, is_upgrade: bool) -> Result<(), RequestError> {
        let Self { method, target, .. } = *self;
        if method == "CONNECT" && (self.is_http1() || !is_upgrade) {
            return Err(RequestError::Method);
        }
        // RFC 9112 section 3.2.4: an asterisk addresses the server as a whole.
        let is_asterisk = target == "*" && method == "OPTIONS";
        if !is_asterisk && split_target(target).is_none()
            || !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        {
            return Err(RequestError::Target);
        }
        let valid = match (&self.http, fields.host) {
            // RFC 9112 section 3.2: a request of HTTP/1.1 without exactly one valid Host gets a 400.
            (Http::One { minor }, Single::Missing) => *minor == 0,
            (Http::One { .. }, Single::Once(host)) => str::from_utf8(host).is_ok_and(is_host),
            // RFC 9113 section 8.3.1: a Host that differs makes the request malformed.
            (Http::Later { authority, .. }, Single::Missing) => is_host(authority),
            (Http::Later { authority, .. }, Single::Once(host)) => {
                is_host(authority) && host.eq_ignore_ascii_case(authority.as_bytes())
            }
            (_, Single::Repeated) => false,
        };
        if !valid {
            return Err(RequestError::Host);
        }
        let is_empty = matches!(fields.content_length, Single::Missing | Single::Once(b"0"));
        if fields.has_transfer_encoding || !is_empty {
            return Err(RequestError::Body);
        }
        Ok(())
    }

    /// Checks that a request is a valid handshake; returns its key, which only HTTP/1 has.
    fn check_upgrade(
        &self,
        fields: &Fields<'_>,
        is_upgrade: bool,
    ) -> Result<Option<Key>, RequestError> {
        let is_http1 = self.is_http1();
        match (is_upgrade, self.method) {
            // `check_http` passes only an extended CONNECT.
            (true, "GET" | "CONNECT") => {}
            (false, "GET" | "HEAD" | "OPTIONS") if is_http1 => return Err(RequestError::NoUpgrade),
            (false, "GET" | "HEAD" | "OPTIONS") => return Err(RequestError::NotConnect),
            _ => return Err(RequestError::Method),
        }
        if is_http1 && !fields.connection_upgrade {
            return Err(RequestError::Connection);
        }
        match fields.version.value() {
            Some(b"13") => {}
            Some(other) if is_http1 && is_version(other) => {
                return Err(RequestError::UnsupportedVersion);
            }
            _ => return Err(RequestError::InvalidVersion),
        }
        // RFC 8441 section 5: `:protocol` takes the place of the key, which is not processed.
        let key = match is_http1 {
            true => Some(fields.key.value().and_then(Key::parse).ok_or(RequestError::Key)?),
            false => None,
        };
        if fields.invalid_subprotocol {
            return Err(RequestError::Subprotocol);
        }
        if fields.invalid_extension {
            return Err(RequestError::Extensions);
        }
        Ok(key)
    }
}

/// Returns whether the value is 0 to 255 without leading zeros (section 4.3).
fn is_version(value: &[u8]) -> bool {
    let number = str::from_utf8(value).map(str::parse::<u8>);
    let is_bare = matches!(value, [b'0'] | [b'1'..=b'9', ..]);
    is_bare && matches!(number, Ok(Ok(_)))
}
