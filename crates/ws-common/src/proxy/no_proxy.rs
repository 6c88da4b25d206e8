//! Hosts that are reached without a proxy, in the form of the environment variable `no_proxy`.

use std::net::IpAddr;

use wsproto::url::WsUrl;

use super::ProxyError;
use crate::network::Network;

/// A list of hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NoProxy(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// `*`
    All,
    /// A name without dots at its ends, in lower case, and all names that end in it.
    Name(String),
    /// The addresses of a network, which an address is, too.
    Network(Network),
}

impl NoProxy {
    /// Parses entries separated by commas or white space; see [`Proxies`](super::Proxies).
    pub(super) fn parse(list: &str) -> Result<Self, ProxyError> {
        let entries = list.split(|c: char| c == ',' || c.is_ascii_whitespace());
        entries
            .filter(|entry| !entry.is_empty())
            .map(|entry| Entry::parse(entry).ok_or_else(|| ProxyError::NoProxy(entry.into())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns whether the host, a name in lower case or an address without brackets, is in the list.
    pub(super) fn contains(&self, host: &str) -> bool {
        let address = host.parse::<IpAddr>().ok();
        let name = host.strip_suffix('.').unwrap_or(host);
        self.0.iter().any(|entry| match (entry, address) {
            (Entry::All, _) => true,
            (Entry::Network(network), Some(address)) => network.contains_of_family(address),
            (Entry::Name(suffix), None) => name
                .strip_suffix(&**suffix)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            _ => false,
        })
    }
}

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::All);
        }
        let (address, prefix) = match entry.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (entry, None),
        };
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(address).parse::<IpAddr>() {
            return Network::new(address, prefix).map(Self::Network);
        }
        let name = entry.strip_prefix('.').unwrap_or(entry);
        let name = name.strip_suffix('.').unwrap_or(name);
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        let labels = name.split('.').all(|label| !label.is_empty());
        // A host that ends in a number is an address: `10.` or `192.168` would match nothing.
        let is_name = || {
            let url = WsUrl::parse(&format!("ws://{name}/"));
            url.is_ok_and(|url| url.host().parse::<IpAddr>().is_err())
        };
        (labels && name.bytes().all(fits) && is_name())
            .then(|| Self::Name(name.to_ascii_lowercase()))
    }
}
