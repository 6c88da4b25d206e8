//! HTTP proxies: a tunnel by `CONNECT` (RFC 6455 section 4.1, RFC 9110 section 9.3.6).

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::response::encode_field;
use super::{Body, HeadError, HeadFinder, Headers, Response, ResponseError};
use crate::Config;
use crate::url::WsUrl;

/// The reason why a proxy opened no tunnel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelError {
    /// The proxy refused with this response, which includes at most [`Config::max_body_size`] bytes
    /// of its body: 407 requests (different) credentials.
    #[error("the proxy answered with status {}", .0.status())]
    Refused(Box<Response>),
    /// The proxy's response is not HTTP, or exceeds a limit.
    #[error("the proxy's answer: {0}")]
    Response(ResponseError),
    /// The proxy sent bytes before the client sent any through the tunnel.
    #[error("the proxy sent more than its answer")]
    Excess,
    /// The proxy ended the connection without a response.
    #[error("the proxy ended the connection")]
    EndOfInput,
}

/// A tunnel that is being opened.
///
/// ```
/// use wsproto::handshake::{Headers, Tunnel};
/// use wsproto::{Config, url::WsUrl};
///
/// let (url, mut out) = (WsUrl::parse("wss://example.com/chat")?, Vec::new());
/// let mut tunnel = Tunnel::open(&url, &Headers::new(), &mut out);
/// assert!(out.starts_with(b"CONNECT example.com:443 HTTP/1.1\r\n"));
///
/// let config = Config::default();
/// assert_eq!(tunnel.advance(b"HTTP/1.1 200 OK\r", &config), Ok(false));
/// assert_eq!(tunnel.advance(b"\n\r\n", &config), Ok(true));
/// # Ok::<(), wsproto::url::UrlError>(())
/// ```
pub struct Tunnel {
    /// Counts the bytes of all heads, so that the limit covers interim responses, too.
    finder: HeadFinder,
    head: Vec<u8>,
    refusal: Option<Box<Refusal>>,
}

impl Tunnel {
    /// Starts a tunnel on a connection to the proxy: appends the request for a tunnel to the URL's
    /// host to `out`, with header fields for the proxy, such as `Proxy-Authorization`.
    #[must_use]
    pub fn open(url: &WsUrl, headers: &Headers, out: &mut Vec<u8>) -> Self {
        let to = match url.host() {
            address if address.contains(':') => format!("[{address}]:{}", url.port()),
            name => format!("{name}:{}", url.port()),
        };
        for part in ["CONNECT ", &to, " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        encode_field("Host", to.as_bytes(), out);
        headers.encode(out);
        out.extend_from_slice(b"\r\n");
        Self { finder: HeadFinder::response(), head: Vec::new(), refusal: None }
    }

    /// Takes the bytes that the proxy has sent since the last call. Returns whether the tunnel is
    /// open.
    ///
    /// All heads of the response together may have at most [`Config::max_head_size`] bytes.
    ///
    /// # Errors
    ///
    /// [`TunnelError`] if the tunnel cannot open. A refusal is reported once its body is complete
    /// (RFC 9112 section 6.3) or has [`Config::max_body_size`] bytes.
    pub fn advance(&mut self, mut input: &[u8], config: &Config) -> Result<bool, TunnelError> {
        while self.refusal.is_none() {
            let Some(len) = self.finder.find(input, config).map_err(malformed)? else {
                self.head.extend_from_slice(input);
                return Ok(false);
            };
            let (head, rest) = input.split_at(len.min(input.len()));
            self.head.extend_from_slice(head);
            input = rest;
            let response =
                Response::parse(&mem::take(&mut self.head)).map_err(TunnelError::Response)?;
            match response.status() {
                200..=299 if input.is_empty() => return Ok(true),
                200..=299 => return Err(TunnelError::Excess),
                // RFC 9110 section 15.2: interim responses may come first, and are ignored.
                100 | 102..=199 => self.finder.next_response(),
                _ => self.refusal = Some(Box::new(Refusal::new(response))),
            }
        }
        let read = |refusal: &mut Box<Refusal>| refusal.read(input, config);
        match self.refusal.as_mut().is_some_and(read) {
            true => Err(self.give_up()),
            false => Ok(false),
        }
    }

    /// Returns whether the proxy has refused, and the rest of the body may still arrive.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// Ends the attempt, because the connection has ended or the rest of the body takes too long.
    #[must_use]
    pub fn give_up(&mut self) -> TunnelError {
        match self.refusal.take() {
            Some(refusal) => TunnelError::Refused(Box::new(refusal.finish())),
            None => TunnelError::EndOfInput,
        }
    }
}

/// Hides the bytes of the response.
impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("is_refused", &self.is_refused()).finish_non_exhaustive()
    }
}

const fn malformed(error: HeadError) -> TunnelError {
    TunnelError::Response(ResponseError::Head(error))
}

/// A response that refuses the tunnel, and its body.
struct Refusal {
    response: Response,
    /// `None` if the head is contradictory about the end of the body.
    body: Option<Body>,
    content: Vec<u8>,
}

impl Refusal {
    fn new(response: Response) -> Self {
        Self { body: Body::new(&response).ok(), response, content: Vec::new() }
    }

    /// Takes a part of the body. Returns whether the rest is not needed: the body is complete, long
    /// enough, or malformed.
    fn read(&mut self, input: &[u8], config: &Config) -> bool {
        let Some(body) = &mut self.body else { return true };
        let mut input = input.to_vec();
        body.read(&mut &mut input[..], config, &mut self.content).unwrap_or(true)
    }

    fn finish(mut self) -> Response {
        self.response.set_body(self.content);
        self.response
    }
}
