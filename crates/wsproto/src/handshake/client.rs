//! The client's part of the opening handshake (RFC 6455 section 4.1).

mod extended_connect;
mod verify;

use alloc::string::String;
#[cfg(feature = "deflate")]
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

use super::accept_key::Key;
use super::headers::{checked, is_reserved, is_token_char, up_to_first};
use super::list::{is_token, trim};
use super::response::encode_field;
use super::server::is_builtin;
use super::{Extension, Headers, InvalidHeader};
pub use extended_connect::ExtendedConnect;

use crate::Config;
use crate::redacted::shortened;
use crate::url::{UrlError, WsUrl};

/// Additional header fields that only a client's handshake writes.
const RESERVED: [&str; 3] = ["Host", "Origin", "Sec-WebSocket-Key"];

/// An error by the application in building a request. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// Only the handshake writes this header field; see [`ClientRequest::header`].
    #[error("the handshake itself writes the header {0:?}")]
    ReservedHeader(String),
    /// The header field cannot appear in a head.
    #[error(transparent)]
    InvalidHeader(#[from] InvalidHeader),
    /// The subprotocol is empty or contains a character that is not allowed. At most its first 20
    /// characters are given, since some applications pass a token in this way.
    #[error("{0:?} is not a subprotocol")]
    InvalidSubprotocol(String),
    /// The subprotocol was offered before, perhaps in different case. At most its first 20 characters
    /// are given.
    #[error("the subprotocol {0:?} is offered twice")]
    DuplicateSubprotocol(String),
    /// The cookie's name is not a token, or its value contains a character that is not allowed (RFC
    /// 6265 section 4.1.1). The name is given up to its first invalid character.
    #[error("the cookie {0:?} has a character that cookies cannot have")]
    InvalidCookie(String),
    /// The user name contains a colon, the token a character that tokens cannot have, or one of
    /// them or the password a control character.
    #[error("the credentials contain a character that they cannot have")]
    Credentials,
    /// The extension requires support in the engine, which has none for it.
    #[error("the extension {0:?} is not available")]
    Extension(String),
}

/// The result of the negotiation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed {
    /// The subprotocol in use.
    pub subprotocol: Option<String>,
    /// The extensions in use, in the order in which they apply to data.
    pub extensions: Vec<Extension>,
    /// The parameters of permessage-deflate, if it is in use.
    #[cfg(feature = "deflate")]
    pub deflate: Option<super::DeflateAgreed>,
}

/// A client's opening handshake request.
///
/// ```
/// use wsproto::handshake::ClientRequest;
///
/// let request = ClientRequest::parse("wss://example.com/chat")?
///     .subprotocol("chat.v2")?
///     .cookie("session", "31d4d96e407aad42")?
///     .bearer("mF_9.B5f-4.1JqM")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ClientRequest {
    url: WsUrl,
    origin: Option<String>,
    subprotocols: Vec<String>,
    extensions: Vec<Extension>,
    #[cfg(feature = "deflate")]
    deflate: Vec<super::DeflateOffer>,
    /// The value of the `Cookie` header.
    cookies: Vec<u8>,
    headers: Headers,
}

impl ClientRequest {
    /// Creates a request for the resource that the URL names.
    #[must_use]
    pub const fn new(url: WsUrl) -> Self {
        Self {
            url,
            origin: None,
            subprotocols: Vec::new(),
            extensions: Vec::new(),
            #[cfg(feature = "deflate")]
            deflate: Vec::new(),
            cookies: Vec::new(),
            headers: Headers::new(),
        }
    }

    /// Creates a request for a URL, as [`WsUrl::parse`] takes it.
    ///
    /// # Errors
    ///
    /// [`UrlError`] for the first error in the URL.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        WsUrl::parse(url).map(Self::new)
    }

    /// Creates the same request for another URL; without the added header fields and cookies unless
    /// `with_headers`.
    pub(super) fn towards(&self, url: WsUrl, with_headers: bool) -> Self {
        let (cookies, headers) = match with_headers {
            true => (self.cookies.clone(), self.headers.clone()),
            false => (Vec::new(), Headers::new()),
        };
        Self { url, cookies, headers, ..self.clone() }
    }

    pub(super) const fn headers(&self) -> &Headers {
        &self.headers
    }

    pub(super) const fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// Returns the URL.
    #[must_use]
    pub const fn url(&self) -> &WsUrl {
        &self.url
    }

    /// Adds a header field, such as `Authorization`; may be repeated. The cookies of a `Cookie`
    /// header are combined with those of [`cookie`](Self::cookie).
    ///
    /// # Errors
    ///
    /// [`OfferError::ReservedHeader`] for a field that only the handshake writes: `Host` is that of the
    /// URL, `Origin` that of [`origin`](Self::origin), and those that begin with `Sec-WebSocket-` have
    /// [`subprotocol`](Self::subprotocol) and [`extension`](Self::extension).
    /// [`OfferError::InvalidHeader`] if the field cannot appear in a head.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, OfferError> {
        let reserved = RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
        if reserved || is_reserved(name) {
            return Err(OfferError::ReservedHeader(name.into()));
        }
        if name.eq_ignore_ascii_case("Cookie") {
            let cookies = checked(name, value.as_ref())?;
            self.push_cookie(&[trim(cookies, b" \t;")]);
        } else {
            self.headers.push(name, value)?;
        }
        Ok(self)
    }

    /// Adds a cookie; all cookies are sent in one header field (RFC 6265 section 5.4). Its value
    /// may be quoted, and may contain non-ASCII characters.
    ///
    /// # Errors
    ///
    /// [`OfferError::InvalidCookie`] if the name or the value contains a character that is not
    /// allowed.
    pub fn cookie(mut self, name: &str, value: &str) -> Result<Self, OfferError> {
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let octet = |b: u8| match b {
            b'"' | b',' | b';' | b'\\' => false,
            b => b.is_ascii_graphic() || !b.is_ascii(),
        };
        if !is_token(name) || !bare.unwrap_or(value).bytes().all(octet) {
            return Err(OfferError::InvalidCookie(up_to_first(name, |c| !is_token_char(c))));
        }
        self.push_cookie(&[name.as_bytes(), b"=", value.as_bytes()]);
        Ok(self)
    }

    fn push_cookie(&mut self, parts: &[&[u8]]) {
        if parts.iter().all(|part| part.is_empty()) {
            return;
        }
        if !self.cookies.is_empty() {
            self.cookies.extend_from_slice(b"; ");
        }
        for part in parts {
            self.cookies.extend_from_slice(part);
        }
    }

    /// Offers a subprotocol, in order of preference.
    ///
    /// # Errors
    ///
    /// [`OfferError::InvalidSubprotocol`] if it is not a token, or
    /// [`OfferError::DuplicateSubprotocol`] if it was offered before, in any case.
    pub fn subprotocol(mut self, subprotocol: &str) -> Result<Self, OfferError> {
        if !is_token(subprotocol) {
            return Err(OfferError::InvalidSubprotocol(shortened(subprotocol).into()));
        }
        if self.subprotocols.iter().any(|other| other.eq_ignore_ascii_case(subprotocol)) {
            return Err(OfferError::DuplicateSubprotocol(shortened(subprotocol).into()));
        }
        self.subprotocols.push(subprotocol.into());
        Ok(self)
    }

    /// Sets the origin of the connecting page, as browsers do; other clients need not.
    ///
    /// # Errors
    ///
    /// [`OfferError::InvalidHeader`] if the origin cannot be a header value.
    pub fn origin(mut self, origin: &str) -> Result<Self, OfferError> {
        if origin.is_empty() || !origin.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidHeader::Value("Origin".into()).into());
        }
        self.origin = Some(origin.into());
        Ok(self)
    }

    /// Offers an extension that needs no support in the engine (one that owns a reserved bit does).
    ///
    /// # Errors
    ///
    /// [`OfferError::Extension`] if it needs support in the engine.
    pub fn extension(mut self, extension: Extension) -> Result<Self, OfferError> {
        if is_builtin(extension.name()) {
            return Err(OfferError::Extension(extension.name().into()));
        }
        self.extensions.push(extension);
        Ok(self)
    }

    /// Offers permessage-deflate (RFC 7692) with each of these sets of parameters, in order of
    /// preference; an empty list withdraws the offer. [`Session::client`] makes the offers of its
    /// configuration.
    ///
    /// [`Session::client`]: crate::Session::client
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, offers: impl IntoIterator<Item = super::DeflateOffer>) -> Self {
        self.deflate = offers.into_iter().collect();
        self
    }

    /// Adds the offers of extensions that a session with this configuration makes: what [`encode`](Self::encode)
    /// then writes is the request of [`Session::client`](crate::Session::client), but for the nonce.
    #[must_use]
    pub fn with_offers(self, config: &Config) -> Self {
        #[cfg(feature = "deflate")]
        if let Some(wish) = &config.deflate {
            return self.deflate(super::DeflateOffer::in_order(wish));
        }
        let _ = config;
        self
    }

    /// Appends the request to `out`. The nonce must be random and used once.
    pub fn encode(&self, nonce: [u8; 16], out: &mut Vec<u8>) {
        self.encode_with(&Key::new(nonce), out);
    }

    /// Appends the request with this key to `out`.
    pub(crate) fn encode_with(&self, key: &Key, out: &mut Vec<u8>) {
        out.reserve(self.head_size());
        for part in ["GET ", self.url.resource_name(), " HTTP/1.1\r\nHost: "] {
            out.extend_from_slice(part.as_bytes());
        }
        self.url.write_host_header(&mut Bytes(out));
        out.extend_from_slice(b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
        encode_field("Sec-WebSocket-Key", key.as_bytes(), out);
        self.write_offers(|name, value| encode_field(name, value, out));
        out.extend_from_slice(b"\r\n");
    }

    /// Returns an upper bound for the length of the request in bytes; offers of extensions are not counted.
    fn head_size(&self) -> usize {
        /// The length of a request with the longest port, and with empty values in all of its fields.
        const FIXED: usize = 200;

        let offers = self.subprotocols.iter().map(|offer| offer.len() + 2).sum::<usize>();
        let origin = self.origin.as_ref().map_or(0, String::len);
        FIXED + self.url.size() + origin + offers + self.cookies.len() + self.headers.size()
    }

    /// Calls `write` with each header field that requests of all versions of HTTP contain, in order.
    fn write_offers(&self, mut write: impl FnMut(&str, &[u8])) {
        write("Sec-WebSocket-Version", b"13");
        if let Some(origin) = &self.origin {
            write("Origin", origin.as_bytes());
        }
        if !self.subprotocols.is_empty() {
            write("Sec-WebSocket-Protocol", self.subprotocols.join(", ").as_bytes());
        }
        #[cfg(feature = "deflate")]
        if !self.deflate.is_empty() {
            let offers = self.deflate.iter().map(|offer| offer.to_extension().to_string());
            let offers = offers.collect::<Vec<_>>().join(", ");
            write("Sec-WebSocket-Extensions", offers.as_bytes());
        }
        for extension in &self.extensions {
            let extension = alloc::format!("{extension}");
            write("Sec-WebSocket-Extensions", extension.as_bytes());
        }
        if !self.cookies.is_empty() {
            write("Cookie", &self.cookies);
        }
        for (name, value) in self.headers.iter() {
            write(name, value);
        }
    }
}

/// Memory that text is written to.
struct Bytes<'a>(&'a mut Vec<u8>);

impl fmt::Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Hides secrets: the query of the URL, cookies and credentials.
impl fmt::Debug for ClientRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subprotocols: Vec<_> = self.subprotocols.iter().map(|text| shortened(text)).collect();
        f.debug_struct("ClientRequest")
            .field("url", &self.url)
            .field("origin", &self.origin)
            .field("subprotocols", &subprotocols)
            .field("extensions", &self.extensions)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
