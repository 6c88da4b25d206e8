//! The configuration of compression.

use core::str::FromStr;

use super::WindowBits;

/// How a connection compresses (permessage-deflate, RFC 7692), and its requests to its peer.
///
/// A server accepts it if the client offers it; a client offers it. Turn it on with
/// [`Config::deflate`](crate::Config::deflate):
///
/// ```
/// use wsproto::{Config, Deflate};
///
/// let config = Config::new().deflate(Some(Deflate::new()));
/// ```
///
/// # Memory
///
/// With *takeover*, a message can refer to the messages before it, so each end keeps a window of
/// them: at most 2^`window` bytes, and no more than was sent or received. Without takeover, an idle
/// connection keeps nothing. The states of the codec (some 110 KB to inflate and 400 KB to deflate)
/// belong to the loop, which [lends](crate::Connection::lend_tools) them; without a lender they are
/// made for each message. [`dense`](Self::dense) connections own theirs instead.
///
/// # Security
///
/// A message that contains a secret *and* text that a stranger chose tells by its length how
/// similar they are (the attacks CRIME and BREACH); with takeover, so do messages of one
/// connection. Do not compress such messages: set [`Compress::Never`] for them, send them with
/// [`Endpoint::send_plain_text`](crate::Endpoint::send_plain_text), or with `send_plain` of an adapter.
/// Compression is therefore off by default.
///
/// Whatever a peer sends, a message never inflates to more than
/// [`Config::max_message_size`](crate::Config::max_message_size) bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deflate {
    /// How much work to spend, 1 (fast) to 9 (small); other values count as the nearest. Default:
    /// 2.
    pub level: u8,
    /// Messages with fewer bytes are sent uncompressed. Default: 64.
    pub threshold: usize,
    /// The largest window for the messages that this end sends. Default: 12, which is 4 KiB.
    pub window: WindowBits,
    /// Whether a message that this end sends may refer to earlier ones. Default: true.
    pub takeover: bool,
    /// The window asked of the peer, if it can be asked: browsers other than Chromium cannot.
    /// Default: 12.
    pub peer_window: WindowBits,
    /// Whether a message that the peer sends may refer to earlier ones. Default: `None`, which means
    /// no at a server (whose clients then cost it nothing while they are idle) and yes at a client.
    pub peer_takeover: Option<bool>,
    /// Whether each connection owns its codec states, instead of borrowing them. Default: false.
    pub own_states: bool,
}

/// Which messages to compress; see [`Sender::set_compress`](crate::Sender::set_compress).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compress {
    /// Those of at least [`Deflate::threshold`] bytes.
    #[default]
    Auto,
    /// None.
    Never,
    /// All but empty ones. A message that would not become shorter is sent as it is.
    Always,
}

impl Deflate {
    /// Compresses with takeover, in a window of 4 KiB; a server keeps nothing of received messages.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            level: 2,
            threshold: 64,
            window: WindowBits::DEFAULT,
            takeover: true,
            peer_window: WindowBits::DEFAULT,
            peer_takeover: None,
            own_states: false,
        }
    }

    /// Compresses each message for itself, in both directions: idle connections keep nothing.
    #[must_use]
    pub const fn frugal() -> Self {
        Self {
            window: WindowBits::MAX,
            takeover: false,
            peer_window: WindowBits::MAX,
            peer_takeover: Some(false),
            ..Self::new()
        }
    }

    /// Compresses with takeover in windows of 32 KiB in both directions; each connection owns its
    /// codec states, some 520 KB once it has sent and received. For few connections.
    #[must_use]
    pub const fn dense() -> Self {
        Self {
            window: WindowBits::MAX,
            peer_window: WindowBits::MAX,
            peer_takeover: Some(true),
            own_states: true,
            ..Self::new()
        }
    }

    /// Returns whether a server, or a client, allows its peer takeover.
    pub(crate) const fn allows_takeover(&self, server: bool) -> bool {
        match self.peer_takeover {
            Some(allowed) => allowed,
            None => !server,
        }
    }
}

setters! { Deflate:
    level: u8,
    threshold: usize,
    window: WindowBits,
    takeover: bool,
    peer_window: WindowBits,
    peer_takeover: Option<bool>,
    own_states: bool,
}

/// The name is not that of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("want new, frugal or dense")]
pub struct UnknownDeflate;

/// Reads the name of a configuration, for command lines: `new`, `frugal` or `dense`.
impl FromStr for Deflate {
    type Err = UnknownDeflate;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "new" => Ok(Self::new()),
            "frugal" => Ok(Self::frugal()),
            "dense" => Ok(Self::dense()),
            _ => Err(UnknownDeflate),
        }
    }
}

impl Default for Deflate {
    fn default() -> Self {
        Self::new()
    }
}
