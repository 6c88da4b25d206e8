//! The two connections of a member: the bus is up while both are.

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
    incoming: bool,
    /// The largest payload, of a connection that publishes.
    outgoing: Option<usize>,
}

impl Links {
    /// Returns a number that is unlikely to be another member's.
    pub(super) fn id(&self) -> String {
        format!("{:016x}", self.random.hash_one(()))
    }

    /// All topics are subscribed.
    pub(super) fn subscribed(&self, member: &Member<impl Wake>) {
        let mut state = self.state.lock();
        state.incoming = true;
        state.tell(member);
    }

    /// Payloads of up to `most` bytes can be published.
    pub(super) fn publishes(&self, most: usize, member: &Member<impl Wake>) {
        let mut state = self.state.lock();
        state.outgoing = Some(most);
        state.tell(member);
    }

    /// A connection was lost, or there was none.
    pub(super) fn lost(&self, which: Link, member: &Member<impl Wake>) {
        let mut state = self.state.lock();
        match which {
            Link::Incoming => state.incoming = false,
            Link::Outgoing => state.outgoing = None,
        }
        // Under the lock, so that it does not follow an `up` that is newer.
        member.down();
    }
}

impl State {
    fn tell(&self, member: &Member<impl Wake>) {
        if let (true, Some(most)) = (self.incoming, self.outgoing) {
            member.up(most);
        }
    }
}
