//! Limits and deadlines.

use core::time::Duration;

use crate::handshake::{AcceptError, Headers};

/// Limits and deadlines of a connection; share one among all connections in an `Arc`.
///
/// Limits are inclusive and count bytes; zero never means "unlimited". Exceeding a limit ends the
/// connection with the close code or HTTP status of its rule, at the first byte beyond the limit
/// and before anything is allocated for it. A timeout of zero expires immediately; `None` disables
/// it.
///
/// ```
/// use std::time::Duration;
///
/// let config = wsproto::Config::new()
///     .max_message_size(1 << 20)
///     .close_timeout(Some(Duration::from_secs(2)));
/// assert_eq!(config.max_message_size, 1 << 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The longest message to accept, all its fragments together, in bytes (RFC 6455 section 10.4).
    /// Beyond it: close code 1009. It also applies to messages handed out in pieces. Default: 64
    /// MiB.
    pub max_message_size: u64,
    /// The longest payload of a single data frame to accept, in bytes. Beyond it: close code 1009.
    /// Default: no limit beyond [`max_message_size`](Self::max_message_size). Memory follows the bytes
    /// received, not the length in a header, so a lower limit saves none.
    pub max_frame_size: u64,
    /// The maximum number of fragments to accept in one message; a message in one frame is always
    /// accepted. Beyond it: close code 1008. Default: 131072, twice the number in the Autobahn test
    /// suite.
    pub max_fragments: u32,
    /// The longest HTTP request or response head to accept, in bytes. Beyond it: status 431, or 414
    /// if the request line alone is longer. Default: 16 KiB.
    pub max_head_size: usize,
    /// The maximum number of header fields to accept in a head. Beyond it: status 431. Default:
    /// 100.
    pub max_headers: usize,
    /// How many bytes to keep of the body of an HTTP response that refuses the upgrade. Default: 16
    /// KiB.
    pub max_body_size: usize,
    /// How long the whole opening handshake may take. Default: 10 s.
    pub handshake_timeout: Option<Duration>,
    /// How long the closing handshake may take. While output is in front of the Close, the time begins anew
    /// with each byte that the peer takes (with an [`Endpoint`](crate::Endpoint)). Default: 10 s. The
    /// transport then lingers for the same time, but at most 2 s.
    pub close_timeout: Option<Duration>,
    /// How many bytes may be unwritten before [`Endpoint::has_room`](crate::Endpoint::has_room)
    /// returns false, and a server stops reading; see [`Endpoint`](crate::Endpoint). Default: 64
    /// KiB.
    pub high_water_mark: usize,
    /// How long a peer may read nothing while a server has stopped reading, because more than
    /// [`high_water_mark`](Self::high_water_mark) bytes of replies are unwritten; then the server
    /// ends the connection. See [`Endpoint`](crate::Endpoint). Default: 10 s.
    pub write_timeout: Option<Duration>,
    /// The longest payload of a data frame to send, in bytes: an [`Endpoint`](crate::Endpoint) sends longer
    /// messages in fragments of this size (RFC 6455 section 5.4), compressed or not, so that Pings and Pongs
    /// leave between two fragments instead of waiting behind the message. Still, a server answers no Ping
    /// during a reply longer than the high-water mark: see [`Endpoint`](crate::Endpoint#fragments). Anything
    /// below 125 counts as 125, the longest payload of a control frame. Peers may limit the number of
    /// fragments, as [`max_fragments`](Self::max_fragments) does. `None` sends each message in one frame.
    /// Default: `None`.
    pub fragment_size: Option<usize>,
    /// How many bytes a TCP socket should hold that it has not sent yet: a Ping or a Close waits behind them. The
    /// adapters set it on Linux and Android (`TCP_NOTSENT_LOWAT`), but not on the sockets of a web server that
    /// hands connections over. The engine itself does not use it. With more, large messages leave in fewer
    /// writes: echoes of 1 MiB take a fifth less processor time with 1 MiB. But a peer that reads slowly is given
    /// up if it takes longer for these bytes than the patience of [`KeepAlive`] or
    /// [`close_timeout`](Self::close_timeout). `None` leaves the system's limit, which may be megabytes. Default:
    /// 128 KiB, which take 6.6 s at 20 KB/s.
    pub max_unsent: Option<usize>,
    /// How to detect that the peer is gone; `None` disables it. Default: off.
    pub keep_alive: Option<KeepAlive>,
    /// Whether a client that offered subprotocols fails the connection if the server selects none,
    /// as browsers do. Default: true.
    pub require_subprotocol: bool,
    /// The header fields of a server's own refusals, such as those of CORS; see
    /// [`refusal_header`](Self::refusal_header). Default: none.
    pub refusal_headers: Headers,
    /// Whether and how to compress messages (permessage-deflate, RFC 7692); `None` offers and
    /// accepts no compression. Default: off, see [`Deflate`](crate::Deflate#security).
    #[cfg(feature = "deflate")]
    pub deflate: Option<crate::Deflate>,
}

/// When to send Pings, and how long to wait for their Pongs.
///
/// A Ping is sent an `interval` after the opening, and after each Pong that answers one, regardless of
/// other traffic. It is answered by the Pong that carries its payload. A peer that is busy sending a
/// long frame is also alive: if at least 4 KiB arrive within a `patience`, the patience restarts. A
/// trickle of single bytes does not count.
///
/// A zero turns the keep-alive off; anything shorter than 10 ms counts as 10 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// The time from the opening, or from the last Pong, to the next Ping.
    pub interval: Duration,
    /// The time from the moment a Ping is sent until its Pong must have arrived. With an
    /// [`Endpoint`](crate::Endpoint), a Ping may wait behind other output: each byte that the peer
    /// takes before the Ping has left restarts the patience.
    pub patience: Duration,
}

impl KeepAlive {
    /// The shortest time that counts.
    const SHORTEST: Duration = Duration::from_millis(10);
    /// A hundred years, so that sums of times are exact.
    const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

    /// Creates a keep-alive.
    #[must_use]
    pub const fn new(interval: Duration, patience: Duration) -> Self {
        Self { interval, patience }
    }

    /// Returns the effective times: `None` if one is zero, otherwise clamped to a sensible range.
    pub(crate) fn in_force(self) -> Option<Self> {
        if self.interval.is_zero() || self.patience.is_zero() {
            return None;
        }
        Some(Self {
            interval: Self::clamped(self.interval),
            patience: Self::clamped(self.patience),
        })
    }

    /// Clamps a time to the effective range.
    pub(crate) fn clamped(time: Duration) -> Duration {
        time.clamp(Self::SHORTEST, Self::LONGEST)
    }
}

impl Config {
    /// Creates the default limits and deadlines.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_message_size: 64 << 20,
            max_frame_size: u64::MAX,
            max_fragments: 1 << 17,
            max_head_size: 16 << 10,
            max_headers: 100,
            max_body_size: 16 << 10,
            handshake_timeout: Some(Duration::from_secs(10)),
            close_timeout: Some(Duration::from_secs(10)),
            high_water_mark: 64 << 10,
            write_timeout: Some(Duration::from_secs(10)),
            fragment_size: None,
            max_unsent: Some(128 << 10),
            keep_alive: None,
            require_subprotocol: true,
            refusal_headers: Headers::new(),
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }

    /// Adds a header field to the responses with which a server itself refuses requests: to those that are
    /// malformed, too large or too late, and to those that the application
    /// [declines](crate::Session::decline). A response that has a field of this name keeps its own.
    ///
    /// ```
    /// let config = wsproto::Config::new()
    ///     .refusal_header("Server", "example")?
    ///     .refusal_header("Access-Control-Allow-Origin", "*")?;
    /// # Ok::<(), wsproto::handshake::AcceptError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AcceptError::ReservedHeader`] if the field belongs to the handshake or to the framing of the
    /// response: `Connection`, `Content-Length`, `Transfer-Encoding`, `Upgrade`, and all that begin with
    /// `Sec-WebSocket-`. [`AcceptError::InvalidHeader`] if it cannot appear in a head.
    pub fn refusal_header(
        mut self,
        name: &str,
        value: impl AsRef<[u8]>,
    ) -> Result<Self, AcceptError> {
        self.refusal_headers.push_own(name, value)?;
        Ok(self)
    }
}

setters! { Config:
    max_message_size: u64,
    max_frame_size: u64,
    max_fragments: u32,
    max_head_size: usize,
    max_headers: usize,
    max_body_size: usize,
    handshake_timeout: Option<Duration>,
    close_timeout: Option<Duration>,
    high_water_mark: usize,
    write_timeout: Option<Duration>,
    fragment_size: Option<usize>,
    max_unsent: Option<usize>,
    keep_alive: Option<KeepAlive>,
    require_subprotocol: bool,
}

#[cfg(feature = "deflate")]
setters! { Config:
    deflate: Option<crate::Deflate>,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
