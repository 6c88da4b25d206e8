//! The errors of publishing on a bus.

use super::MAX_TOPIC_LEN;

/// The reason why a message was not passed on to other servers; see
/// [`Broadcast::elsewhere`](crate::Broadcast::elsewhere).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// The queue to the broker has reached its limit of bytes, because the broker does not read.
    #[error("the broker does not read, and the queue to it is full")]
    Full,
    /// The message is larger than the broker accepts.
    #[error("the message is larger than the broker accepts")]
    TooBig,
    /// There is no connection to the broker, or the server has ended.
    #[error("there is no connection to the broker")]
    Down,
    /// The topic is longer than [`MAX_TOPIC_LEN`] bytes, so it has no subscribers, here or elsewhere.
    #[error("the topic is longer than {MAX_TOPIC_LEN} bytes")]
    TopicTooLong,
}
