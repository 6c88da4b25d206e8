//! The single deadline of a session.

use core::time::Duration;

use super::nanos::Nanos;
use crate::{Config, KeepAlive};

/// How long a transport lingers after the end of its connection was reported: enough for our last
/// bytes to arrive and for the peer to end its side.
const LINGER: Duration = Duration::from_secs(2);

/// A peer that does not answer a Ping still counts as alive if it sends this many bytes within a
/// [`KeepAlive::patience`]. A trickle of single bytes does not.
const MIN_ALIVE_BYTES: u16 = 4096;

/// The current deadline and its purpose. The stages of a session follow one another, so one is
/// enough.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    Off,
    /// The opening handshake must be finished.
    Handshake {
        at: Nanos,
    },
    /// The next keep-alive Ping is due; its payload is its number.
    Ping {
        at: Nanos,
        number: u32,
    },
    /// The Pong to that Ping must have arrived.
    Pong {
        at: Nanos,
        number: u32,
        /// How many bytes have arrived since the patience began, saturating.
        received: u16,
        /// How often the patience was restarted because enough bytes arrived.
        extended: u8,
    },
    /// The closing handshake must be finished.
    Closing {
        at: Nanos,
    },
    /// As `Closing`, without a deadline.
    ClosingPatiently,
    /// The end was reported; the transport must be dropped at the deadline.
    Linger {
        at: Nanos,
    },
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

    /// Returns the timer of a session that is over but for its last output: the peer must keep reading.
    pub(super) fn flush(now: Nanos, config: &Config) -> Self {
        Self::Linger { at: now.saturating_add(config.close_timeout.unwrap_or(LINGER)) }
    }

    pub(super) fn linger(now: Nanos, config: &Config) -> Self {
        let most = config.close_timeout.map_or(LINGER, |timeout| timeout.min(LINGER));
        Self::Linger { at: now.saturating_add(most) }
    }

    pub(super) fn keep_alive(now: Nanos, config: &Config) -> Self {
        Self::next_ping(now, 0, config)
    }

    fn next_ping(now: Nanos, number: u32, config: &Config) -> Self {
        config.keep_alive.and_then(KeepAlive::in_force).map_or(Self::Off, |keep_alive| Self::Ping {
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
            | Self::Closing { at }
            | Self::Linger { at } => Some(at.into()),
        }
    }

    pub(super) const fn is_closing(&self) -> bool {
        matches!(self, Self::Closing { .. } | Self::ClosingPatiently | Self::Linger { .. })
    }

    /// Returns the timer of a keep-alive that begins now, with the number of its next Ping. Pongs to earlier
    /// Pings no longer count.
    pub(super) fn restarted(&self, now: Nanos, config: &Config) -> Self {
        Self::next_ping(now, self.next_number(), config)
    }

    /// Returns the number of the next Ping.
    pub(super) const fn next_number(&self) -> u32 {
        match *self {
            Self::Ping { number, .. } => number,
            Self::Pong { number, .. } => number.wrapping_add(1),
            _ => 0,
        }
    }

    /// Returns the time by which the awaited Pong must have arrived.
    pub(super) const fn pong_due(&self) -> Option<Nanos> {
        match *self {
            Self::Pong { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Starts the patience for the Pong to the Ping of this number, which was appended.
    pub(super) fn pong(now: Nanos, number: u32, patience: Duration) -> Self {
        Self::Pong { at: now.saturating_add(patience), number, received: 0, extended: 0 }
    }

    /// Restarts the patience for the Pong: the Ping has left, or the Pong may wait behind other input.
    pub(super) fn await_pong(&mut self, now: Nanos, patience: Duration) {
        if let Self::Pong { number, .. } = *self {
            *self = Self::pong(now, number, patience);
        }
    }

    /// Counts bytes that arrive while a Pong is outstanding.
    pub(super) fn count(&mut self, bytes: usize) {
        if let Self::Pong { received, .. } = self {
            *received = received.saturating_add(u16::try_from(bytes).unwrap_or(u16::MAX));
        }
    }

    /// Restarts the expired patience if enough bytes arrived meanwhile; returns whether it did. A
    /// late call adds as many periods as it takes for the deadline to lie in the future.
    pub(super) fn extend(&mut self, now: Nanos, patience: Duration) -> bool {
        let Self::Pong { at, received, extended, .. } = self else { return false };
        if *received < MIN_ALIVE_BYTES {
            return false;
        }
        let times = now.periods_since(*at, patience).saturating_add(1);
        *at = at.saturating_add(patience.saturating_mul(times));
        *received = 0;
        *extended = extended.saturating_add(u8::try_from(times).unwrap_or(u8::MAX));
        true
    }

    /// Returns the time at which the last Ping was sent, if `payload` is that of its Pong.
    pub(super) fn answered(&self, payload: &[u8], patience: Duration) -> Option<Nanos> {
        match *self {
            Self::Pong { at, number, extended, .. } if payload == number.to_be_bytes() => {
                let waited = patience.saturating_mul(u32::from(extended) + 1);
                Some(at.saturating_sub(waited))
            }
            _ => None,
        }
    }
}
