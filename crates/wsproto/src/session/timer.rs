//! The one deadline a session has at a time.

use core::time::Duration;

use crate::Config;

/// What the deadline is for. The stages of a session follow one another, so it needs only one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    Off,
    /// The opening handshake must be finished.
    Handshake {
        at: Duration,
    },
    /// The next Ping of the keep-alive is due; its payload is its number.
    Ping {
        at: Duration,
        number: u32,
    },
    /// The Pong to it must have arrived.
    Pong {
        at: Duration,
        sent: Duration,
        number: u32,
    },
    /// The closing handshake must be finished, and the transport ended.
    Closing {
        at: Option<Duration>,
    },
}

impl Timer {
    pub(super) fn handshake(now: Duration, config: &Config) -> Self {
        config
            .handshake_timeout
            .map_or(Self::Off, |t| Self::Handshake { at: now.saturating_add(t) })
    }

    pub(super) fn closing(now: Duration, config: &Config) -> Self {
        Self::Closing { at: config.close_timeout.map(|timeout| now.saturating_add(timeout)) }
    }

    pub(super) fn keep_alive(now: Duration, config: &Config) -> Self {
        Self::next_ping(now, 0, config)
    }

    fn next_ping(now: Duration, number: u32, config: &Config) -> Self {
        config.keep_alive.map_or(Self::Off, |keep_alive| Self::Ping {
            at: now.saturating_add(keep_alive.interval),
            number,
        })
    }

    pub(super) const fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Handshake { at } | Self::Ping { at, .. } | Self::Pong { at, .. } => Some(*at),
            Self::Closing { at } => *at,
        }
    }

    pub(super) const fn is_closing(&self) -> bool {
        matches!(self, Self::Closing { .. })
    }

    /// The Ping was sent: waits for its Pong.
    pub(super) fn sent(self, now: Duration, config: &Config) -> Self {
        match (self, config.keep_alive) {
            (Self::Ping { number, .. }, Some(keep_alive)) => {
                Self::Pong { at: now.saturating_add(keep_alive.patience), sent: now, number }
            }
            _ => Self::Off,
        }
    }

    /// A Pong arrived. If it answers the last Ping, waits for the next and returns when the last
    /// was sent.
    pub(super) fn answered(
        &mut self,
        payload: &[u8],
        now: Duration,
        config: &Config,
    ) -> Option<Duration> {
        match *self {
            Self::Pong { sent, number, .. } if payload == number.to_be_bytes() => {
                *self = Self::next_ping(now, number.wrapping_add(1), config);
                Some(sent)
            }
            _ => None,
        }
    }
}
