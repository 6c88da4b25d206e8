//! The reasons why there is no way through a proxy.

use std::io;

use wsproto::handshake::{OfferError, Response, ResponseError, TunnelError};
use wsproto::url::UrlError;

/// An invalid proxy, or a failure to open a tunnel through it. No error contains credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy's address is not a host with an optional port. No socket was opened.
    #[error("invalid address: {0}")]
    Address(#[from] UrlError),
    /// The address has an unknown scheme. No socket was opened.
    #[error("proxies of scheme {0:?} are not supported, only http, https (with TLS) and socks5")]
    Scheme(String),
    /// The user name contains a colon (not for SOCKS), the user name or password a control character (RFC
    /// 7617 section 2), or either has more than 255 bytes (SOCKS, RFC 1929 section 2); or the user
    /// information of the address is not percent-encoded UTF-8. No socket was opened.
    #[error("the credentials contain a forbidden character, or one that must be percent-encoded")]
    Credentials,
    /// The application may not add this header field to a `CONNECT` request. No socket was opened.
    #[error("a header field for the proxy: {0}")]
    Header(#[from] OfferError),
    /// A header field was added for a SOCKS proxy. No socket was opened.
    #[error("a SOCKS proxy gets no header fields")]
    SocksHeader,
    /// The entry of `no_proxy` is no host name, address or network. No socket was opened.
    #[error("`{0}` in no_proxy is no host name, IP address or network such as 10.0.0.0/8")]
    NoProxy(String),
    /// An environment variable is invalid. No socket was opened.
    #[error("the environment variable {name}: {error}")]
    Variable {
        /// The name of the variable.
        name: &'static str,
        /// The error in its value.
        #[source]
        error: Box<Self>,
    },
    /// The proxy refused with this response, whose body contains as much as arrived in time. Status 407
    /// requests credentials, or other ones.
    #[error("the proxy answered with status {}", .0.status())]
    Refused(Box<Response>),
    /// The proxy's response is not valid HTTP, or exceeds a limit of [`Config`](wsproto::Config).
    #[error("the proxy's answer: {0}")]
    Response(ResponseError),
    /// The SOCKS proxy requires credentials, or rejects those that were sent.
    #[error("the SOCKS proxy requires a user name and a password, or other ones")]
    SocksCredentials,
    /// The SOCKS proxy refused with this code (RFC 1928 section 6).
    #[error("the SOCKS proxy refused: {text} ({0})", text = socks_reply(*.0))]
    SocksRefused(u8),
    /// The proxy does not speak SOCKS 5.
    #[error("the proxy's answer is not SOCKS 5")]
    SocksAnswer,
    /// TLS with the proxy failed.
    #[error("TLS with the proxy: {0}")]
    Tls(#[source] io::Error),
    /// Bytes followed the proxy's response, before the client sent any through the tunnel.
    #[error("the proxy sent more than its answer")]
    Excess,
    /// The proxy ended the connection without a complete response.
    #[error("the proxy ended the connection")]
    EndOfInput,
}

impl From<TunnelError> for ProxyError {
    fn from(error: TunnelError) -> Self {
        match error {
            TunnelError::Refused(response) => Self::Refused(response),
            TunnelError::Response(error) => Self::Response(error),
            TunnelError::Excess => Self::Excess,
            // `TunnelError` is non-exhaustive; only `EndOfInput` is left today.
            _ => Self::EndOfInput,
        }
    }
}

/// Returns the meaning of a SOCKS reply.
const fn socks_reply(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "its rules do not allow the connection",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "unknown reason",
    }
}
