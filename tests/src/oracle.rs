//! Other implementations as oracles: the same whole frames for them and for the engine.
//!
//! Only whole frames are compared, because implementations decide at different bytes: the engine at
//! the first that can decide, others when a header, a frame or a message is complete. What is left
//! are differences of choice, each of which is listed with its reason; anything else is a failure,
//! of the one or the other.

mod tokio_websockets;
mod tungstenite;

use crate::model::{Outcome, Seen};

pub use tokio_websockets::{TOKIO_WEBSOCKETS, tokio_websockets};
pub use tungstenite::{TUNGSTENITE, tungstenite};

/// What an implementation makes of whole frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What its application sees, in order.
    pub events: Vec<Seen>,
    /// Whether it then refuses what comes.
    pub refused: bool,
}

/// A rule of [`RULES`](crate::model::RULES) that an implementation judges differently, and why.
pub type Difference = (&'static str, &'static str);

/// Compares a verdict with what the engine makes of the same frames.
///
/// Where the engine refuses by a rule that is among the known differences, the other may go on; up
/// to there, it has to see the same.
///
/// # Errors
///
/// What differs, for people.
pub fn compare(ours: &Outcome, theirs: &Verdict, known: &[Difference]) -> Result<(), String> {
    let (rule, events) = match ours.events.split_last() {
        Some((Seen::Error { rule, .. }, events)) => (Some(*rule), events),
        _ => (None, &ours.events[..]),
    };
    let agrees = match rule {
        Some(rule) if known.iter().any(|(known, _)| *known == rule) => {
            theirs.events.starts_with(events)
        }
        _ => theirs.events == events && theirs.refused == rule.is_some(),
    };
    if agrees { Ok(()) } else { Err(format!("we: {:?}\nthey: {theirs:?}", ours.events)) }
}
