//! Limits and deadlines.

use core::time::Duration;

/// Limits and deadlines of a connection; share one among all of them in an `Arc`.
///
/// Limits are inclusive, count bytes, and none of them means "unlimited" at zero. A limit that is
/// exceeded ends the connection with the close code or HTTP status of its rule, at the first byte
/// that exceeds it and before anything is allocated for it.
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
    /// The longest message to accept, all its fragments together, in bytes (RFC 6455 section
    /// 10.4). Beyond it: close code 1009. It holds for messages handed out in pieces, too. Default:
    /// 64 MiB.
    pub max_message_size: u64,
    /// The longest payload of a single data frame to accept, in bytes. Beyond it: close code 1009.
    /// Default: no other than that on messages. Nothing is reserved because a header announces it,
    /// so that a limit saves no memory.
    pub max_frame_size: u64,
    /// The most fragments to accept in one message; a message of one frame is always accepted.
    /// Beyond it: close code 1008. Default: 131072, twice what Autobahn's test suite sends.
    pub max_fragments: u32,
    /// The longest HTTP request or response head to accept, in bytes. Beyond it: status 431, or
    /// 414 if it is the request target that does not end. Default: 16 KiB.
    pub max_head_size: usize,
    /// The most header fields to accept in a head. Beyond it: status 431. Default: 100.
    pub max_headers: usize,
    /// The most bytes of the body to keep of an HTTP response that refuses the upgrade. Default:
    /// 16 KiB.
    pub max_body_size: usize,
    /// How long the whole opening handshake may take. Default: 10 s.
    pub handshake_timeout: Option<Duration>,
    /// How long the closing handshake may take. Default: 10 s. The transport then lingers for as long,
    /// but at most 2 s.
    pub close_timeout: Option<Duration>,
    /// How many bytes may wait for the peer before more is refused, or nothing more is read; see
    /// [`Endpoint`](crate::Endpoint). Default: 64 KiB.
    pub high_water_mark: usize,
    /// How long a server's peer may take no byte of what it is owed, while that keeps the server from
    /// reading, before it is given up; see [`Endpoint`](crate::Endpoint). Default: 10 s.
    pub write_timeout: Option<Duration>,
    /// Whether and how to find out that the peer is gone. Default: off.
    pub keep_alive: Option<KeepAlive>,
    /// Whether a client that offered subprotocols fails the connection if the server selects none,
    /// as browsers do. Default: true.
    pub require_subprotocol: bool,
}

/// When to send Pings, and how long to wait for their answers.
///
/// A Ping goes out at every `interval`, whatever else is sent or received. The Pong that carries the
/// payload of the newest Ping answers it. A peer that is busy with a long frame is alive, too: if at
/// least 4 KiB arrive in a `patience`, another one begins. A trickle of single bytes does not count.
///
/// A zero turns the keep-alive off; anything shorter than 10 ms counts as 10 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// From the opening, or the last answer, to the next Ping.
    pub interval: Duration,
    /// From the moment a Ping has left to its Pong. With an [`Endpoint`](crate::Endpoint), a Ping that
    /// waits behind other output has not left, and each byte the peer takes begins the patience anew.
    pub patience: Duration,
}

impl KeepAlive {
    const SHORTEST: Duration = Duration::from_millis(10);

    /// Makes a keep-alive.
    #[must_use]
    pub const fn new(interval: Duration, patience: Duration) -> Self {
        Self { interval, patience }
    }

    /// Returns what is kept to: `None` for a zero, and no time that is too short to be meant.
    pub(crate) fn in_force(self) -> Option<Self> {
        if self.interval.is_zero() || self.patience.is_zero() {
            return None;
        }
        let (interval, patience) =
            (self.interval.max(Self::SHORTEST), self.patience.max(Self::SHORTEST));
        Some(Self { interval, patience })
    }
}

impl Config {
    /// Makes the default limits and deadlines.
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
            keep_alive: None,
            require_subprotocol: true,
        }
    }
}

/// Defines a setter for each field, which chain.
macro_rules! setters {
    ($($field:ident: $type:ty),* $(,)?) => {
        impl Config {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](#structfield.", stringify!($field), ").")]
                #[must_use]
                pub const fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}

setters! {
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
    keep_alive: Option<KeepAlive>,
    require_subprotocol: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
