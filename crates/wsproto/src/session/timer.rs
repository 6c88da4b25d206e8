//! The one deadline a session has at a time.

use core::time::Duration;

use super::nanos::Nanos;
use crate::Config;

/// What the deadline is for. The stages of a session follow one another, so it needs only one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    Off,
    /// The opening handshake must be finished.
    Handshake {
        at: Nanos,
    },
    /// The next Ping of the keep-alive is due; its payload is its number.
    Ping {
        at: Nanos,
        number: u32,
    },
    /// The Pong to it must have arrived.
    Pong {
        at: Nanos,
        number: u32,
    },
    /// The closing handshake must be finished, and the transport ended.
    Closing {
        at: Nanos,
    },
    /// As `Closing`, however long it takes.
    ClosingPatiently,
}

impl Timer {
    pub(super) fn handshake(now: Nanos, config: &Config) -> Self {
        config
            .handshake_timeout
            .map_or(Self::Off, |t| Self::Handshake { at: now.saturating_add(t) })
    }

    pub(super) fn closing(now: Nanos, config: &Config) -> Self {
        config
            .close_timeout
            .map_or(Self::ClosingPatiently, |t| Self::Closing { at: now.saturating_add(t) })
    }

    pub(super) fn keep_alive(now: Nanos, config: &Config) -> Self {
        Self::next_ping(now, 0, config)
    }

    fn next_ping(now: Nanos, number: u32, config: &Config) -> Self {
        config.keep_alive.map_or(Self::Off, |keep_alive| Self::Ping {
            at: now.saturating_add(keep_alive.interval),
            number,
        })
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match *self {
            Self::Off | Self::ClosingPatiently => None,
            Self::Handshake { at }
            | Self::Ping { at, .. }
            | Self::Pong { at, .. }
            | Self::Closing { at } => Some(at.into()),
        }
    }

    pub(super) const fn is_closing(&self) -> bool {
        matches!(self, Self::Closing { .. } | Self::ClosingPatiently)
    }

    /// The Ping was sent: waits for its Pong.
    pub(super) fn sent(self, now: Nanos, config: &Config) -> Self {
        match (self, config.keep_alive) {
            (Self::Ping { number, .. }, Some(keep_alive)) => {
                Self::Pong { at: now.saturating_add(keep_alive.patience), number }
            }
            _ => Self::Off,
        }
    }

    /// A Pong arrived. If it answers the last Ping, waits for the next and returns when the last
    /// was sent.
    pub(super) fn answered(
        &mut self,
        payload: &[u8],
        now: Nanos,
        config: &Config,
    ) -> Option<Nanos> {
        match (*self, config.keep_alive) {
            (Self::Pong { at, number }, Some(keep_alive)) if payload == number.to_be_bytes() => {
                *self = Self::next_ping(now, number.wrapping_add(1), config);
                Some(at.saturating_sub(keep_alive.patience))
            }
            _ => None,
        }
    }
}
