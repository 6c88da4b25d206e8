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

    /// The median, or the minimum, of each contestant's times. All run in every round, in the
    /// [order](order) of that round, and a first round is not counted.
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
            for at in order(contestants, round) {
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

/// The order in which contestants run in a round. Each of them follows each of the others equally often in
/// any `2 * contestants` successive rounds (a Williams design), because one finds the caches as its
/// predecessor has left them: in a fixed order, the successor of one with large buffers would pay for them
/// in every round.
fn order(contestants: usize, round: usize) -> impl Iterator<Item = usize> {
    let reversed = round / contestants.max(1) % 2 == 1;
    (0..contestants).map(move |step| {
        let step = if reversed { contestants - 1 - step } else { step };
        // From both ends in turn: 0, n - 1, 1, n - 2, ...
        let at = if step % 2 == 0 { step / 2 } else { contestants - step.div_ceil(2) };
        (at + round) % contestants
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn everybody_runs_in_every_round() {
        let mut rounds = Rounds::default();
        assert_eq!(rounds.set("--rounds", "2"), Some(()));
        let mut order = Vec::new();
        let times = rounds.times(3, |at| {
            order.push(at);
            Ok(())
        });
        assert_eq!(times.expect("no work fails").len(), 3);
        assert_eq!(order, [0, 2, 1, 1, 0, 2, 2, 1, 0]);
    }

    #[test]
    fn each_contestant_follows_each_other_one_equally_often() {
        for contestants in 1..=10 {
            for first in [0, 1, 7] {
                let mut pairs = BTreeMap::new();
                for round in first..first + 2 * contestants {
                    let order: Vec<usize> = order(contestants, round).collect();
                    let mut sorted = order.clone();
                    sorted.sort_unstable();
                    assert_eq!(sorted, (0..contestants).collect::<Vec<_>>(), "everybody runs");
                    for pair in order.windows(2) {
                        *pairs.entry((pair[0], pair[1])).or_insert(0) += 1;
                    }
                }
                assert_eq!(pairs.len(), contestants * (contestants - 1));
                assert!(pairs.values().all(|times| *times == 2), "{contestants}: {pairs:?}");
            }
        }
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
