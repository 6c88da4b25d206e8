//! A compact peer address.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6};

use crate::incoming::canonical;

/// The address of a peer, in 16 bytes, since each connection stores one. IPv6 addresses are boxed.
#[derive(Clone, Debug, Default)]
pub(crate) enum Peer {
    #[default]
    Unknown,
    V4(Ipv4Addr, u16),
    V6(Box<SocketAddrV6>),
}

impl Peer {
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Unknown => None,
            Self::V4(ip, port) => Some((*ip, *port).into()),
            Self::V6(address) => Some(SocketAddr::V6(**address)),
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
}
