//! Topics and their subscribers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{ConnectionId, WebSocketConnection};

/// The subscribers of a topic. A publication shares the set while it sends, without a lock; only a change in
/// the meantime copies it.
pub(crate) type Subscribers = Arc<BTreeSet<WebSocketConnection>>;

/// Topics and their subscribers, indexed both ways. Topics without subscribers, and connections without
/// topics, are removed.
#[derive(Default)]
pub(crate) struct Topics {
    subscribers: BTreeMap<Arc<str>, Subscribers>,
    topics: BTreeMap<ConnectionId, BTreeSet<Arc<str>>>,
}

impl Topics {
    /// Returns whether the topic had no subscriber before.
    pub(crate) fn subscribe(&mut self, connection: &WebSocketConnection, topic: &str) -> bool {
        let known = self.subscribers.get_key_value(topic).map(|(name, _)| Arc::clone(name));
        let is_first = known.is_none();
        let name = known.unwrap_or_else(|| topic.into());
        self.topics.entry(connection.id()).or_default().insert(Arc::clone(&name));
        Arc::make_mut(self.subscribers.entry(name).or_default()).insert(connection.clone());
        is_first
    }

    /// Returns whether the connection was subscribed. Calls `on_last` if it was the last.
    pub(crate) fn unsubscribe(
        &mut self,
        connection: &WebSocketConnection,
        topic: &str,
        on_last: impl FnOnce(Arc<str>),
    ) -> bool {
        let Some(topics) = self.topics.get_mut(&connection.id()) else { return false };
        let Some(topic) = topics.take(topic) else { return false };
        if topics.is_empty() {
            self.topics.remove(&connection.id());
        }
        self.forget(connection, topic, on_last);
        true
    }

    /// Unsubscribes a connection from all topics. Calls `on_last` for those without other subscribers.
    pub(crate) fn remove(
        &mut self,
        connection: &WebSocketConnection,
        mut on_last: impl FnMut(Arc<str>),
    ) {
        for topic in self.topics.remove(&connection.id()).into_iter().flatten() {
            self.forget(connection, topic, &mut on_last);
        }
    }

    /// Returns the subscribers of a topic, if it has any.
    pub(crate) fn subscribers(&self, topic: &str) -> Option<Subscribers> {
        self.subscribers.get(topic).cloned()
    }

    /// Returns the topics of a connection, in alphabetical order.
    pub(crate) fn of(&self, connection: ConnectionId) -> Vec<String> {
        let topics = self.topics.get(&connection).into_iter().flatten();
        topics.map(|topic| String::from(&**topic)).collect()
    }

    fn forget(
        &mut self,
        connection: &WebSocketConnection,
        topic: Arc<str>,
        on_last: impl FnOnce(Arc<str>),
    ) {
        let Some(subscribers) = self.subscribers.get_mut(&topic) else { return };
        // The last subscriber takes the set with it, without a copy.
        if subscribers.len() > 1 {
            Arc::make_mut(subscribers).remove(connection);
        } else {
            self.subscribers.remove(&topic);
            on_last(topic);
        }
    }
}
