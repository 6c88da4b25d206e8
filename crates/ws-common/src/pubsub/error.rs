//! The errors of subscribing.

use crate::MAX_TOPIC_LEN;

/// The reason why a connection was not [subscribed](crate::WebSocketConnection::subscribe).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
    /// The connection is a client's: only servers have topics.
    #[error("the connection belongs to no server")]
    NoServer,
    /// The topic is longer than [`MAX_TOPIC_LEN`] bytes.
    #[error("the topic has {0} bytes, more than {MAX_TOPIC_LEN}")]
    TopicTooLong(usize),
}
