//! The client's part of the opening handshake (RFC 6455 section 4.1).

use alloc::string::String;
use alloc::vec::Vec;

use super::accept_key::encode_key;
use super::headers::is_reserved;
use super::list::is_token;
use super::response::encode_field;
use super::server::is_builtin;
use super::{Extension, HeadError, Headers, InvalidHeader, Response, accept_key};
use crate::url::WsUrl;

/// Header fields that only the handshake of a client writes.
const RESERVED: [&str; 3] = ["Host", "Origin", "Sec-WebSocket-Key"];

/// What an application got wrong in describing a handshake. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// The handshake writes this header field itself.
    #[error("the handshake itself writes the header {0:?}")]
    ReservedHeader(String),
    /// The header field could not stand in a head.
    #[error(transparent)]
    InvalidHeader(#[from] InvalidHeader),
    /// The subprotocol is empty or has a character that a subprotocol must not have.
    #[error("{0:?} is not a subprotocol")]
    InvalidSubprotocol(String),
    /// The subprotocol was offered before, perhaps in another case.
    #[error("the subprotocol {0:?} is offered twice")]
    DuplicateSubprotocol(String),
    /// The cookie's name is no token, or its value has a character that it cannot have (RFC 6265
    /// section 4.1.1).
    #[error("the cookie {0:?} has a character that cookies cannot have")]
    InvalidCookie(String),
    /// The extension needs an engine that has it.
    #[error("the extension {0:?} is not available")]
    Extension(String),
}

/// What is wrong with the answer to a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The head is not HTTP, or longer than the limits allow.
    #[error("malformed response: {0}")]
    Head(#[from] HeadError),
    /// The head is not HTTP, although every byte of it is allowed.
    #[error("malformed response")]
    Malformed,
    /// A 101 of any version but HTTP/1.1.
    #[error("HTTP version not supported")]
    HttpVersion,
    /// Any status but 101; [`Session::take_response`](crate::Session::take_response) has the rest.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// `Upgrade` is missing or another than `websocket`.
    #[error("missing or invalid Upgrade header")]
    Upgrade,
    /// `Connection` does not contain `Upgrade`.
    #[error("missing token Upgrade in the Connection header")]
    Connection,
    /// `Sec-WebSocket-Accept` is missing, repeated or does not match the key.
    #[error("missing or wrong Sec-WebSocket-Accept header")]
    Accept,
    /// An extension that was not offered, or a malformed header.
    #[error("the server selected an extension that was not offered")]
    Extension,
    /// A subprotocol that was not offered, or several.
    #[error("the server selected a subprotocol that was not offered")]
    Subprotocol,
    /// Subprotocols were offered and none was selected; see
    /// [`Config::require_subprotocol`](crate::Config::require_subprotocol).
    #[error("the server selected none of the subprotocols")]
    NoSubprotocol,
}

/// What both ends agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// The subprotocol in use.
    pub subprotocol: Option<String>,
    /// The extensions in use, in the order in which they apply to data.
    pub extensions: Vec<Extension>,
}

/// The request that asks a server for a connection.
///
/// ```
/// use wsproto::{handshake::ClientRequest, url::WsUrl};
///
/// let request = ClientRequest::new(WsUrl::parse("ws://example.com/chat")?)
///     .subprotocol("chat.v2")?
///     .cookie("session", "31d4d96e407aad42")?
///     .header("Authorization", "Bearer mF_9.B5f-4.1JqM")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRequest {
    url: WsUrl,
    origin: Option<String>,
    subprotocols: Vec<String>,
    extensions: Vec<Extension>,
    /// The value of the `Cookie` header.
    cookies: String,
    headers: Headers,
}

impl ClientRequest {
    /// Asks for the resource that the URL names.
    #[must_use]
    pub const fn new(url: WsUrl) -> Self {
        Self {
            url,
            origin: None,
            subprotocols: Vec::new(),
            extensions: Vec::new(),
            cookies: String::new(),
            headers: Headers::new(),
        }
    }

    /// Asks for the same of another URL; without the header fields that were added, if they are not
    /// for it.
    pub(super) fn towards(&self, url: WsUrl, with_headers: bool) -> Self {
        let (cookies, headers) = match with_headers {
            true => (self.cookies.clone(), self.headers.clone()),
            false => (String::new(), Headers::new()),
        };
        Self { url, cookies, headers, ..self.clone() }
    }

    /// Returns the URL.
    #[must_use]
    pub const fn url(&self) -> &WsUrl {
        &self.url
    }

    /// Adds a header field, such as `Authorization`; may be repeated.
    ///
    /// # Errors
    ///
    /// [`OfferError::ReservedHeader`] for one that the handshake writes, or
    /// [`OfferError::InvalidHeader`].
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, OfferError> {
        let reserved = RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
        if reserved || is_reserved(name) {
            return Err(OfferError::ReservedHeader(name.into()));
        }
        self.headers.push(name, value)?;
        Ok(self)
    }

    /// Adds a cookie; all of them are sent in one header field (RFC 6265 section 5.4).
    ///
    /// # Errors
    ///
    /// [`OfferError::InvalidCookie`].
    pub fn cookie(mut self, name: &str, value: &str) -> Result<Self, OfferError> {
        let octet = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'\\');
        if !is_token(name) || !value.bytes().all(octet) {
            return Err(OfferError::InvalidCookie(name.into()));
        }
        if !self.cookies.is_empty() {
            self.cookies.push_str("; ");
        }
        self.cookies.extend([name, "=", value]);
        Ok(self)
    }

    /// Offers a subprotocol; those offered first are preferred.
    ///
    /// # Errors
    ///
    /// [`OfferError::InvalidSubprotocol`], or [`OfferError::DuplicateSubprotocol`] if it was
    /// offered before, in whatever case.
    pub fn subprotocol(mut self, subprotocol: &str) -> Result<Self, OfferError> {
        if !is_token(subprotocol) {
            return Err(OfferError::InvalidSubprotocol(subprotocol.into()));
        }
        if self.subprotocols.iter().any(|other| other.eq_ignore_ascii_case(subprotocol)) {
            return Err(OfferError::DuplicateSubprotocol(subprotocol.into()));
        }
        self.subprotocols.push(subprotocol.into());
        Ok(self)
    }

    /// Says which page connects, as a browser does; other clients need not.
    ///
    /// # Errors
    ///
    /// [`OfferError::InvalidHeader`].
    pub fn origin(mut self, origin: &str) -> Result<Self, OfferError> {
        if origin.is_empty() || !origin.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidHeader::Value(origin.into()).into());
        }
        self.origin = Some(origin.into());
        Ok(self)
    }

    /// Offers an extension that needs nothing of the engine. (Those that own a reserved bit do.)
    ///
    /// # Errors
    ///
    /// [`OfferError::Extension`] if it does.
    pub fn extension(mut self, extension: Extension) -> Result<Self, OfferError> {
        if is_builtin(extension.name()) {
            return Err(OfferError::Extension(extension.name().into()));
        }
        self.extensions.push(extension);
        Ok(self)
    }

    /// Appends the request to `out`. The nonce must be random and used once.
    pub fn encode(&self, nonce: [u8; 16], out: &mut Vec<u8>) {
        for part in ["GET ", self.url.resource_name(), " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        encode_field("Host", &self.url.host_header(), out);
        encode_field("Upgrade", "websocket", out);
        encode_field("Connection", "Upgrade", out);
        encode_field("Sec-WebSocket-Key", &encode_key(nonce), out);
        encode_field("Sec-WebSocket-Version", "13", out);
        if let Some(origin) = &self.origin {
            encode_field("Origin", origin, out);
        }
        if !self.subprotocols.is_empty() {
            encode_field("Sec-WebSocket-Protocol", &self.subprotocols.join(", "), out);
        }
        for extension in &self.extensions {
            encode_field("Sec-WebSocket-Extensions", &alloc::format!("{extension}"), out);
        }
        if !self.cookies.is_empty() {
            encode_field("Cookie", &self.cookies, out);
        }
        self.headers.encode(out);
        out.extend_from_slice(b"\r\n");
    }

    /// Checks the answer to the request that was sent with `nonce`.
    ///
    /// # Errors
    ///
    /// [`ResponseError`] names the first rule of section 4.1 that the answer breaks.
    pub fn verify(&self, nonce: [u8; 16], response: &Response) -> Result<Agreed, ResponseError> {
        let headers = response.headers();
        if response.status() != 101 {
            return Err(ResponseError::Status(response.status()));
        }
        if !headers.only("Upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
            return Err(ResponseError::Upgrade);
        }
        if !headers.list_contains("Connection", "Upgrade") {
            return Err(ResponseError::Connection);
        }
        if headers.only("Sec-WebSocket-Accept") != Some(&accept_key(&encode_key(nonce))) {
            return Err(ResponseError::Accept);
        }
        Ok(Agreed {
            extensions: self.verify_extensions(headers)?,
            subprotocol: self.verify_subprotocol(headers)?,
        })
    }

    fn verify_extensions(&self, headers: &Headers) -> Result<Vec<Extension>, ResponseError> {
        let mut accepted = Vec::new();
        for value in headers.get_all("Sec-WebSocket-Extensions") {
            accepted.extend(Extension::parse_list(value).map_err(|_| ResponseError::Extension)?);
        }
        let offered = |name| self.extensions.iter().any(|offer| offer.name() == name);
        if accepted.iter().all(|extension| offered(extension.name())) {
            Ok(accepted)
        } else {
            Err(ResponseError::Extension)
        }
    }

    fn verify_subprotocol(&self, headers: &Headers) -> Result<Option<String>, ResponseError> {
        let mut selected = headers.get_all("Sec-WebSocket-Protocol");
        match (selected.next(), selected.next()) {
            (None, _) => Ok(None),
            (Some(one), None) if self.subprotocols.iter().any(|offer| offer == one) => {
                Ok(Some(one.into()))
            }
            _ => Err(ResponseError::Subprotocol),
        }
    }

    /// Whether any subprotocol is offered.
    pub(crate) fn offers_subprotocols(&self) -> bool {
        !self.subprotocols.is_empty()
    }
}
