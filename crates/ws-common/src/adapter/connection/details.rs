//! The peer's address and rarely used details of a connection, in 16 bytes, because every connection stores
//! them.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use crate::incoming::canonical;
use crate::timers::{Due, TimerId, Timers};

/// The peer's address, a named client and the timers of a connection. All are boxed, except an IPv4 address.
#[derive(Debug, Default)]
pub(super) struct Details {
    v4: Option<(Ipv4Addr, u16)>,
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Default)]
struct Rare {
    v6: Option<SocketAddrV6>,
    /// The client that a proxy has named.
    client: Option<SocketAddr>,
    timers: Timers<Duration>,
}

impl Details {
    pub(super) fn new(peer: Option<SocketAddr>) -> Self {
        let mut details = Self::default();
        details.set_peer(peer);
        details
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        let v6 = || Some(SocketAddr::V6(self.rare.as_ref()?.v6?));
        self.v4.map(SocketAddr::from).or_else(v6)
    }

    pub(super) fn set_peer(&mut self, peer: Option<SocketAddr>) {
        self.v4 = None;
        if let Some(rare) = &mut self.rare {
            rare.v6 = None;
        }
        match peer.map(canonical) {
            Some(SocketAddr::V4(address)) => self.v4 = Some((*address.ip(), address.port())),
            Some(SocketAddr::V6(address)) => self.rare.get_or_insert_default().v6 = Some(address),
            None => {}
        }
    }

    /// Returns the address of the client: the one that was named, or the peer.
    pub(super) fn client(&self) -> Option<SocketAddr> {
        self.rare.as_ref().and_then(|rare| rare.client).or_else(|| self.peer())
    }

    /// Sets the address of the client, if it is another one than the peer's.
    pub(super) fn set_client(&mut self, client: SocketAddr) {
        let client = canonical(client);
        if self.client() != Some(client) {
            self.rare.get_or_insert_default().client = Some(client);
        }
    }

    pub(super) fn set_timer(&mut self, at: Duration) -> TimerId {
        self.rare.get_or_insert_default().timers.set(at)
    }

    pub(super) fn cancel_timer(&mut self, timer: TimerId) -> bool {
        let cancelled = self.rare.as_mut().is_some_and(|rare| rare.timers.cancel(timer));
        self.drop_blank();
        cancelled
    }

    /// Returns when the first timer expires.
    #[inline]
    pub(super) fn next_timer(&self) -> Option<Duration> {
        self.rare.as_ref()?.timers.first()
    }

    /// Removes the first timer if it has expired and is one of `due`.
    #[inline]
    pub(super) fn take_expired(&mut self, now: Duration, due: &mut Due) -> Option<TimerId> {
        let expired = self.rare.as_mut()?.timers.take_expired(now, due)?;
        self.drop_blank();
        Some(expired)
    }

    /// Removes all timers.
    pub(super) fn clear_timers(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.timers = Timers::default();
            self.drop_blank();
        }
    }

    fn drop_blank(&mut self) {
        self.rare
            .take_if(|rare| rare.v6.is_none() && rare.client.is_none() && rare.timers.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_and_all_takes_two_words() {
        for (given, shown) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:443", "[::1]:443"),
            ("[fe80::1%3]:9", "[fe80::1%3]:9"),
            // M9
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
        ] {
            let mut details = Details::new(Some(given.parse().expect("an address")));
            let timer = details.set_timer(Duration::ZERO);
            assert!(details.cancel_timer(timer));
            assert_eq!(details.peer().map(|peer| peer.to_string()).as_deref(), Some(shown));
            details.set_peer(None);
            assert_eq!(details.peer(), None);
        }
        assert_eq!(Details::default().peer(), None);
        assert_eq!(size_of::<Details>(), 16);
    }

    #[test]
    fn a_client_that_was_named_is_not_the_peer() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let mut details = Details::new(Some(address("10.0.0.1:80")));
        assert_eq!(details.client(), details.peer());
        for client in ["192.0.2.1:5", "[::ffff:192.0.2.1]:5", "[::1]:7"] {
            details.set_client(address(client));
            assert_eq!(details.peer(), Some(address("10.0.0.1:80")));
            assert_eq!(details.client(), Some(canonical(address(client))));
        }
        let mut unix = Details::default();
        unix.set_client(address("192.0.2.1:5"));
        assert_eq!((unix.peer(), unix.client()), (None, Some(address("192.0.2.1:5"))));
    }
}
