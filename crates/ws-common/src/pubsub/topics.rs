//! Topics and their subscribers.

use std::collections::{BTreeMap, BTreeSet};

use crate::{ConnectionId, WebSocketConnection};

/// Topics and their subscribers, indexed both ways. Topics without subscribers, and connections without
/// topics, are removed.
#[derive(Default)]
pub(crate) struct Topics {
    subscribers: BTreeMap<String, BTreeSet<WebSocketConnection>>,
    topics: BTreeMap<ConnectionId, BTreeSet<String>>,
}

impl Topics {
    pub(crate) fn subscribe(&mut self, connection: &WebSocketConnection, topic: &str) {
        self.topics.entry(connection.id()).or_default().insert(topic.into());
        self.subscribers.entry(topic.into()).or_default().insert(connection.clone());
    }

    /// Returns whether the connection was subscribed.
    pub(crate) fn unsubscribe(&mut self, connection: &WebSocketConnection, topic: &str) -> bool {
        if let Some(topics) = self.topics.get_mut(&connection.id()) {
            topics.remove(topic);
            if topics.is_empty() {
                self.topics.remove(&connection.id());
            }
        }
        self.forget(connection, topic)
    }

    /// Unsubscribes a connection from all topics.
    pub(crate) fn remove(&mut self, connection: &WebSocketConnection) {
        for topic in self.topics.remove(&connection.id()).into_iter().flatten() {
            self.forget(connection, &topic);
        }
    }

    pub(crate) fn subscribers(&self, topic: &str) -> Vec<WebSocketConnection> {
        self.subscribers.get(topic).into_iter().flatten().cloned().collect()
    }

    /// Returns the topics of a connection, in alphabetical order.
    pub(crate) fn of(&self, connection: ConnectionId) -> Vec<String> {
        self.topics.get(&connection).into_iter().flatten().cloned().collect()
    }

    fn forget(&mut self, connection: &WebSocketConnection, topic: &str) -> bool {
        let Some(subscribers) = self.subscribers.get_mut(topic) else { return false };
        let removed = subscribers.remove(connection);
        if subscribers.is_empty() {
            self.subscribers.remove(topic);
        }
        removed
    }
}
