//! Broadcasting and topics.

mod broadcast;
mod error;
mod lingering;
mod topics;

pub use broadcast::Broadcast;
pub use error::SubscribeError;
pub(crate) use lingering::Lingering;
pub(crate) use topics::Topics;
