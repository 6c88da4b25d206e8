//! The server's response to an opening handshake (RFC 6455 section 4.2.2).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::date::encode_date;
use super::headers::is_reserved;
use super::response::encode_field;
use super::{
    Agreed, Extension, Headers, InvalidHeader, Request, RequestError, Response, Unoffered,
};
use crate::Config;

/// An error by the application in answering a request. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// There is no request to answer, or it was answered already.
    #[error("no request waits for an answer")]
    NoRequest,
    /// The request is not a valid handshake, and cannot be accepted.
    #[error("the request cannot be accepted: {0}")]
    Request(#[from] RequestError),
    /// The status of the response is outside 200 to 599.
    #[error("{0} is not the status of a response")]
    Status(u16),
    /// The client did not offer the subprotocol.
    #[error(transparent)]
    Subprotocol(Box<Unoffered>),
    /// The client did not offer the extension.
    #[error(transparent)]
    Extension(Box<Unoffered>),
    /// The extension requires support in the engine, which has none for it.
    #[error("the extension {0:?} is not available")]
    Unavailable(String),
    /// The handshake writes this header field itself.
    #[error("the handshake itself writes the header {0:?}")]
    ReservedHeader(String),
    /// The header field cannot appear in a head.
    #[error(transparent)]
    InvalidHeader(#[from] InvalidHeader),
}

/// A server's acceptance of an opening handshake: the subprotocol, and header fields of its own.
///
/// ```
/// # use wsproto::handshake::*;
/// # fn f(request: &Request) -> Result<Accept, AcceptError> {
/// let accept = Accept::new()
///     .select_subprotocol(request, &["chat.v2", "chat.v1"])
///     .header("Set-Cookie", "seen=1")?;
/// # Ok(accept) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    subprotocol: Option<String>,
    extensions: Vec<Extension>,
    headers: Headers,
}

impl Accept {
    /// Creates an acceptance without a subprotocol.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects a subprotocol, which must be one that the client offers, in the same case (RFC 7936
    /// section 2).
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: impl Into<String>) -> Self {
        self.subprotocol = Some(subprotocol.into());
        self
    }

    /// Selects the first of the supported subprotocols that the client offers, or none.
    #[must_use]
    pub fn select_subprotocol(mut self, request: &Request, supported: &[&str]) -> Self {
        let chosen = supported.iter().find(|known| request.subprotocols().any(|o| o == **known));
        self.subprotocol = chosen.map(|chosen| (*chosen).into());
        self
    }

    /// Accepts an extension that the client offers and that needs no support in the engine (one
    /// that owns a reserved bit does).
    #[must_use]
    pub fn extension(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Adds a header field to the response.
    ///
    /// # Errors
    ///
    /// [`AcceptError::ReservedHeader`] if the handshake itself writes the field, or
    /// [`AcceptError::InvalidHeader`].
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, AcceptError> {
        if is_reserved(name) {
            return Err(AcceptError::ReservedHeader(name.into()));
        }
        self.headers.push(name, value)?;
        Ok(self)
    }

    /// Returns the selected subprotocol.
    #[must_use]
    pub fn selected_subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Returns the accepted extensions.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// Returns the added header fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Appends the response to `out`: the head with status 101, which frames may follow at once.
    /// permessage-deflate is not accepted.
    ///
    /// # Errors
    ///
    /// [`AcceptError`] if the request cannot be answered this way, which an extended CONNECT never can;
    /// nothing was appended.
    pub fn encode(&self, request: &Request, out: &mut Vec<u8>) -> Result<(), AcceptError> {
        self.encode_to(request, None, None, out).map(|_| ())
    }

    /// Appends the response, as [`encode`](Self::encode) does, at that time since the UNIX epoch;
    /// accepts permessage-deflate by the configuration. Returns the result of the negotiation.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    pub(crate) fn encode_to(
        &self,
        request: &Request,
        date: Option<Duration>,
        config: Option<&Config>,
        out: &mut Vec<u8>,
    ) -> Result<Agreed, AcceptError> {
        if request.is_extended_connect() {
            return Err(RequestError::HttpVersion.into());
        }
        let (agreed, builtin) = self.agree(request, config)?;
        out.reserve(self.head_size());
        out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
        if let Some(date) = date
            && self.headers.get_bytes("Date").is_none()
        {
            encode_date(date, out);
        }
        self.write_fields(request, builtin.as_ref(), |name, value| encode_field(name, value, out));
        out.extend_from_slice(b"\r\n");
        Ok(agreed)
    }

    /// Returns the response, and the result of the negotiation: for servers whose head is written by
    /// other code, and for HTTP/2 and HTTP/3. The status is 101, or 200 for an extended CONNECT, which
    /// has no key to answer (RFC 8441 section 5). There is no body, and frames may follow at once; the
    /// session begins with [`Session::opened`](crate::Session::opened). permessage-deflate is accepted
    /// by the configuration.
    ///
    /// ```
    /// use std::time::Duration;
    /// use wsproto::handshake::{Accept, Request};
    /// use wsproto::{Config, Server, Session};
    ///
    /// # fn f(request: &Request) -> Result<(), Box<dyn std::error::Error>> {
    /// let config = Config::default();
    /// let (response, agreed) = Accept::new().answer(request, &config)?;
    /// for (name, value) in response.headers().iter() {
    ///     // hand the fields to the code that writes the head
    /// }
    /// let session = Session::opened(Server, config, agreed, Duration::ZERO);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AcceptError`] if the request cannot be accepted this way.
    pub fn answer(
        &self,
        request: &Request,
        config: &Config,
    ) -> Result<(Response, Agreed), AcceptError> {
        let (agreed, builtin) = self.agree(request, Some(config))?;
        let mut response = Response::new(if request.is_extended_connect() { 200 } else { 101 });
        self.write_fields(request, builtin.as_ref(), |name, value| {
            response.push_header(name, value);
        });
        Ok((response, agreed))
    }

    /// Checks the selected subprotocol and extensions, and accepts permessage-deflate by the configuration.
    /// Returns the result of the negotiation, and the element of permessage-deflate.
    fn agree(
        &self,
        request: &Request,
        config: Option<&Config>,
    ) -> Result<(Agreed, Option<Extension>), AcceptError> {
        request.check_upgrade()?;
        if let Some(subprotocol) = &self.subprotocol
            && !request.subprotocols().any(|offer| offer == subprotocol)
        {
            let error = Unoffered::subprotocol(subprotocol, request.subprotocols());
            return Err(AcceptError::Subprotocol(Box::new(error)));
        }
        for extension in &self.extensions {
            let name = extension.name();
            if is_builtin(name) {
                return Err(AcceptError::Unavailable(name.into()));
            }
            if !request.extensions().any(|offer| offer.name() == name) {
                let offers: Vec<_> = request.extensions().collect();
                let error = Unoffered::extension(name, offers.iter().map(Extension::name));
                return Err(AcceptError::Extension(Box::new(error)));
            }
        }
        let (subprotocol, extensions) = (self.subprotocol.clone(), self.extensions.clone());
        #[cfg(feature = "deflate")]
        {
            let wish = config.and_then(|config| config.deflate.as_ref());
            let negotiated = wish.and_then(|wish| super::DeflateAgreed::negotiate(request, wish));
            let (deflate, builtin) = negotiated.unzip();
            Ok((Agreed { subprotocol, extensions, deflate }, builtin))
        }
        #[cfg(not(feature = "deflate"))]
        {
            let _ = config;
            Ok((Agreed { subprotocol, extensions }, None))
        }
    }

    /// Returns how many bytes a response has with the date, and without extensions.
    fn head_size(&self) -> usize {
        /// The length of the fields that every response has.
        const FIXED: usize = 170;
        /// The length of the subprotocol's header field, without its value.
        const PROTOCOL: usize = 26;

        let subprotocol = self.subprotocol.as_ref().map_or(0, |name| PROTOCOL + name.len());
        FIXED + subprotocol + self.headers.size()
    }

    /// Calls `write` with the header fields of the response, in order.
    fn write_fields(
        &self,
        request: &Request,
        builtin: Option<&Extension>,
        mut write: impl FnMut(&str, &[u8]),
    ) {
        if let Some(key) = request.key() {
            write("Upgrade", b"websocket");
            write("Connection", b"Upgrade");
            write("Sec-WebSocket-Accept", &key.accept());
        }
        if let Some(subprotocol) = &self.subprotocol {
            write("Sec-WebSocket-Protocol", subprotocol.as_bytes());
        }
        for extension in builtin.into_iter().chain(&self.extensions) {
            let extension = alloc::format!("{extension}");
            write("Sec-WebSocket-Extensions", extension.as_bytes());
        }
        for (name, value) in self.headers.iter() {
            write(name, value);
        }
    }
}

/// Returns whether only the engine can provide the extension, because it owns a reserved bit.
pub(super) fn is_builtin(name: &str) -> bool {
    name.eq_ignore_ascii_case("permessage-deflate")
}
