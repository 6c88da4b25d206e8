//! How fast a recording is played.

use std::time::Duration;

/// How many times as fast; `None` does not wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Speed(Option<f64>);

impl Speed {
    /// Returns the time at which to play an event that was recorded `at` this time.
    pub(super) fn scaled(self, at: Duration) -> Duration {
        match self.0 {
            // A time that is too long for a number never comes.
            Some(speed) => {
                Duration::try_from_secs_f64(at.as_secs_f64() / speed).unwrap_or(Duration::MAX)
            }
            None => Duration::ZERO,
        }
    }
}

/// Parses a speed. For clap.
pub(super) fn speed(text: &str) -> Result<Speed, String> {
    match (text, text.parse::<f64>()) {
        ("max", _) => Ok(Speed(None)),
        (_, Ok(speed)) if speed.is_finite() && speed > 0.0 => Ok(Speed(Some(speed))),
        _ => Err("not a number above 0, or max".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_scaled() {
        let second = Duration::from_secs(1);
        for (text, scaled) in [("1", 1000), ("10", 100), ("0.5", 2000), ("max", 0)] {
            let speed = speed(text).expect("a speed");
            assert_eq!(speed.scaled(second), Duration::from_millis(scaled), "{text}");
        }
        assert_eq!(speed("1e-300").expect("slow").scaled(second), Duration::MAX);
        for text in ["0", "-1", "", "fast", "inf", "NaN"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
