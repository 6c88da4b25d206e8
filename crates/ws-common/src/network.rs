//! Networks in CIDR notation (RFC 4632 section 3.1).

use std::net::{IpAddr, Ipv6Addr};

/// All addresses with a common prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    /// The number of bits in which addresses differ.
    free_bits: u32,
}

impl Network {
    /// Parses an address, or an address and the length of a prefix: `10.0.0.0/8`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        Self::new(address.parse().ok()?, prefix)
    }

    /// Creates a network from an address in it and the decimal digits of the length of its prefix; without these, the
    /// network is the address alone.
    pub(crate) fn new(address: IpAddr, prefix: Option<&str>) -> Option<Self> {
        let bits: u32 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
        };
        Some(Self { address, free_bits: bits.checked_sub(prefix)? })
    }

    /// Returns whether the address that it was made from has bits behind its prefix.
    pub(crate) fn has_host_bits(self) -> bool {
        let bits = bits_of(self.address);
        bits != self.prefix_of(bits)
    }

    /// Returns whether the address has the prefix. IPv4 addresses count as the IPv6 addresses into which they are
    /// mapped.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        self.prefix_of(bits_of(self.address)) == self.prefix_of(bits_of(address))
    }

    /// Returns whether the address has the prefix, and is of the network's family.
    pub(crate) fn contains_of_family(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && self.contains(address)
    }

    fn prefix_of(self, address: u128) -> u128 {
        let cut = address.checked_shr(self.free_bits).unwrap_or(0);
        cut.checked_shl(self.free_bits).unwrap_or(0)
    }
}

/// Returns the bits of an IPv6 address, and of an IPv4 address mapped into one.
fn bits_of(address: IpAddr) -> u128 {
    let address: Ipv6Addr = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    address.to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn networks_contain_the_addresses_of_their_prefix() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
            ("2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("2001:db8::8000:0:0:0/65", "2001:db8::ffff:0:0:1", "2001:db8::1"),
        ] {
            let network = Network::parse(network).expect(network);
            for contains in [Network::contains, Network::contains_of_family] {
                assert!(contains(network, addr(inside)), "{inside} in {network:?}");
                assert!(!contains(network, addr(outside)), "{outside} in {network:?}");
            }
        }
    }

    #[test]
    fn ipv4_addresses_count_as_mapped_unless_the_family_counts() {
        for (network, address) in [
            ("10.0.0.0/8", "::ffff:10.9.9.9"),
            ("::ffff:10.0.0.0/104", "10.9.9.9"),
            ("::/0", "1.2.3.4"),
        ] {
            let network = Network::parse(network).expect(network);
            assert!(network.contains(addr(address)), "{address} in {network:?}");
            assert!(!network.contains_of_family(addr(address)), "{address} in {network:?}");
        }
    }

    #[test]
    fn bits_behind_the_prefix_are_seen() {
        for (network, has_host_bits) in [
            ("10.0.0.0/8", false),
            ("10.0.0.1/8", true),
            ("10.0.0.1", false),
            ("0.0.0.0/0", false),
            ("0.0.0.1/0", true),
            ("::1/0", true),
        ] {
            let parsed = Network::parse(network).expect(network);
            assert_eq!(parsed.has_host_bits(), has_host_bits, "{network}");
        }
    }

    #[test]
    fn malformed_networks_are_none() {
        for text in ["", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/8/8", "::/129"]
        {
            assert_eq!(Network::parse(text), None, "{text:?}");
        }
    }
}
