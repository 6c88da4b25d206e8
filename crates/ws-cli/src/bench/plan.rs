//! The messages to send and their times: without a clock and without a socket.

use std::num::NonZeroU64;
use std::time::Duration;

/// How fast a connection sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// So many messages a second, over all connections: each is due at a time that no answer moves.
    Rate(NonZeroU64),
    /// As fast as answers come: so many messages of each connection wait for theirs.
    InFlight(NonZeroU64),
}

/// The load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) connections: u64,
    pub(super) pace: Pace,
    /// The length of each message in bytes.
    pub(super) size: usize,
    pub(super) binary: bool,
    /// How long to send before anything counts.
    pub(super) warm_up: Duration,
    /// How long to send and count.
    pub(super) duration: Duration,
}

impl Plan {
    /// Returns how long to send.
    pub(super) fn whole(&self) -> Duration {
        self.warm_up.saturating_add(self.duration)
    }

    /// Returns when a message is due at a rate, as time since the start: connections take turns.
    pub(super) fn due(&self, rate: NonZeroU64, connection: u64, message: u64) -> Duration {
        let before = u128::from(message) * u128::from(self.connections) + u128::from(connection);
        let nanos = before * 1_000_000_000 / u128::from(rate.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Returns how many messages of a connection are due before a time.
    pub(super) fn due_before(&self, rate: NonZeroU64, connection: u64, time: Duration) -> u64 {
        let all = (time.as_nanos() * u128::from(rate.get())).div_ceil(1_000_000_000);
        let own = all.saturating_sub(u128::from(connection)).div_ceil(self.connections.into());
        u64::try_from(own).unwrap_or(u64::MAX)
    }
}

/// The payload of the messages of a connection: each has its number in front, so that its echo is recognized.
#[derive(Clone, Debug)]
pub(super) struct Payload(Vec<u8>);

/// The most digits of a number in a payload.
const DIGITS: usize = 10;

const FILL: &[u8] = b" - The quick brown fox jumps over the lazy dog.";

impl Payload {
    pub(super) fn new(size: usize) -> Self {
        Self(FILL.iter().copied().cycle().take(size).collect())
    }

    /// Returns the payload of a message.
    pub(super) fn of(&mut self, message: u64) -> &[u8] {
        let digits = self.0.len().min(DIGITS);
        let mut rest = message;
        for byte in self.0.iter_mut().take(digits).rev() {
            *byte = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(connections: u64) -> Plan {
        let (size, binary) = (1, false);
        let (warm_up, duration) = (Duration::ZERO, Duration::from_secs(1));
        let pace = Pace::InFlight(NonZeroU64::MIN);
        Plan { connections, pace, size, binary, warm_up, duration }
    }

    #[test]
    fn connections_take_turns() {
        let rate = NonZeroU64::new(1000).expect("not zero");
        let plan = plan(4);
        let mut times: Vec<_> = (0..4)
            .flat_map(|connection| (0..3).map(move |message| (connection, message)))
            .map(|(connection, message)| plan.due(rate, connection, message))
            .collect();
        times.sort();
        let expected: Vec<_> = (0..12).map(Duration::from_millis).collect();
        assert_eq!(times, expected);
        // No sum of rounded intervals drifts.
        assert_eq!(plan.due(NonZeroU64::new(3).expect("not zero"), 0, 3), Duration::from_secs(4));
        for nanos in [0, 1, 999_999, 1_000_000, 1_000_001, 6_999_999, 7_000_000, 7_000_001] {
            let time = Duration::from_nanos(nanos);
            for connection in 0..4 {
                let before = (0..).take_while(|n| plan.due(rate, connection, *n) < time).count();
                assert_eq!(plan.due_before(rate, connection, time), before as u64, "{time:?}");
            }
        }
        let late = plan.due(NonZeroU64::MIN, 3, u64::MAX);
        assert_eq!(late, Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn payloads_have_their_length_and_their_number() {
        assert_eq!(Payload::new(0).of(7), b"");
        assert_eq!(Payload::new(1).of(17), b"7");
        assert_eq!(Payload::new(10).of(17), b"0000000017");
        let mut payload = Payload::new(100);
        let first = payload.of(0).to_vec();
        assert_eq!(first.len(), 100);
        assert!(first.is_ascii());
        assert_ne!(payload.of(1), first);
        assert_eq!(payload.of(0), first);
    }
}
