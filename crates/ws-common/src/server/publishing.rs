//! Messages to many connections of a server, and on its bus.

use std::sync::Arc;

use wsproto::ReadyState;

use super::ServerHandle;
use crate::{
    Broadcast, BusError, ConnectionId, MAX_TOPIC_LEN, Message, SubscribeError, WebSocketConnection,
};

impl ServerHandle {
    /// Encodes a message once and sends it to all [`connections`](Self::connections) of this server. Never waits:
    /// connections without room for the message are returned in [`Broadcast::refused`].
    pub fn broadcast(&self, message: impl Into<Message>) -> Broadcast {
        self.broadcast_except(None, &message.into())
    }

    /// Sends a message to all [subscribers](WebSocketConnection::subscribe) of a topic, as
    /// [`broadcast`](Self::broadcast) does; then passes it on to the other servers on the
    /// [bus](crate::ServerOptions::bus()), if there is one. Never waits for the bus:
    /// [`Broadcast::elsewhere`] says whether it has taken the message.
    ///
    /// A topic has at most [`MAX_TOPIC_LEN`] bytes; a longer one has no subscribers, here or elsewhere.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) -> Broadcast {
        self.publish_except(None, topic, &message.into())
    }

    /// Sends a message to the subscribers of a topic at this server only, as [`publish`](Self::publish) does
    /// without a bus.
    pub fn publish_here(&self, topic: &str, message: impl Into<Message>) -> Broadcast {
        self.publish_here_except(None, topic, &message.into())
    }

    /// Sends a message to all connections but one.
    pub(crate) fn broadcast_except(
        &self,
        except: Option<&WebSocketConnection>,
        message: &Message,
    ) -> Broadcast {
        let connections = self.connections();
        let to = connections.iter().filter(|to| Some(*to) != except);
        self.count_refused(Broadcast::new(|| message.prepare(), to))
    }

    /// Publishes a message to all subscribers but one.
    pub(crate) fn publish_except(
        &self,
        except: Option<&WebSocketConnection>,
        topic: &str,
        message: &Message,
    ) -> Broadcast {
        let here = self.publish_here_except(except, topic, message);
        match &self.0.bus {
            Some(bus) if here.elsewhere.is_ok() => {
                Broadcast { elsewhere: bus.publish(topic, message), ..here }
            }
            _ => here,
        }
    }

    /// Publishes a message to all subscribers at this server but one.
    pub(crate) fn publish_here_except(
        &self,
        except: Option<&WebSocketConnection>,
        topic: &str,
        message: &Message,
    ) -> Broadcast {
        if topic.len() > MAX_TOPIC_LEN {
            let elsewhere = Err(BusError::TopicTooLong);
            return Broadcast { elsewhere, ..Broadcast::default() };
        }
        let subscribers = self.0.topics.lock().subscribers(topic);
        let to = subscribers.iter().flat_map(|to| &**to).filter(|to| Some(*to) != except);
        self.count_refused(Broadcast::new(|| message.prepare(), to))
    }

    /// Counts the connections that have refused a message.
    pub(super) fn count_refused(&self, broadcast: Broadcast) -> Broadcast {
        self.counters().count_refused(broadcast.refused.len());
        broadcast
    }

    /// Returns the subscribers of a topic at this server.
    #[must_use]
    pub fn subscribers(&self, topic: &str) -> Vec<WebSocketConnection> {
        let subscribers = self.0.topics.lock().subscribers(topic);
        subscribers.iter().flat_map(|subscribers| &**subscribers).cloned().collect()
    }

    /// Returns the topics of a connection, in alphabetical order.
    pub(crate) fn topics(&self, connection: ConnectionId) -> Vec<String> {
        self.0.topics.lock().of(connection)
    }

    pub(crate) fn subscribe(
        &self,
        connection: &WebSocketConnection,
        topic: &str,
    ) -> Result<(), SubscribeError> {
        if topic.len() > MAX_TOPIC_LEN {
            return Err(SubscribeError::TopicTooLong(topic.len()));
        }
        let mut topics = self.0.topics.lock();
        // A connection is closed before `close` removes its topics under this lock, so none is left behind.
        if connection.ready_state() == ReadyState::Closed {
            return Err(SubscribeError::Closed);
        }
        let is_first = topics.subscribe(connection, topic);
        if let Some(bus) = self.0.bus.as_ref().filter(|_| is_first) {
            bus.want(topic);
        }
        Ok(())
    }

    pub(crate) fn unsubscribe(&self, connection: &WebSocketConnection, topic: &str) -> bool {
        let mut wake = false;
        let let_go = |topic| wake = self.let_go(topic);
        let was_subscribed = self.0.topics.lock().unsubscribe(connection, topic, let_go);
        self.wake_if(wake);
        was_subscribed
    }

    /// Unsubscribes a connection that is closed from all topics.
    pub(super) fn forget_topics(&self, connection: &WebSocketConnection) {
        let mut wake = false;
        self.0.topics.lock().remove(connection, |topic| wake |= self.let_go(topic));
        self.wake_if(wake);
    }

    /// Ends the interest in a topic without subscribers. Returns whether to wake the server, once no lock is
    /// held.
    fn let_go(&self, topic: Arc<str>) -> bool {
        self.0.bus.as_ref().is_some_and(|bus| bus.let_go(topic, self.now(), self.timers()))
    }

    fn wake_if(&self, wake: bool) {
        if wake {
            self.wake();
        }
    }
}
