//! The server's response to an opening handshake (RFC 6455 section 4.2.2).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::headers::is_reserved;
use super::response::encode_field;
use super::{
    Agreed, Extension, Headers, InvalidHeader, Request, RequestError, Unoffered, http_date,
};

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
    ///
    /// # Errors
    ///
    /// [`AcceptError`] if the request cannot be answered this way; nothing was appended.
    pub fn encode(&self, request: &Request, out: &mut Vec<u8>) -> Result<(), AcceptError> {
        self.encode_to(request, None, None, out)
    }

    /// Appends the response, as [`encode`](Self::encode) does, at that time since the UNIX epoch,
    /// with an extension of the engine's own.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    pub(crate) fn encode_to(
        &self,
        request: &Request,
        date: Option<Duration>,
        builtin: Option<&Extension>,
        out: &mut Vec<u8>,
    ) -> Result<(), AcceptError> {
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
        out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
        if let Some(date) = date
            && self.headers.get_bytes("Date").is_none()
        {
            encode_field("Date", http_date(date).as_bytes(), out);
        }
        encode_field("Upgrade", b"websocket", out);
        encode_field("Connection", b"Upgrade", out);
        encode_field("Sec-WebSocket-Accept", request.accept_key().as_bytes(), out);
        if let Some(subprotocol) = &self.subprotocol {
            encode_field("Sec-WebSocket-Protocol", subprotocol.as_bytes(), out);
        }
        for extension in builtin.into_iter().chain(&self.extensions) {
            let extension = alloc::format!("{extension}");
            encode_field("Sec-WebSocket-Extensions", extension.as_bytes(), out);
        }
        self.headers.encode(out);
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Returns the result of the negotiation once the response is sent.
    pub(crate) fn agreed(&self) -> Agreed {
        Agreed {
            subprotocol: self.subprotocol.clone(),
            extensions: self.extensions.clone(),
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }
}

/// Returns whether only the engine can provide the extension, because it owns a reserved bit.
pub(super) fn is_builtin(name: &str) -> bool {
    name.eq_ignore_ascii_case("permessage-deflate")
}
