//! Timing in turn, so that a disturbance of the machine affects all implementations.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::Outcome;

/// How often everything is timed, and which of the times counts.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    count: usize,
    minimum: bool,
}

impl Default for Rounds {
    fn default() -> Self {
        Self { count: 15, minimum: false }
    }
}

impl Rounds {
    /// Takes one of the options `--rounds N` and `--take median|minimum`; `None` if it is neither.
    pub fn set(&mut self, option: &str, value: &str) -> Option<()> {
        match (option, value) {
            ("--rounds", count) => self.count = count.parse().ok().filter(|count| *count > 0)?,
            ("--take", "median") => self.minimum = false,
            ("--take", "minimum") => self.minimum = true,
            _ => return None,
        }
        Some(())
    }

    /// The median, or the minimum, of each contestant's times. All run in every round, each round
    /// begins with another one, and a first round is not counted.
    ///
    /// # Errors
    ///
    /// The first that the work returns.
    pub fn times(
        self,
        contestants: usize,
        mut work: impl FnMut(usize) -> Outcome,
    ) -> Result<Vec<Duration>, Box<dyn Error>> {
        let mut times = vec![Vec::new(); contestants];
        for round in 0..=self.count {
            for at in (0..contestants).map(|at| (at + round) % contestants) {
                let start = Instant::now();
                work(at)?;
                let time = start.elapsed();
                if round > 0 {
                    times[at].push(time);
                }
            }
        }
        Ok(times.into_iter().map(|times| self.take(times)).collect())
    }

    fn take(self, mut times: Vec<Duration>) -> Duration {
        times.sort_unstable();
        if self.minimum { times[0] } else { times[times.len() / 2] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_runs_in_every_round_and_each_round_begins_with_another() {
        let mut rounds = Rounds::default();
        assert_eq!(rounds.set("--rounds", "2"), Some(()));
        let mut order = Vec::new();
        let times = rounds.times(3, |at| {
            order.push(at);
            Ok(())
        });
        assert_eq!(times.expect("no work fails").len(), 3);
        assert_eq!(order, [0, 1, 2, 1, 2, 0, 2, 0, 1]);
    }

    #[test]
    fn the_median_is_taken_or_the_minimum() {
        let times = [5, 1, 3].map(Duration::from_secs).to_vec();
        let mut rounds = Rounds::default();
        assert_eq!(rounds.take(times.clone()), Duration::from_secs(3));
        assert_eq!(rounds.set("--take", "minimum"), Some(()));
        assert_eq!(rounds.take(times), Duration::from_secs(1));
        for (option, value) in [("--rounds", "0"), ("--take", "mean"), ("--tack", "median")] {
            assert_eq!(rounds.set(option, value), None);
        }
    }
}
