//! The trusted proxies: a server believes the client's address that they name.

use std::net::SocketAddr;

use wsproto::handshake::Request;

use super::forwarded::{Field, hops};
use crate::incoming::canonical;
use crate::network::Network;

/// The trusted proxies in front of a server, which believes the client's address that they name.
///
/// A proxy names the address in the field `X-Forwarded-For`; [`forwarded`](Self::forwarded) and
/// [`proxy_protocol`](Self::proxy_protocol) select other ways. Any client can write these fields, too, so only
/// the elements that trusted proxies have appended count: the list is read from its end, up to the first
/// address that is not trusted. That one is [`client_addr`](crate::IncomingRequest::client_addr). An element
/// that is no address ends the list as well; the client is then the last proxy before it.
///
/// Every proxy must append to the selected field, or replace it.
///
/// ```
/// use ws_common::{ServerOptions, TrustedProxies};
///
/// let proxies = TrustedProxies::new(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"])?;
/// let options = ServerOptions::new().trusted_proxies(proxies);
/// # Ok::<(), ws_common::InvalidNetwork>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    /// Whether peers without an address are trusted.
    unix: bool,
    field: Field,
    has_header: bool,
}

impl TrustedProxies {
    /// Trusts these addresses, and networks in CIDR notation (RFC 4632 section 3.1), whose bits behind the prefix
    /// are zero; and with `unix:` every peer that connects through a Unix socket. Names are not looked up.
    ///
    /// # Errors
    ///
    /// [`InvalidNetwork`] for the first text that is none of these.
    pub fn new<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidNetwork> {
        let mut proxies = Self::default();
        for text in networks {
            match text {
                "unix:" => proxies.unix = true,
                text => {
                    // 10.1.2.3/8 may be a mistake: of the length, or of the address.
                    let network = Network::parse(text).filter(|network| !network.has_host_bits());
                    proxies.networks.push(network.ok_or_else(|| InvalidNetwork(text.into()))?);
                }
            }
        }
        Ok(proxies)
    }

    /// Selects the field `Forwarded` (RFC 7239) instead of `X-Forwarded-For`. Only one of them is read: a
    /// proxy that appends to the other would pass on this one as the client has written it.
    #[must_use]
    pub const fn forwarded(mut self) -> Self {
        self.field = Field::Forwarded;
        self
    }

    /// Expects the PROXY protocol, version 1 or 2: each connection from a trusted proxy must begin with its
    /// header, before TLS and HTTP and within
    /// [`Config::handshake_timeout`](wsproto::Config::handshake_timeout), or it is ended. The header is read
    /// from no other peer. If the address it names is trusted, too, the field is read as well.
    ///
    /// Headers without an address (`LOCAL`, `UNKNOWN`) leave the peer's. TLVs are ignored. Health checks of the
    /// proxy need the header, too: with HAProxy, `check-send-proxy`.
    ///
    /// ```
    /// use ws_common::{ServerOptions, TrustedProxies};
    ///
    /// let proxies = TrustedProxies::new(["10.0.0.0/8"])?.proxy_protocol();
    /// // Counts the clients' connections, not those of the proxy.
    /// let options = ServerOptions::new().trusted_proxies(proxies).max_connections_per_address(50);
    /// # Ok::<(), ws_common::InvalidNetwork>(())
    /// ```
    #[must_use]
    pub const fn proxy_protocol(mut self) -> Self {
        self.has_header = true;
        self
    }

    /// Returns whether a peer is trusted; `None` is one without an address, at a Unix socket.
    #[must_use]
    pub fn trusts(&self, peer: Option<SocketAddr>) -> bool {
        match peer {
            Some(peer) => {
                let address = peer.ip().to_canonical();
                self.networks.iter().any(|network| network.contains(address))
            }
            None => self.unix,
        }
    }

    /// Returns whether a connection from this peer must begin with a PROXY header.
    pub(crate) fn sends_header(&self, peer: Option<SocketAddr>) -> bool {
        self.has_header && self.trusts(peer)
    }

    /// Returns the address of the client that has sent a request, if that came from `peer`. Its port is 0 if no
    /// proxy names it.
    pub(crate) fn client_addr(
        &self,
        peer: Option<SocketAddr>,
        request: &Request,
    ) -> Option<SocketAddr> {
        let mut client = peer;
        if self.trusts(peer) {
            for hop in hops(self.field, request.headers()) {
                let Some(hop) = hop else { break };
                client = Some(canonical(hop));
                if !self.trusts(client) {
                    break;
                }
            }
        }
        client
    }
}

/// The text is neither an address, nor a network in CIDR notation, nor `unix:`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "{0:?} is not an address, a network such as 10.0.0.0/8 without bits behind its prefix, or unix:"
)]
pub struct InvalidNetwork(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> Option<SocketAddr> {
        Some(SocketAddr::new(text.parse().expect("an address"), 9))
    }

    #[test]
    fn networks_contain_the_addresses_of_their_prefix() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
            ("2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("10.0.0.0/8", "::ffff:10.9.9.9", "::10.9.9.9"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.9.9.9"),
            ("2001:db8::8000:0:0:0/65", "2001:db8::ffff:0:0:1", "2001:db8::1"),
        ] {
            let proxies = TrustedProxies::new([network]).expect(network);
            assert!(proxies.trusts(addr(inside)), "{inside} in {network}");
            assert!(!proxies.trusts(addr(outside)), "{outside} in {network}");
            assert!(!proxies.trusts(None));
        }
        assert!(TrustedProxies::new(["unix:"]).expect("valid").trusts(None));
        assert!(TrustedProxies::new(["::/0"]).expect("valid").trusts(addr("1.2.3.4")));
        assert!(!TrustedProxies::default().trusts(addr("127.0.0.1")));
    }

    #[test]
    fn a_malformed_network_is_named() {
        for text in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "10.0.0.1/8",
            "10.0.0",
            "::/129",
            "fe80::1%eth0",
            "localhost",
            "*",
            "unix",
            "10.0.0.0 /8",
            "[::1]",
            "127.0.0.1:80",
        ] {
            let wrong = TrustedProxies::new(["::1", text]).expect_err(text);
            assert_eq!(wrong, InvalidNetwork(text.into()));
            assert!(wrong.to_string().contains(&format!("{text:?}")), "{wrong}");
        }
    }
}
