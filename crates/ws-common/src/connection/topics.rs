//! A connection among others: topics, and messages to all others.

use crate::{Broadcast, Message, ServerHandle, WebSocketConnection};

impl WebSocketConnection {
    /// Subscribes the connection to the messages [published](ServerHandle::publish) on a topic from now on.
    /// Returns `false`, and does nothing, if the connection is closed or belongs to no server.
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn subscribe(&self, topic: &str) -> bool {
        self.server().is_some_and(|server| server.subscribe(self, topic))
    }

    /// Unsubscribes the connection from a topic. Returns whether it was subscribed.
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn unsubscribe(&self, topic: &str) -> bool {
        self.server().is_some_and(|server| server.unsubscribe(self, topic))
    }

    /// Sends a message to all other connections of the server, as [`ServerHandle::broadcast`] does. A client's
    /// connection has none.
    pub fn broadcast(&self, message: impl Into<Message>) -> Broadcast {
        let all = self.server().map(ServerHandle::connections);
        self.send_to_others(&message.into(), all)
    }

    /// Sends a message to all other subscribers of a topic, as [`ServerHandle::publish`] does.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) -> Broadcast {
        let subscribers = self.server().map(|server| server.subscribers(topic));
        self.send_to_others(&message.into(), subscribers)
    }

    fn send_to_others(&self, message: &Message, to: Option<Vec<Self>>) -> Broadcast {
        let mut to = to.unwrap_or_default();
        to.retain(|other| other != self);
        Broadcast::new(message, to)
    }
}
