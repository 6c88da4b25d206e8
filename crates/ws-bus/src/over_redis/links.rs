//! The two connections of a member: the bus is up once the one hears the other.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;

use crate::member::{Member, Wake};

/// One of the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// It subscribes.
    Incoming,
    /// It publishes.
    Outgoing,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incoming => "in",
            Self::Outgoing => "out",
        })
    }
}

/// The state of both connections.
#[derive(Debug, Default)]
pub(super) struct Links {
    state: Mutex<State>,
    random: RandomState,
}

#[derive(Debug, Default)]
struct State {
    /// All topics are subscribed.
    subscribed: bool,
    /// The largest payload, of a connection that publishes.
    most: Option<usize>,
    /// The number of connections that have published.
    count: u64,
}

impl Links {
    /// Returns a number that is unlikely to be another member's.
    pub(super) fn id(&self) -> String {
        format!("{:016x}", self.random.hash_one(()))
    }

    /// All topics are subscribed.
    pub(super) fn subscribed(&self, member: &Member<impl Wake>) {
        self.state.lock().subscribed = true;
        // The other connection may be lost, and not know it: it is asked for a sign.
        member.wake.topics();
    }

    /// Payloads of up to `most` bytes can be published. Returns the sign of this connection, which it publishes on the
    /// member's own channel.
    pub(super) fn publishes(&self, most: usize) -> String {
        let mut state = self.state.lock();
        state.most = Some(most);
        state.count += 1;
        state.count.to_string()
    }

    /// A sign has arrived on the member's own channel: if it is that of the present connection, both work, and with
    /// the same broker.
    pub(super) fn heard(&self, sign: &[u8], member: &Member<impl Wake>) {
        let state = self.state.lock();
        if let Some(most) = state.most
            && state.subscribed
            && state.count.to_string().as_bytes() == sign
        {
            // Under the lock, so that it does not follow a `down` that is newer.
            member.up(most);
        }
    }

    /// A connection was lost, or there was none.
    pub(super) fn lost(&self, which: Link, member: &Member<impl Wake>) {
        let mut state = self.state.lock();
        match which {
            Link::Incoming => state.subscribed = false,
            Link::Outgoing => state.most = None,
        }
        member.down();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ws_common::BusSink;

    use super::*;
    use crate::BusOptions;

    struct Silent;

    impl BusSink for Silent {
        fn deliver(&self, _: &str, _: &[u8]) {}
        fn down(&self) {}
        fn up(&self) {}
    }

    impl Wake for Silent {
        fn messages(&self) {}
        fn topics(&self) {}
        fn closed(&self) {}
    }

    #[test]
    fn the_bus_is_up_once_a_connection_hears_the_other() {
        let (links, member) =
            (Links::default(), Member::new(&BusOptions::new(), Arc::new(Silent), Silent));
        let sign = links.publishes(100);
        links.heard(sign.as_bytes(), &member);
        assert!(!member.is_up(), "topics are not subscribed");
        links.subscribed(&member);
        assert!(!member.is_up(), "the other connection has not been heard since");
        links.heard(b"another", &member);
        assert!(!member.is_up());
        links.heard(sign.as_bytes(), &member);
        assert!(member.is_up());

        links.lost(Link::Incoming, &member);
        links.subscribed(&member);
        assert!(!member.is_up(), "the other connection may be lost as well");
        links.lost(Link::Outgoing, &member);
        links.heard(sign.as_bytes(), &member);
        assert!(!member.is_up());
        let next = links.publishes(100);
        links.heard(sign.as_bytes(), &member);
        assert!(!member.is_up(), "a sign of the lost connection");
        links.heard(next.as_bytes(), &member);
        assert!(member.is_up());
    }
}
