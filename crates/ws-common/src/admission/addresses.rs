//! The connections and the attempts of each client address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::Refusal;

/// The maximum number of remembered addresses without a connection.
const MOST_REMEMBERED: usize = 1 << 16;

/// The part of a client's address that is counted: an IPv4 address, or the first 64 bits of an IPv6 address. A
/// customer with one IPv6 address usually has all others of its network, too (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AddressKey {
    V4(Ipv4Addr),
    V6(u64),
    /// The last 64 bits of a link-local address. Its first 64 are those of all hosts on the link.
    LinkLocal(u64),
}

impl From<IpAddr> for AddressKey {
    fn from(address: IpAddr) -> Self {
        let address = match address.to_canonical() {
            IpAddr::V4(address) => return Self::V4(address),
            IpAddr::V6(address) => address,
        };
        let bits = address.to_bits();
        match address.segments() {
            // A translator's name of an IPv4 client: one prefix has all of them (RFC 6052 section 2.1).
            [0x64, 0xFF9B, 0, 0, 0, 0, ..] => Self::V4(Ipv4Addr::from_bits(bits as u32)),
            _ if address.is_unicast_link_local() => Self::LinkLocal(bits as u64),
            _ => Self::V6((bits >> 64) as u64),
        }
    }
}

/// The limits for one address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressLimits {
    pub(crate) connections: Option<usize>,
    pub(crate) attempts: Option<(u32, Duration)>,
}

impl AddressLimits {
    pub(crate) const fn is_some(&self) -> bool {
        self.connections.is_some() || self.attempts.is_some()
    }
}

/// The connections and the attempts of each client address. Its size is bounded by the number of connections
/// and [`MOST_REMEMBERED`].
#[derive(Debug)]
pub(crate) struct Addresses {
    entries: HashMap<AddressKey, Entry>,
    /// The number of entries at which the next insertion first removes those that are not needed.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    connections: usize,
    /// When all attempts so far are forgotten: each adds `period / most`. An attempt is refused if they
    /// would take longer than `period`. (This is the generic cell rate algorithm of ITU-T I.371.)
    forgotten_at: Duration,
}

impl Entry {
    /// Returns the entry with one connection more, unless that exceeds a limit.
    fn with_attempt(mut self, limits: AddressLimits, now: Duration) -> Result<Self, Refusal> {
        if let Some((most, period)) = limits.attempts {
            // `None` if no attempt is allowed.
            let each = period.checked_div(most).ok_or(Refusal::Attempts(period))?;
            let pending = self.forgotten_at.saturating_sub(now);
            let wait = pending.saturating_sub(period.saturating_sub(each));
            if !wait.is_zero() {
                return Err(Refusal::Attempts(wait));
            }
            self.forgotten_at = now.saturating_add(pending).saturating_add(each);
        }
        if limits.connections.is_some_and(|most| self.connections >= most) {
            return Err(Refusal::Address);
        }
        self.connections += 1;
        Ok(self)
    }
}

impl Default for Addresses {
    fn default() -> Self {
        Self { entries: HashMap::new(), sweep_at: MOST_REMEMBERED / 2 }
    }
}

impl Addresses {
    /// Admits a connection from an address, or refuses it. `now` is the time since any fixed moment.
    pub(crate) fn admit(
        &mut self,
        address: AddressKey,
        limits: AddressLimits,
        now: Duration,
    ) -> Result<(), Refusal> {
        if self.entries.len() >= self.sweep_at && !self.entries.contains_key(&address) {
            self.sweep(now);
        }
        let entry = self.entries.get(&address).copied().unwrap_or_default();
        // A refusal changes nothing, so a refused attempt does not count.
        let next = entry.with_attempt(limits, now)?;
        self.entries.insert(address, next);
        Ok(())
    }

    /// Records that a connection of an address has ended.
    pub(crate) fn release(&mut self, address: AddressKey) {
        let Some(entry) = self.entries.get_mut(&address) else { return };
        entry.connections = entry.connections.saturating_sub(1);
        if entry.connections == 0 && entry.forgotten_at.is_zero() {
            self.entries.remove(&address);
        }
    }

    /// Removes the entries that are not needed any more; and if very many addresses have connected, also those
    /// that only remember attempts. At least `MOST_REMEMBERED / 2` insertions lead to the next sweep, so
    /// the sweeps cost each of them little.
    fn sweep(&mut self, now: Duration) {
        self.entries.retain(|_, entry| entry.connections > 0 || entry.forgotten_at > now);
        let remembered = self.entries.values().filter(|entry| entry.connections == 0).count();
        if remembered >= MOST_REMEMBERED / 2 {
            self.entries.retain(|_, entry| entry.connections > 0);
        }
        self.sweep_at = self.entries.len() + MOST_REMEMBERED / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(text: &str) -> AddressKey {
        text.parse::<IpAddr>().expect("an address").into()
    }

    const fn limits(
        connections: Option<usize>,
        attempts: Option<(u32, Duration)>,
    ) -> AddressLimits {
        AddressLimits { connections, attempts }
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            // All hosts on a link have one prefix, and so have all IPv4 clients of a translator.
            ("fe80::1", "fe80::1", true),
            ("fe80::1", "fe80::2", false),
            ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", false),
            ("64:ff9b::192.0.2.1", "192.0.2.1", true),
        ] {
            assert_eq!(key(one) == key(other), same, "{one} and {other}");
        }
    }

    #[test]
    fn connections_are_counted_until_they_end() {
        let (mut addresses, limits) = (Addresses::default(), limits(Some(2), None));
        let (here, there) = (key("192.0.2.1"), key("192.0.2.2"));
        let admit = |addresses: &mut Addresses, key| addresses.admit(key, limits, SECOND);
        assert_eq!(admit(&mut addresses, here), Ok(()));
        assert_eq!(admit(&mut addresses, here), Ok(()));
        assert_eq!(admit(&mut addresses, here), Err(Refusal::Address));
        assert_eq!(admit(&mut addresses, there), Ok(()));
        addresses.release(here);
        assert_eq!(admit(&mut addresses, here), Ok(()));
        for key in [here, here, there] {
            addresses.release(key);
        }
        assert!(addresses.entries.is_empty(), "nothing is remembered");
    }

    #[test]
    fn attempts_are_a_burst_and_then_a_rate() {
        let (mut addresses, limits) = (Addresses::default(), limits(None, Some((4, 8 * SECOND))));
        let mut at = |now| addresses.admit(key("::1"), limits, now);
        let start = 100 * SECOND;
        for _ in 0..4 {
            assert_eq!(at(start), Ok(()));
        }
        for _ in 0..10 {
            assert_eq!(at(start), Err(Refusal::Attempts(2 * SECOND)), "refused ones do not count");
        }
        assert_eq!(at(start + SECOND), Err(Refusal::Attempts(SECOND)));
        assert_eq!(at(start + 2 * SECOND), Ok(()));
        assert!(at(start + 2 * SECOND).is_err());
        for _ in 0..4 {
            assert_eq!(at(start + 10 * SECOND), Ok(()), "all are forgotten");
        }
        assert!(at(start + 10 * SECOND).is_err());
    }

    #[test]
    fn a_refusal_for_too_many_connections_is_no_attempt() {
        let mut addresses = Addresses::default();
        let (home, limits) = (key("192.0.2.1"), limits(Some(1), Some((3, 3600 * SECOND))));
        assert_eq!(addresses.admit(home, limits, SECOND), Ok(()));
        for _ in 0..10 {
            assert_eq!(addresses.admit(home, limits, SECOND), Err(Refusal::Address));
        }
        addresses.release(home);
        assert_eq!(addresses.admit(home, limits, SECOND), Ok(()), "the second attempt of three");
        // Addresses that were only refused are not remembered.
        let none = AddressLimits { connections: Some(0), attempts: None };
        assert_eq!(addresses.admit(key("::1"), none, SECOND), Err(Refusal::Address));
        assert_eq!(addresses.entries.len(), 1);
    }

    #[test]
    fn extreme_limits_are_what_they_say() {
        let mut addresses = Addresses::default();
        let mut allowed = |attempts| {
            addresses.entries.clear();
            (0..3)
                .map(|_| addresses.admit(key("::1"), limits(None, attempts), SECOND).is_ok())
                .filter(|ok| *ok)
                .count()
        };
        assert_eq!(allowed(Some((0, SECOND))), 0, "zero is none");
        assert_eq!(allowed(Some((0, Duration::ZERO))), 0, "zero is none");
        assert_eq!(allowed(Some((1, Duration::ZERO))), 3);
        assert_eq!(allowed(Some((1, Duration::MAX))), 1);
        assert_eq!(allowed(Some((u32::MAX, Duration::MAX))), 3);
    }

    #[test]
    fn strangers_do_not_make_the_table_grow() {
        let (mut addresses, limits) = (Addresses::default(), limits(Some(9), Some((9, SECOND))));
        let home = key("192.0.2.1");
        assert_eq!(addresses.admit(home, limits, SECOND), Ok(()));
        for network in 0..3 * MOST_REMEMBERED as u64 {
            let stranger = AddressKey::V6(network);
            assert_eq!(addresses.admit(stranger, limits, SECOND), Ok(()));
            addresses.release(stranger);
            assert!(addresses.entries.len() <= MOST_REMEMBERED + 1, "{network}");
        }
        assert_eq!(addresses.entries.get(&home).map(|entry| entry.connections), Some(1));
        // Those that are forgotten anyway make room for the others.
        addresses.sweep(100 * SECOND);
        assert_eq!(addresses.entries.len(), 1);
    }
}
