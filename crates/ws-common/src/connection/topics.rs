//! A connection among others: topics, and messages to all others.

use crate::{Broadcast, Message, ServerHandle, SubscribeError, WebSocketConnection};

impl WebSocketConnection {
    /// Subscribes the connection to the messages [published](ServerHandle::publish) on a topic from now on, here and
    /// at the other servers on the [bus](crate::ServerOptions::bus()). It ends with the connection. A second
    /// subscription has no effect.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`] if the connection is closed or belongs to no server, or for a topic of more than
    /// [`MAX_TOPIC_LEN`](crate::MAX_TOPIC_LEN) bytes. Nothing is subscribed then.
    pub fn subscribe(&self, topic: &str) -> Result<(), SubscribeError> {
        self.server().ok_or(SubscribeError::NoServer)?.subscribe(self, topic)
    }

    /// Unsubscribes the connection from a topic. Returns whether it was subscribed.
    #[allow(clippy::must_use_candidate, reason = "callers may ignore the result")]
    pub fn unsubscribe(&self, topic: &str) -> bool {
        self.server().is_some_and(|server| server.unsubscribe(self, topic))
    }

    /// Sends a message to all other connections of the server, as [`ServerHandle::broadcast`] does. A client's
    /// connection has none.
    pub fn broadcast(&self, message: impl Into<Message>) -> Broadcast {
        self.with_server(|server| server.broadcast_except(Some(self), &message.into()))
    }

    /// Sends a message to all other subscribers of a topic, as [`ServerHandle::publish`] does.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) -> Broadcast {
        self.with_server(|server| server.publish_except(Some(self), topic, &message.into()))
    }

    /// Sends a message to all other subscribers of a topic at this server, as [`ServerHandle::publish_here`]
    /// does.
    pub fn publish_here(&self, topic: &str, message: impl Into<Message>) -> Broadcast {
        self.with_server(|server| server.publish_here_except(Some(self), topic, &message.into()))
    }

    fn with_server(&self, send: impl FnOnce(&ServerHandle) -> Broadcast) -> Broadcast {
        self.server().map(send).unwrap_or_default()
    }
}
