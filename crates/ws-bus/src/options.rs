//! The options that all brokers have in common.

use std::time::Duration;

/// The options of a connection to a broker.
///
/// | option | default |
/// |---|---|
/// | prefix | `ws` |
/// | bytes on the way to the broker | 8 MiB |
/// | delay before connecting again | random, below 100 ms, 200 ms, and so on up to 5 s |
///
/// ```
/// use std::time::Duration;
/// use ws_bus::BusOptions;
///
/// let options = BusOptions::new()
///     .prefix("chat.eu")
///     .queue_limit(1 << 20)
///     .delays(Duration::from_millis(50), Duration::from_secs(10));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusOptions {
    /// The beginning of all names at the broker; see [`prefix`](Self::prefix()).
    pub prefix: String,
    /// The most bytes on the way to the broker; see [`queue_limit`](Self::queue_limit()).
    pub queue_limit: usize,
    /// The upper bounds of the first and of all delays before connecting again.
    pub delays: (Duration, Duration),
}

impl BusOptions {
    /// Creates the default options.
    #[must_use]
    pub fn new() -> Self {
        Self {
            prefix: "ws".into(),
            queue_limit: 8 << 20,
            delays: (Duration::from_millis(100), Duration::from_secs(5)),
        }
    }

    /// Sets the beginning of all names at the broker, subjects or channels: applications that share a broker
    /// have different prefixes. ASCII letters, digits, `-` and `_`, in parts separated by dots; at most 100 bytes.
    ///
    /// The name of a topic is the prefix, a dot, and the topic, in which every byte of its UTF-8 but ASCII letters, digits,
    /// `-` and `_` is `%` and two upper-case hexadecimal digits: `a.b ü` is `ws.a%2Eb%20%C3%BC`. The empty topic is
    /// `ws.%`. Access rules are in the documentation of each broker's type.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the most bytes that wait for the broker, for each server: messages, their names, and what it takes to
    /// queue them. A message without room is [`BusError::Full`](ws_common::BusError::Full), one that never has
    /// room is [`BusError::TooBig`](ws_common::BusError::TooBig).
    #[must_use]
    pub const fn queue_limit(mut self, bytes: usize) -> Self {
        self.queue_limit = bytes;
        self
    }

    /// Sets the upper bounds of the first delay before connecting again, and of all delays. The bound doubles with
    /// each failure in a row; the delay is a random time between zero and the bound. With zeros, there is no delay.
    #[must_use]
    pub const fn delays(mut self, first: Duration, longest: Duration) -> Self {
        self.delays = (first, longest);
        self
    }

    /// Checks the prefix.
    #[cfg(any(test, feature = "nats", feature = "redis"))]
    pub(crate) fn check(&self) -> std::io::Result<()> {
        if crate::topic::is_prefix(&self.prefix) {
            return Ok(());
        }
        let text =
            format!("the prefix {:?} is not letters, digits, - and _ between dots", self.prefix);
        Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, text))
    }

    /// Returns when to connect again.
    #[cfg(any(test, feature = "nats", feature = "redis"))]
    pub(crate) fn retry(&self) -> Retry {
        let reconnect = ws_common::Reconnect::new().delays(self.delays.0, self.delays.1);
        Retry(reconnect.stable_after(self.delays.1))
    }
}

impl Default for BusOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// When to connect to the broker again.
#[cfg(any(test, feature = "nats", feature = "redis"))]
#[derive(Debug)]
pub(crate) struct Retry(ws_common::Reconnect);

#[cfg(any(test, feature = "nats", feature = "redis"))]
impl Retry {
    /// Returns how long to wait after a connection was open for this time; zero if it never opened.
    pub(crate) fn after(&mut self, open: Duration) -> Duration {
        let lost = ws_common::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        // Such an error is never final.
        self.0.after(Err(&lost), open).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_until_a_connection_was_stable() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut retry = BusOptions::new().delays(first, longest).retry();
        let mut bound = first;
        for _ in 0..100 {
            assert!(retry.after(Duration::ZERO) <= bound);
            bound = (2 * bound).min(longest);
        }
        let delays = (0..100).map(|_| retry.after(Duration::from_millis(1)));
        assert!(delays.max().is_some_and(|delay| delay > first), "it was not stable");
        assert!(retry.after(longest) <= first);
    }

    #[test]
    fn a_prefix_that_would_be_a_pattern_is_refused() {
        assert!(BusOptions::new().check().is_ok());
        let error = BusOptions::new().prefix("a.>").check().expect_err("a wildcard");
        assert_eq!(
            error.to_string(),
            "the prefix \"a.>\" is not letters, digits, - and _ between dots"
        );
    }
}
