//! The client's part of the opening handshake over HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220).

use alloc::string::String;

use super::{Agreed, ClientRequest};
use crate::Config;
use crate::handshake::headers::is_connection_specific;
use crate::handshake::{Headers, PseudoHeaders, Response, ResponseError};

/// The request that opens a WebSocket on a connection of HTTP/2 or HTTP/3, whose server has sent
/// `SETTINGS_ENABLE_CONNECT_PROTOCOL` (RFC 8441 section 3).
///
/// ```
/// use wsproto::handshake::{ClientRequest, Response};
/// use wsproto::{Client, Config, Session};
/// # use std::time::Duration;
///
/// let config = Config::default();
/// let request = ClientRequest::parse("wss://example.com/chat")?.extended_connect(&config);
/// let pseudo = request.pseudo_headers();
/// assert_eq!((pseudo.method, pseudo.protocol), ("CONNECT", Some("websocket")));
/// assert_eq!((pseudo.scheme, pseudo.path), (Some("https"), Some("/chat")));
/// assert_eq!(request.headers().get("sec-websocket-version"), Some("13"));
///
/// # let (fields, seed, now): ([(&str, &str); 0], _, _) = ([], [7; 32], Duration::ZERO);
/// let response = Response::from_parts(200, fields, [])?; // as the server has sent it
/// let agreed = request.verify(&response, &config)?;
/// let session = Session::opened(Client::from_seed(seed), config, agreed, now);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedConnect {
    request: ClientRequest,
    authority: String,
    headers: Headers,
}

impl ClientRequest {
    /// Makes the request of HTTP/2 or HTTP/3, with the extensions that the configuration offers. Header
    /// fields that exist only in HTTP/1, such as `Keep-Alive`, are left out.
    #[must_use]
    pub fn extended_connect(self, config: &Config) -> ExtendedConnect {
        let request = self.with_offers(config);
        let mut headers = Headers::new();
        request.write_offers(|name, value| {
            if !is_connection_specific(name) {
                // RFC 9113 section 8.2.1: names have no upper case. Each was checked before.
                let _valid = headers.push(&name.to_ascii_lowercase(), value);
            }
        });
        let authority = request.url().host_header();
        ExtendedConnect { request, authority, headers }
    }
}

impl ExtendedConnect {
    /// Returns the pseudo-header fields, all five.
    #[must_use]
    pub fn pseudo_headers(&self) -> PseudoHeaders<'_> {
        let url = self.request.url();
        PseudoHeaders {
            method: "CONNECT",
            protocol: Some("websocket"),
            scheme: Some(if url.is_secure() { "https" } else { "http" }),
            authority: Some(&self.authority),
            path: Some(url.resource_name()),
        }
    }

    /// Returns the header fields, whose names are in lower case.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the request that this was made from.
    #[must_use]
    pub const fn request(&self) -> &ClientRequest {
        &self.request
    }

    /// Returns the request that this was made from, by value.
    #[must_use]
    pub fn into_request(self) -> ClientRequest {
        self.request
    }

    /// Checks the response: any status from 200 to 299 opens the connection, if the server selected only a
    /// subprotocol and extensions that were offered. There is no `Sec-WebSocket-Accept` (RFC 8441 section 5).
    ///
    /// # Errors
    ///
    /// [`ResponseError`] for the first rule that the response breaks.
    pub fn verify(&self, response: &Response, config: &Config) -> Result<Agreed, ResponseError> {
        let headers = response.headers();
        if !matches!(response.status(), 200..=299) {
            return Err(ResponseError::Status(response.status()));
        }
        if let Some(name) = headers.connection_specific() {
            return Err(ResponseError::ConnectionSpecific(name));
        }
        let agreed = self.request.verify_selection(headers, &headers.known()?)?;
        self.request.check_subprotocol(&agreed, config)?;
        Ok(agreed)
    }
}
