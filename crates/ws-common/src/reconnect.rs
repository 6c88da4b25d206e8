//! When to connect again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use wsproto::handshake::Response;
use wsproto::{CloseInfo, Initiator, SessionError};

use crate::{Error, ProxyError};

/// The longest `Retry-After` that is obeyed.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// When to connect again after a failure or an end: random delays whose upper bound doubles (RFC 6455 section
/// 7.2.3). A plain value without a clock: tell it each outcome, and wait as long as it says. Every
/// adapter has a `reconnect` that does.
///
/// | outcome | again |
/// |---|---|
/// | this end has closed or aborted | no |
/// | otherwise, close code 1001, 1006, 1011, 1012, 1013, 1014 or 1015 | yes |
/// | any other close code | no |
/// | [`Error::Connect`], [`Error::Io`] | yes |
/// | [`Error::Session`]: `EndOfInput`, `HandshakeTimeout`, `KeepAliveTimeout`, `WriteTimeout` | yes |
/// | [`Error::Http`], or [`Error::Proxy`] with a refusal, of status 429 or 5xx | yes, not before the seconds of its `Retry-After`, at most an hour |
/// | [`Error::Proxy`]: the proxy ended the connection, or a SOCKS proxy could not connect | yes |
/// | any other error: an invalid URL or option, an untrusted certificate, a violation | no |
///
/// ```
/// use std::time::Duration;
/// use ws_common::{Error, Reconnect};
///
/// let mut reconnect = Reconnect::new()
///     .delays(Duration::from_secs(1), Duration::from_secs(60))
///     .stable_after(Duration::from_secs(30))
///     .most_failures(10);
/// let refused = Error::Connect {
///     to: "example.com:443".into(),
///     error: std::io::ErrorKind::ConnectionRefused.into(),
/// };
/// let delay = reconnect.after(Err(&refused), Duration::ZERO);
/// assert!(delay.is_some_and(|delay| delay <= Duration::from_secs(1)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconnect {
    first: Duration,
    longest: Duration,
    stable: Duration,
    most_failures: Option<u32>,
    failures: u32,
    random: u64,
}

/// The next action of an adapter's `reconnect`, with its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconnectEvent {
    /// Wait, then connect again.
    #[non_exhaustive]
    Waiting {
        /// The time to wait.
        delay: Duration,
        /// The number of failures and ends in a row, this one included.
        failures: u32,
        /// The text of the error, or of how the connection ended.
        cause: String,
    },
    /// Do not connect again.
    #[non_exhaustive]
    GaveUp {
        /// The number of failures and ends in a row, this one included.
        failures: u32,
        /// The text of the error, or of how the connection ended.
        cause: String,
    },
}

impl Reconnect {
    /// Creates the default: delays of at most 1 s, 2 s, 4 s, up to 60 s; a connection is stable after 60 s; any
    /// number of failures; random delays that differ from those of other processes.
    #[must_use]
    pub fn new() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            stable: Duration::from_secs(60),
            most_failures: None,
            failures: 0,
            random: RandomState::new().build_hasher().finish(),
        }
    }

    /// Sets the upper bounds of the first delay and of all delays. The bound doubles with each failure in a
    /// row; the delay is a random time between zero and the bound. With zeros, there is no delay. `longest`
    /// also bounds a longer `first`.
    #[must_use]
    pub const fn delays(mut self, first: Duration, longest: Duration) -> Self {
        (self.first, self.longest) = (first, longest);
        self
    }

    /// Sets how long a connection must have been open to end a row of failures: an overloaded server may accept
    /// connections and close them at once.
    #[must_use]
    pub const fn stable_after(mut self, open: Duration) -> Self {
        self.stable = open;
        self
    }

    /// Connects again after at most this number of failures in a row, and gives up at the next one; zero never
    /// connects again.
    #[must_use]
    pub const fn most_failures(mut self, most: u32) -> Self {
        self.most_failures = Some(most);
        self
    }

    /// Makes the delays reproducible, for tests.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.random = seed;
        self
    }

    /// Returns the number of failures and ends in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Takes the end of a connection, or its error if it had one, and the time for which it was open: zero if it
    /// never opened. Returns how long to wait before connecting again, or `None` to give up.
    pub fn after(
        &mut self,
        outcome: Result<&CloseInfo, &Error>,
        open: Duration,
    ) -> Option<Duration> {
        if open >= self.stable && !open.is_zero() {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        let least = match outcome {
            Ok(info) => least_after_end(info),
            Err(error) => least_after_error(error),
        }?;
        if self.most_failures.is_some_and(|most| self.failures > most) {
            return None;
        }
        let doubled = 2_u32.saturating_pow(self.failures - 1);
        let bound = self.first.saturating_mul(doubled).min(self.longest);
        Some(least.saturating_add(self.fraction_of(bound)))
    }

    /// Returns a random time up to `most`.
    fn fraction_of(&mut self, most: Duration) -> Duration {
        // SplitMix64. A bound of 584 years is enough.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let mixed = mixed ^ (mixed >> 31);
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let part = (u128::from(mixed) * (u128::from(nanos) + 1)) >> 64;
        Duration::from_nanos(u64::try_from(part).unwrap_or(nanos))
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the minimum delay after an end, or `None` if it is final.
fn least_after_end(info: &CloseInfo) -> Option<Duration> {
    let again = info.initiator == Initiator::Remote
        && matches!(u16::from(info.code), 1001 | 1006 | 1011..=1015);
    again.then_some(Duration::ZERO)
}

/// Returns the minimum delay after an error, or `None` if it is final.
fn least_after_error(error: &Error) -> Option<Duration> {
    let again = match error {
        Error::Connect { .. } | Error::Io(_) => true,
        Error::Session(error) => matches!(
            error,
            SessionError::EndOfInput
                | SessionError::HandshakeTimeout
                | SessionError::KeepAliveTimeout
                | SessionError::WriteTimeout
        ),
        Error::Http(response) | Error::Proxy(ProxyError::Refused(response)) => {
            let later = matches!(response.status(), 429 | 500..=599);
            return later.then(|| retry_after(response));
        }
        Error::Proxy(error) => {
            matches!(error, ProxyError::EndOfInput | ProxyError::SocksRefused(1 | 3..=6))
        }
        _ => false,
    };
    again.then_some(Duration::ZERO)
}

/// Returns the seconds of `Retry-After`, however many digits they have; a date counts as nothing (RFC 9110 section
/// 10.2.3).
fn retry_after(response: &Response) -> Duration {
    let seconds = match response.headers().get("Retry-After") {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().unwrap_or(u64::MAX)
        }
        _ => 0,
    };
    Duration::from_secs(seconds).min(MOST_RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use wsproto::CloseCode;

    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn refused() -> Error {
        Error::Connect { to: "h:80".into(), error: ErrorKind::ConnectionRefused.into() }
    }

    fn end(code: u16, initiator: Initiator) -> CloseInfo {
        let mut info = CloseInfo::abnormal(initiator);
        info.code = CloseCode::from(code);
        info
    }

    #[test]
    fn delays_are_random_below_a_bound_that_doubles() {
        let delays = |seed| {
            let mut reconnect = Reconnect::new().delays(secs(1), secs(60)).seed(seed);
            let next = |_| reconnect.after(Err(&refused()), secs(0)).expect("again");
            (0..100).map(next).collect::<Vec<_>>()
        };
        for seed in 0..50 {
            for (number, delay) in delays(seed).iter().enumerate() {
                let bound = if number < 6 { secs(1 << number) } else { secs(60) };
                assert!(*delay <= bound, "{number}: {delay:?}");
            }
            assert!(delays(seed).iter().any(|delay| *delay > secs(50)), "the bound is used");
        }
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
        assert_ne!(Reconnect::new(), Reconnect::new(), "processes differ");
        let mut at_once = Reconnect::new().delays(secs(0), secs(0));
        assert_eq!(at_once.after(Err(&refused()), secs(0)), Some(secs(0)));
        let mut longest = Reconnect::new().delays(Duration::MAX, Duration::MAX).seed(u64::MAX);
        for _ in 0..100 {
            assert!(longest.after(Err(&refused()), Duration::MAX).is_some());
        }
        longest.failures = u32::MAX;
        assert!(longest.after(Err(&refused()), secs(0)).is_some());
        assert_eq!(longest.failures(), u32::MAX);
        let mut none_longer = Reconnect::new().delays(secs(5), secs(0));
        assert_eq!(none_longer.after(Err(&refused()), secs(0)), Some(secs(0)), "also the first");
    }

    #[test]
    fn a_row_of_failures_ends_with_a_stable_connection_or_is_given_up() {
        let mut reconnect = Reconnect::new().stable_after(secs(30)).most_failures(3);
        for failures in 1..=3 {
            assert!(reconnect.after(Err(&refused()), secs(29)).is_some());
            assert_eq!(reconnect.failures(), failures);
        }
        assert!(reconnect.clone().after(Err(&refused()), secs(29)).is_none());
        assert!(reconnect.after(Err(&refused()), secs(30)).is_some());
        assert_eq!(reconnect.failures(), 1);
        assert!(Reconnect::new().most_failures(0).after(Err(&refused()), secs(99)).is_none());
        let mut never_stable = Reconnect::new().stable_after(secs(0));
        for failures in 1..=3 {
            never_stable.after(Err(&refused()), secs(0));
            assert_eq!(never_stable.failures(), failures, "it never was open");
        }
    }

    #[test]
    fn outcomes_are_final_or_not() {
        fn again(outcome: Result<&CloseInfo, &Error>) -> bool {
            Reconnect::new().after(outcome, secs(0)).is_some()
        }
        for code in [1001, 1006, 1011, 1012, 1013, 1014] {
            assert!(again(Ok(&end(code, Initiator::Remote))), "{code}");
            assert!(!again(Ok(&end(code, Initiator::Local))), "{code}");
        }
        for code in [1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 3000, 4999] {
            assert!(!again(Ok(&end(code, Initiator::Remote))), "{code}");
        }
        assert!(again(Err(&Error::Io(ErrorKind::ConnectionReset.into()))));
        assert!(again(Err(&SessionError::KeepAliveTimeout.into())));
        assert!(!again(Err(&SessionError::Abandoned.into())));
        assert!(!again(Err(&Error::TlsUnavailable)));
        assert!(!again(Err(&Error::Tls(ErrorKind::InvalidData.into()))));
        assert!(!again(Err(&ProxyError::Tls(ErrorKind::InvalidData.into()).into())));
        for status in [301, 400, 401, 403, 404, 407, 426, 428, 499, 600] {
            assert!(!again(Err(&Error::Http(Box::new(Response::new(status))))), "{status}");
        }
        for status in [429, 500, 502, 503, 504, 599] {
            let refused = || Box::new(Response::new(status));
            assert!(again(Err(&Error::Http(refused()))), "{status}");
            assert!(again(Err(&ProxyError::Refused(refused()).into())), "{status}");
        }
        assert!(again(Err(&ProxyError::SocksRefused(5).into())));
        assert!(!again(Err(&ProxyError::SocksRefused(2).into())));
        assert!(!again(Err(&ProxyError::SocksCredentials.into())));
    }

    #[test]
    fn retry_after_is_the_least_delay() {
        let http = |status, value: &str| {
            let response = Response::new(status).header("Retry-After", value).expect("a header");
            let error = Error::Http(Box::new(response));
            Reconnect::new().delays(secs(0), secs(0)).after(Err(&error), secs(0))
        };
        assert_eq!(http(503, "7"), Some(secs(7)));
        for value in ["99999999999", "99999999999999999999999"] {
            assert_eq!(http(429, value), Some(secs(3600)), "{value}");
        }
        for value in ["Wed, 21 Oct 2015 07:28:00 GMT", "-1", "+7", "7.5", ""] {
            assert_eq!(http(500, value), Some(secs(0)), "{value}");
        }
        assert_eq!(http(403, "7"), None);
    }
}
