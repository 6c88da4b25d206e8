//! The client's side of SOCKS 5 (RFC 1928), with user name and password (RFC 1929).

use std::fmt;
use std::net::IpAddr;

use wsproto::url::WsUrl;

use crate::{Proxy, ProxyError};

/// The version of the protocol, and that of the exchange of credentials.
const VERSION: u8 = 5;
const CREDENTIALS_VERSION: u8 = 1;

/// Authentication methods (RFC 1928 section 3).
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NO_ACCEPTABLE_METHOD: u8 = 0xFF;

/// The command that opens a tunnel, and address types (RFC 1928 section 4).
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// A tunnel that is being opened. The proxy looks up the name of the server.
pub(super) struct Socks {
    stage: Stage,
    /// The credentials to send: an RFC 1929 request.
    credentials: Option<Vec<u8>>,
    /// The request for the tunnel.
    request: Vec<u8>,
    /// The part of a message that has arrived.
    input: Vec<u8>,
}

/// The message expected from the proxy.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Method,
    Verdict,
    Reply,
}

impl Socks {
    /// Starts a tunnel to the host of a URL: appends the first message to `out`.
    pub(super) fn open(url: &WsUrl, proxy: &Proxy, out: &mut Vec<u8>) -> Self {
        let credentials = proxy.user().map(|(user, password)| {
            let mut message = vec![CREDENTIALS_VERSION];
            push_counted(user, &mut message);
            push_counted(password, &mut message);
            message
        });
        out.extend(match credentials {
            Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD][..],
            None => &[VERSION, 1, NO_AUTHENTICATION],
        });
        let mut request = vec![VERSION, CONNECT, 0];
        match url.host().parse() {
            Ok(IpAddr::V4(address)) => {
                request.push(IPV4);
                request.extend(address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                request.push(IPV6);
                request.extend(address.octets());
            }
            Err(_) => {
                request.push(NAME);
                push_counted(url.host(), &mut request);
            }
        }
        request.extend(url.port().to_be_bytes());
        Self { stage: Stage::Method, credentials, request, input: Vec::new() }
    }

    /// Takes bytes from the proxy, and appends the next message to `out`. Returns whether the tunnel is open.
    pub(super) fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<bool, ProxyError> {
        self.input.extend_from_slice(input);
        loop {
            let taken = match (self.stage, self.input.as_slice()) {
                (Stage::Method, [VERSION, method, ..]) => {
                    let next = self.method(*method)?;
                    out.append(next);
                    2
                }
                (Stage::Verdict, [CREDENTIALS_VERSION, 0, ..]) => {
                    self.stage = Stage::Reply;
                    out.append(&mut self.request);
                    2
                }
                (Stage::Verdict, [CREDENTIALS_VERSION, _, ..]) => {
                    return Err(ProxyError::SocksCredentials);
                }
                (Stage::Reply, [VERSION, code, ..]) if *code != 0 => {
                    return Err(ProxyError::SocksRefused(*code));
                }
                (Stage::Reply, [VERSION, 0, _, kind, first, ..]) => {
                    let address = match *kind {
                        IPV4 => 4,
                        IPV6 => 16,
                        NAME => 1 + usize::from(*first),
                        _ => return Err(ProxyError::SocksAnswer),
                    };
                    // The address from which the proxy connects, and its port, are of no use.
                    return match self.input.len().cmp(&(4 + address + 2)) {
                        std::cmp::Ordering::Less => Ok(false),
                        std::cmp::Ordering::Equal => Ok(true),
                        std::cmp::Ordering::Greater => Err(ProxyError::Excess),
                    };
                }
                (Stage::Method | Stage::Reply, [] | [VERSION])
                | (Stage::Verdict, [] | [CREDENTIALS_VERSION])
                | (Stage::Reply, [VERSION, 0, ..]) => return Ok(false),
                _ => return Err(ProxyError::SocksAnswer),
            };
            self.input.drain(..taken);
        }
    }

    /// Takes the method that the proxy has selected. Returns the next message.
    fn method(&mut self, method: u8) -> Result<&mut Vec<u8>, ProxyError> {
        match (method, &mut self.credentials) {
            (NO_AUTHENTICATION, _) => {
                self.stage = Stage::Reply;
                Ok(&mut self.request)
            }
            (USER_AND_PASSWORD, Some(credentials)) => {
                self.stage = Stage::Verdict;
                Ok(credentials)
            }
            (NO_ACCEPTABLE_METHOD, _) => Err(ProxyError::SocksCredentials),
            _ => Err(ProxyError::SocksAnswer),
        }
    }
}

/// Appends the length of a text in one byte, and the text. `Proxy` and `WsUrl` refuse longer texts.
fn push_counted(text: &str, to: &mut Vec<u8>) {
    to.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    to.extend(text.bytes().take(u8::MAX.into()));
}

/// Omits the credentials.
impl fmt::Debug for Socks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socks").field("stage", &self.stage).finish_non_exhaustive()
    }
}
