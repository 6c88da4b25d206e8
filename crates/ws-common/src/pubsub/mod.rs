//! Broadcasting and topics.

mod broadcast;
mod topics;

pub use broadcast::Broadcast;
pub(crate) use topics::Topics;
