//! A request with the addresses and the TLS parameters of its transport.

use std::net::SocketAddr;
use std::ops::Deref;

use wsproto::handshake::Request;

/// A request to a server, and the addresses of the transport it came on. Dereferences to the
/// [`Request`].
///
/// ```
/// use ws_common::{Decision, IncomingRequest, ServerHandle};
///
/// fn on_connection(_: &ServerHandle, request: &IncomingRequest) -> Decision<()> {
///     match request.peer_addr() {
///         Some(peer) if peer.ip().is_loopback() => Decision::accept(()),
///         _ => Decision::decline(),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct IncomingRequest {
    request: Request,
    transport: TransportInfo,
}

impl IncomingRequest {
    pub(crate) const fn new(request: Request, transport: TransportInfo) -> Self {
        Self { request, transport }
    }

    /// Returns the address of the client: the peer, or the client that [trusted
    /// proxies](crate::ServerOptions::trusted_proxies) name, with port 0 if they name none. `None` for a
    /// transport without addresses.
    #[must_use]
    pub const fn client_addr(&self) -> Option<SocketAddr> {
        self.transport.client_addr
    }

    /// Returns the address of the transport's peer, which may be a proxy; `None` for a transport without
    /// addresses. See [`client_addr`](Self::client_addr).
    #[must_use]
    pub const fn peer_addr(&self) -> Option<SocketAddr> {
        self.transport.peer_addr
    }

    /// Returns the address at which the client reached this machine; `None` for a transport without
    /// addresses.
    #[must_use]
    pub const fn local_addr(&self) -> Option<SocketAddr> {
        self.transport.local_addr
    }

    /// Returns the TLS parameters; `None` without TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(&self) -> Option<&crate::TlsInfo> {
        self.transport.tls.as_deref()
    }
}

impl Deref for IncomingRequest {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}

/// The local address and the TLS parameters of a transport, as far as the adapter knows them. The adapter passes
/// the peer's address when it creates the connection.
#[derive(Clone, Debug, Default)]
pub struct TransportInfo {
    pub(crate) peer_addr: Option<SocketAddr>,
    pub(crate) client_addr: Option<SocketAddr>,
    local_addr: Option<SocketAddr>,
    #[cfg(feature = "tls")]
    tls: Option<Box<crate::TlsInfo>>,
}

impl TransportInfo {
    /// Creates the information of a transport without addresses and TLS.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows the addresses of the peer, and of the client.
    pub(crate) fn of(peer: Option<SocketAddr>, client: Option<SocketAddr>) -> Self {
        Self { peer_addr: peer.map(canonical), client_addr: client.map(canonical), ..Self::new() }
    }

    /// Sets the address of this end. An IPv4 address in an IPv6 one is unwrapped.
    #[must_use]
    pub fn local_addr(mut self, address: Option<SocketAddr>) -> Self {
        self.local_addr = address.map(canonical);
        self
    }

    /// Sets the TLS parameters.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::TlsInfo) -> Self {
        self.tls = Some(Box::new(tls));
        self
    }
}

/// Unwraps an IPv4 address that is mapped into an IPv6 one (RFC 4291 section 2.5.5.2), as a socket that
/// serves both families reports it.
pub(crate) fn canonical(mut address: SocketAddr) -> SocketAddr {
    address.set_ip(address.ip().to_canonical());
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_ipv4_addresses() {
        // M9
        for (given, shown) in [
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ] {
            let given = given.parse().expect("an address");
            let info = TransportInfo::new().local_addr(Some(given));
            assert_eq!(info.local_addr.map(|address| address.to_string()).as_deref(), Some(shown));
        }
    }
}
