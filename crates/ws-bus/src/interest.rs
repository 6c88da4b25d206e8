//! The topics that a bus wants, and those that its broker knows of.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

/// The difference between the wanted topics and those for which the broker was asked. It has at most as many
/// entries as both together, however often topics come and go while the broker does not listen.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    wanted: BTreeSet<Arc<str>>,
    /// The topics for which the broker was asked.
    asked: BTreeSet<Arc<str>>,
    /// The topics that are in one of the two.
    different: BTreeSet<Arc<str>>,
}

/// A change to ask the broker for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Subscribe(Arc<str>),
    Unsubscribe(Arc<str>),
}

impl Interest {
    /// Wants a topic. Returns whether the broker has to be asked for it.
    pub(crate) fn add(&mut self, topic: &str) -> bool {
        self.wanted.insert(topic.into()) && self.differ(topic)
    }

    /// Wants a topic no longer. Returns whether the broker has to be told.
    pub(crate) fn remove(&mut self, topic: &str) -> bool {
        self.wanted.remove(topic) && self.differ(topic)
    }

    /// Notes that a topic has changed; returns whether the broker has to be told.
    fn differ(&mut self, topic: &str) -> bool {
        if self.wanted.contains(topic) == self.asked.contains(topic) {
            self.different.remove(topic);
            return false;
        }
        self.different.insert(topic.into())
    }

    /// Takes what to ask the broker for, which counts as asked from then on: each topic once, so that the order
    /// does not matter.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let different = mem::take(&mut self.different).into_iter();
        let change = |topic| {
            if self.wanted.contains(&topic) {
                self.asked.insert(Arc::clone(&topic));
                Change::Subscribe(topic)
            } else {
                self.asked.remove(&topic);
                Change::Unsubscribe(topic)
            }
        };
        different.map(change).collect()
    }

    /// Notes that the broker has forgotten everything; takes what to ask it for.
    #[cfg(any(test, feature = "redis"))]
    pub(crate) fn all_again(&mut self) -> Vec<Change> {
        self.asked = self.wanted.clone();
        self.different.clear();
        self.wanted.iter().cloned().map(Change::Subscribe).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(changes: Vec<Change>) -> Vec<(bool, String)> {
        let named = |change| match change {
            Change::Subscribe(topic) => (true, String::from(&*topic)),
            Change::Unsubscribe(topic) => (false, String::from(&*topic)),
        };
        changes.into_iter().map(named).collect()
    }

    fn all(interest: &mut Interest) -> Vec<(bool, String)> {
        named(interest.changes())
    }

    #[test]
    fn the_broker_is_asked_for_the_difference() {
        let mut interest = Interest::default();
        assert!(interest.add("b") && interest.add("a"));
        assert!(!interest.add("a"), "it is wanted already");
        assert!(!interest.remove("c"), "it was never wanted");
        assert_eq!(all(&mut interest), [(true, "a".into()), (true, "b".into())]);
        assert_eq!(all(&mut interest), []);
        assert!(interest.remove("a"));
        assert_eq!(all(&mut interest), [(false, "a".into())]);
    }

    #[test]
    fn topics_that_come_and_go_leave_nothing() {
        let mut interest = Interest::default();
        for number in 0..1000 {
            let topic = number.to_string();
            assert!(interest.add(&topic));
            assert!(!interest.remove(&topic), "the broker has not heard of it");
        }
        assert_eq!(interest.different.len(), 0);
        assert!(interest.add("a"));
        assert_eq!(all(&mut interest).len(), 1);
        assert!(interest.remove("a"));
        assert!(!interest.add("a"), "the broker has not heard that it was left");
        assert_eq!(all(&mut interest), []);
        assert_eq!(interest.wanted.len(), 1);
    }

    #[test]
    fn a_broker_that_has_forgotten_is_asked_again() {
        let mut interest = Interest::default();
        assert!(interest.add("a") && interest.add("b") && interest.add("c"));
        assert_eq!(all(&mut interest).len(), 3);
        assert!(interest.remove("a") && interest.add("d"));
        let again = ["b", "c", "d"].map(|topic| (true, topic.to_owned()));
        assert_eq!(named(interest.all_again()), again);
        assert_eq!(all(&mut interest), []);
        assert!(interest.remove("b"));
        assert_eq!(all(&mut interest), [(false, "b".into())]);
    }
}
