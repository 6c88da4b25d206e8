//! The bus that joins servers: the interface, without I/O.
//!
//! A broker's crate implements [`Bus`] and [`BusConnection`], and calls the [`BusSink`] of each server. It
//! connects, queues and reconnects; which topics a server wants, the form of its messages, and delivery
//! to its subscribers are the server's.

mod envelope;
mod error;

use std::fmt;
use std::sync::Arc;

pub(crate) use envelope::{Origin, open, seal};
pub use error::BusError;

/// The longest topic, in bytes of UTF-8. Longer ones can be neither subscribed nor published, with or without
/// a bus.
pub const MAX_TOPIC_LEN: usize = 200;

/// A broker through which servers publish to each other's subscribers; see
/// [`ServerOptions::bus`](crate::ServerOptions::bus()).
///
/// # Implementing a bus
///
/// [`join`](Self::join) is called once for each server, when it starts: several servers of a process may share
/// one bus, and each is a member of its own. The implementation has threads or tasks of its own. It keeps the
/// connection to the broker, and reconnects after a failure, with delays of its choice.
///
/// * No method waits for the broker: each only changes state or queues. None calls the sink, except that
///   [`join`](Self::join) may report [`up`](BusSink::up), and that a bus within the process may
///   [deliver](BusSink::deliver) to *other* servers.
/// * The implementation remembers the topics of each server, and subscribes them again after a reconnect.
/// * Topics are any UTF-8 of at most [`MAX_TOPIC_LEN`] bytes, the empty string included, and often come from
///   strangers. If the broker's names have wildcards, separators or forbidden characters, the implementation
///   escapes them, so that different topics have different names.
/// * What a server publishes need not come back to it; if it does, the server discards it.
/// * `Debug` output contains no credentials.
///
/// # Payloads
///
/// To the bus, a payload is opaque. It begins with 9 bytes, so that other programs can publish too: the
/// opcode of the message (1 for text, 2 for binary; RFC 6455 section 11.8), then 8 bytes that differ between
/// servers, by which a server knows its own; others may send zeros. The rest is the message. A server discards
/// payloads of another form, and texts that are not UTF-8.
pub trait Bus: fmt::Debug + Send + Sync {
    /// Joins a server. The connection is made in the background: until `sink` is told that the bus is
    /// [up](BusSink::up), [`publish`](BusConnection::publish) is [`BusError::Down`], and subscriptions are
    /// remembered.
    fn join(&self, sink: Arc<dyn BusSink>) -> Box<dyn BusConnection>;
}

/// A server's connection to its [bus](Bus). Any thread may call it.
pub trait BusConnection: Send + Sync {
    /// Queues a payload for all other servers that have subscribed a topic. Never waits. Payloads of one thread on one
    /// topic leave in order.
    ///
    /// # Errors
    ///
    /// Nothing is sent then, and nothing is kept:
    ///
    /// * [`BusError::Full`] if the queue has reached its limit of bytes, because the broker does not read;
    /// * [`BusError::TooBig`] if the broker accepts no payload of this length;
    /// * [`BusError::Down`] if there is no connection to the broker, or after [`close`](Self::close).
    fn publish(&self, topic: &str, payload: Vec<u8>) -> Result<(), BusError>;

    /// Subscribes a topic that is not subscribed, until [`unsubscribe`](Self::unsubscribe), whatever happens
    /// to the connection with the broker. Called with a lock of the server held, so that calls for a topic
    /// arrive in order.
    fn subscribe(&self, topic: &str);

    /// Unsubscribes a topic that is subscribed. A message that is on its way may still be delivered. Called with a
    /// lock of the server held.
    fn unsubscribe(&self, topic: &str);

    /// Leaves the bus, when the server has ended. Queued payloads are still sent, in the background, if the broker
    /// takes them soon. All later calls have no effect; a later call of the sink has none either.
    /// May be called more than once.
    fn close(&self);
}

/// A server, as its bus sees it. Any thread of the bus may call it, with no lock held that a method of
/// [`BusConnection`] takes. No call waits or panics; the time of [`deliver`](Self::deliver) grows with the number
/// of the topic's subscribers here. The bus is down until the first call of [`up`](Self::up); a report of the state
/// that was reported last has no effect.
pub trait BusSink: Send + Sync {
    /// Delivers a payload that another server has published on a topic. The calls for one topic follow each
    /// other, in the order of the broker. Ignored if no connection here has subscribed the topic.
    fn deliver(&self, topic: &str, payload: &[u8]);

    /// Reports that there is no connection to the broker: it was lost, or the first attempt has failed. From
    /// then on, [`publish`](BusConnection::publish) is [`BusError::Down`].
    fn down(&self);

    /// Reports that there is a connection to the broker, the first or a new one, after all topics of the server were
    /// subscribed on it, and before anything that arrives on it is delivered.
    fn up(&self);
}

/// The state of a server's [bus](crate::ServerOptions::bus()), for
/// [`ServerHandler::on_bus`](crate::ServerHandler::on_bus).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BusState {
    /// There is no connection to the broker. Messages of this server do not reach the others, nor theirs this one.
    Down,
    /// There is a connection, and all topics are subscribed on it.
    Up,
}

impl<B: Bus + ?Sized> Bus for Arc<B> {
    fn join(&self, sink: Arc<dyn BusSink>) -> Box<dyn BusConnection> {
        (**self).join(sink)
    }
}
