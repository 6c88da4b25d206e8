//! The topics that a bus wants, and those that its broker knows of.

use std::collections::BTreeSet;
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

/// A change that the broker is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Subscribe(Arc<str>),
    Unsubscribe(Arc<str>),
}

impl Interest {
    /// Adds a topic that is wanted. Returns whether the broker has to be asked for it.
    pub(crate) fn add(&mut self, topic: &str) -> bool {
        self.wanted.insert(topic.into()) && self.differ(topic)
    }

    /// Removes a topic that is no longer wanted. Returns whether the broker has to be told.
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

    /// Takes the next change, which counts as asked for from then on.
    pub(crate) fn next(&mut self) -> Option<Change> {
        let topic = self.different.pop_first()?;
        Some(if self.wanted.contains(&topic) {
            self.asked.insert(Arc::clone(&topic));
            Change::Subscribe(topic)
        } else {
            self.asked.remove(&topic);
            Change::Unsubscribe(topic)
        })
    }

    /// Notes that the broker has forgotten everything.
    pub(crate) fn forgotten(&mut self) {
        self.asked.clear();
        self.different = self.wanted.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(interest: &mut Interest) -> Vec<(bool, String)> {
        let changes = std::iter::from_fn(|| interest.next());
        changes
            .map(|change| match change {
                Change::Subscribe(topic) => (true, topic.to_string()),
                Change::Unsubscribe(topic) => (false, topic.to_string()),
            })
            .collect()
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
        interest.forgotten();
        let again = ["b", "c", "d"].map(|topic| (true, topic.to_owned()));
        assert_eq!(all(&mut interest), again);
    }
}
