//! A compact peer address.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6};

use crate::incoming::canonical;

/// The address of a peer, in 16 bytes, since each connection stores one. IPv6 addresses are boxed, and so
/// is the client that a proxy names.
#[derive(Clone, Debug, Default)]
pub(crate) enum Peer {
    #[default]
    Unknown,
    V4(Ipv4Addr, u16),
    V6(Box<SocketAddrV6>),
    /// A proxy, and its client.
    Proxy(Box<(Option<SocketAddr>, SocketAddr)>),
}

impl Peer {
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Unknown => None,
            Self::V4(ip, port) => Some((*ip, *port).into()),
            Self::V6(address) => Some(SocketAddr::V6(**address)),
            Self::Proxy(addresses) => addresses.0,
        }
    }

    /// Returns the address of the client: the one that was named, or the peer.
    pub(crate) fn client(&self) -> Option<SocketAddr> {
        match self {
            Self::Proxy(addresses) => Some(addresses.1),
            peer => peer.address(),
        }
    }

    /// Sets the address of the client, if it is another one than the peer's.
    pub(crate) fn set_client(&mut self, client: SocketAddr) {
        let client = canonical(client);
        if self.client() != Some(client) {
            *self = Self::Proxy(Box::new((self.address(), client)));
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        match canonical(address) {
            SocketAddr::V4(address) => Self::V4(*address.ip(), address.port()),
            SocketAddr::V6(address) => Self::V6(Box::new(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_and_takes_two_words() {
        for text in ["127.0.0.1:80", "[::1]:443", "[fe80::1%3]:9"] {
            let address: SocketAddr = text.parse().expect("an address");
            assert_eq!(Peer::from(address).address(), Some(address));
        }
        assert_eq!(Peer::default().address(), None);
        assert_eq!(size_of::<Peer>(), 16);
    }

    #[test]
    fn a_client_that_was_named_is_not_the_peer() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let mut peer = Peer::from(address("10.0.0.1:80"));
        assert_eq!(peer.client(), peer.address());
        for client in ["192.0.2.1:5", "[::ffff:192.0.2.1]:5", "[::1]:7"] {
            peer.set_client(address(client));
            assert_eq!(peer.address(), Some(address("10.0.0.1:80")));
            assert_eq!(peer.client(), Some(canonical(address(client))));
        }
        let mut unix = Peer::default();
        unix.set_client(address("192.0.2.1:5"));
        assert_eq!((unix.address(), unix.client()), (None, Some(address("192.0.2.1:5"))));
    }
}
