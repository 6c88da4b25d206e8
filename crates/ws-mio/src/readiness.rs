//! The readiness of a stream: what events, reads and writes have shown.

/// Whether a short read or write of a TCP socket is followed by an event: epoll and kqueue report every
/// change. Elsewhere, `mio` waits for an event only after `WouldBlock`.
pub(crate) const EDGES: bool = cfg!(any(
    target_vendor = "apple",
    target_os = "android",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "illumos",
    target_os = "linux",
    target_os = "netbsd",
    target_os = "openbsd",
));

/// The readiness of a stream, as known from edge-triggered events and from its own reads and writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    /// Whether a read may succeed.
    pub(crate) readable: bool,
    /// Whether an event has announced the end of the stream or an error. No further event follows, so keep
    /// reading until a read returns it.
    pub(crate) ending: bool,
    /// Whether the last write would have blocked, and no event has announced room since.
    pub(crate) blocked: bool,
    /// Whether the writing side is shut down.
    pub(crate) shut: bool,
}

impl Readiness {
    /// Before the first read and write.
    pub(crate) const NEW: Self =
        Self { readable: true, ending: false, blocked: false, shut: false };
}
