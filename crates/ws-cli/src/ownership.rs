//! Consent to the modes that break rules or send a load: the owner of the server must give it, except for servers at
//! loopback and private addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ws_std::wsproto::url::WsUrl;

use crate::connection::Prepared;
use crate::exit::Exit;
use crate::place::Place;

/// The consent of the owner.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct OwnershipArgs {
    /// Allow a host that is not at a loopback or private address, because the server is mine
    #[arg(long)]
    i_own_this_server: bool,
}

impl OwnershipArgs {
    /// Refuses a server unless all its addresses are loopback or private, or the user owns it. Without that consent,
    /// connections go to the checked addresses only, even if the name resolves differently the next time.
    pub(crate) fn require(&self, mut prepared: Prepared) -> Result<Prepared, Exit> {
        if self.i_own_this_server {
            return Ok(prepared);
        }
        let (url, options) = (prepared.request.url(), &prepared.options);
        if options.redirects > 0 {
            return Err(refused(url, "a redirect may lead to any server"));
        }
        if options.proxy.for_url(url).is_some() {
            return Err(refused(url, "its address is unknown behind a proxy"));
        }
        let Place::Tcp(found) = Place::find(&prepared)? else { return Ok(prepared) };
        if let Some(stranger) = found.iter().find(|address| !is_ours(address.ip())) {
            let why = format!("{} is no loopback or private address", stranger.ip());
            return Err(refused(url, &why));
        }
        prepared.options.connect_to = Some(found.into());
        Ok(prepared)
    }
}

fn refused(url: &WsUrl, why: &str) -> Exit {
    let url = url.without_query();
    Exit::usage(format!("{url}: {why}; if the server is yours, say --i-own-this-server"))
}

/// Returns whether an address is loopback (RFC 1122, RFC 4291), private (RFC 1918, RFC 4193), or the unspecified one,
/// which leads to this computer.
fn is_ours(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_our_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| is_our_v6(v6), is_our_v4),
    }
}

const fn is_our_v4(address: Ipv4Addr) -> bool {
    address.is_loopback() || address.is_private() || address.is_unspecified()
}

const fn is_our_v6(address: Ipv6Addr) -> bool {
    address.is_loopback() || address.is_unique_local() || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use ws_std::wsproto::handshake::ClientRequest;
    use ws_std::{ClientOptions, ConnectTo, Proxy};

    use super::*;

    #[test]
    fn addresses_are_ours_or_not() {
        for ours in ["127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255"]
            .into_iter()
            .chain(["192.168.1.1", "0.0.0.0", "::1", "::", "fd00::1", "::ffff:10.0.0.1"])
        {
            assert!(is_ours(ours.parse().expect("an address")), "{ours}");
        }
        for other in ["8.8.8.8", "172.32.0.1", "169.254.169.254", "100.64.0.1", "2001:db8::1"]
            .into_iter()
            .chain(["::ffff:8.8.8.8", "fe80::1", "255.255.255.255"])
        {
            assert!(!is_ours(other.parse().expect("an address")), "{other}");
        }
    }

    fn prepared(url: &str) -> Prepared {
        let request = ClientRequest::parse(url).expect("a URL");
        Prepared { request, options: ClientOptions::new() }
    }

    #[test]
    fn strangers_are_refused_and_ours_are_pinned() {
        let (asks, owner) =
            (OwnershipArgs { i_own_this_server: false }, OwnershipArgs { i_own_this_server: true });
        let ours = asks.require(prepared("ws://127.0.0.1:9/")).expect("ours");
        let pinned = vec![SocketAddr::from(([127, 0, 0, 1], 9))];
        assert_eq!(ours.options.connect_to, Some(ConnectTo::Addresses(pinned)));
        assert!(asks.require(prepared("ws://192.0.2.1/")).is_err());
        assert!(owner.require(prepared("ws://192.0.2.1/")).is_ok());

        let mut to_stranger = prepared("ws://127.0.0.1/");
        to_stranger.options.connect_to = Some(SocketAddr::from(([192, 0, 2, 1], 9)).into());
        assert!(asks.require(to_stranger).is_err());
        let mut by_proxy = prepared("ws://127.0.0.1/");
        by_proxy.options.proxy = Proxy::new("127.0.0.1:3128").expect("a proxy").into();
        assert!(asks.require(by_proxy).is_err());
        let mut redirected = prepared("ws://127.0.0.1/");
        redirected.options.redirects = 1;
        assert!(asks.require(redirected).is_err());
        let mut local = prepared("ws://192.0.2.1/");
        local.options.connect_to = Some(ConnectTo::Unix("/tmp/socket".into()));
        let local = asks.require(local).expect("ours");
        assert!(matches!(local.options.connect_to, Some(ConnectTo::Unix(_))));
    }
}
