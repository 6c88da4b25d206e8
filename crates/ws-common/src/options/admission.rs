//! The options of a server that decide which clients it admits.

use std::time::Duration;

use super::ServerOptions;
use crate::TrustedProxies;

impl ServerOptions {
    /// Sets the maximum number of connections, including those in the opening handshake. Further clients
    /// get status 503, or over TLS are disconnected.
    #[must_use]
    pub const fn max_connections(mut self, most: usize) -> Self {
        self.max_connections = Some(most);
        self
    }

    /// Sets the maximum number of connections from one address, including those in the opening handshake.
    /// An IPv6 address counts by its first 64 bits, which usually belong to one customer; a link-local one
    /// counts alone, and one of `64:ff9b::/96` as the IPv4 address in it (RFC 6052). Further clients get status
    /// 429, or over TLS are disconnected.
    #[must_use]
    pub const fn max_connections_per_address(mut self, most: usize) -> Self {
        self.max_connections_per_address = Some(most);
        self
    }

    /// Limits how often one address may connect: `most` times at once, and from then on once in each
    /// `period / most`. Every connection counts, whether it becomes a WebSocket or not; a refused attempt
    /// does not. An IPv6 address counts as for
    /// [`max_connections_per_address`](Self::max_connections_per_address()). Clients beyond the limit get status
    /// 429 with a `Retry-After`, or over TLS are disconnected.
    ///
    /// The server remembers at most 65 536 addresses that have no connection. If more connect within
    /// `period`, it forgets the attempts of all of them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_common::ServerOptions;
    ///
    /// let options = ServerOptions::new()
    ///     .max_connections_per_address(50)
    ///     .max_attempts_per_address(100, Duration::from_secs(60));
    /// ```
    #[must_use]
    pub const fn max_attempts_per_address(mut self, most: u32, period: Duration) -> Self {
        self.max_attempts_per_address = Some((most, period));
        self
    }

    /// Trusts these proxies in front of the server to name their clients. By default, none is trusted, and the
    /// client of a request is its peer.
    ///
    /// The limits for each address then count the address that a proxy names: connections of a trusted proxy
    /// itself do not count.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }
}
