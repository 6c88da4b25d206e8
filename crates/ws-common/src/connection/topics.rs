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
        self.send_to_others(&message.into(), ServerHandle::connections)
    }

    /// Sends a message to all other subscribers of a topic, as [`ServerHandle::publish`] does.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) -> Broadcast {
        self.send_to_others(&message.into(), |server| server.subscribers(topic))
    }

    fn send_to_others(
        &self,
        message: &Message,
        to: impl FnOnce(&ServerHandle) -> Vec<Self>,
    ) -> Broadcast {
        let Some(server) = self.server() else { return Broadcast::default() };
        let mut to = to(server);
        to.retain(|other| other != self);
        server.send_to(message, to)
    }
}
