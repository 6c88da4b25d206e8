//! Other implementations as oracles: they receive the same whole frames as the engine.
//!
//! Only whole frames are compared, because implementations decide at different bytes: the engine at
//! the first byte that decides, others when a header, a frame or a message is complete. The
//! remaining differences are choices, each listed with its reason; any other difference fails the
//! comparison.

mod tokio_websockets;
mod tungstenite;

use crate::model::{Outcome, Seen};

pub use tokio_websockets::{TOKIO_WEBSOCKETS, tokio_websockets};
pub use tungstenite::{TUNGSTENITE, tungstenite};

/// An implementation's outcome for whole frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The events of its application, in order.
    pub events: Vec<Seen>,
    /// Whether it then refuses the input.
    pub refused: bool,
}

/// A rule of [`RULES`](crate::model::RULES) that an implementation treats differently, and the
/// reason.
pub type Difference = (&'static str, &'static str);

/// Compares a verdict with the engine's outcome for the same frames.
///
/// If the engine refuses by a rule among the known differences, the other may continue; up to that
/// point, the events must be equal.
///
/// # Errors
///
/// The difference, as text for people.
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
