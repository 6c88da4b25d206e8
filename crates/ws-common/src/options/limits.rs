//! Setters of the limits and timeouts that servers and clients share.

use std::sync::Arc;
use std::time::Duration;

use wsproto::{Config, KeepAlive};

use super::ServerOptions;
use crate::ClientOptions;

/// Defines the setters, which change one field of the `config`.
macro_rules! limits {
    ($options:ty) => {
        impl $options {
            fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
                change(Arc::make_mut(&mut self.config));
                self
            }

            /// Sets the longest message to accept, in bytes; see [`Config::max_message_size`].
            #[must_use]
            pub fn max_message_size(self, bytes: u64) -> Self {
                self.with(|config| config.max_message_size = bytes)
            }

            /// Sets the interval of Pings and the time to wait for Pongs; see [`KeepAlive`]. `None` sends no
            /// Pings.
            #[must_use]
            pub fn keep_alive(self, keep_alive: Option<KeepAlive>) -> Self {
                self.with(|config| config.keep_alive = keep_alive)
            }

            /// Sets how many bytes may be unwritten before sending is refused; see
            /// [`Config::high_water_mark`].
            #[must_use]
            pub fn high_water_mark(self, bytes: usize) -> Self {
                self.with(|config| config.high_water_mark = bytes)
            }

            /// Sets the longest payload of a data frame to send, in bytes: longer messages leave in fragments, so
            /// that Pings and Pongs need not wait behind them; see [`Config::fragment_size`]. `None`, the default,
            /// sends each message in one frame. A server answers no Ping while more than the high-water mark of
            /// replies is unwritten, in fragments or not.
            #[must_use]
            pub fn fragment_size(self, bytes: Option<usize>) -> Self {
                self.with(|config| config.fragment_size = bytes)
            }

            /// Sets how many bytes a TCP socket should hold that are not sent yet; see [`Config::max_unsent`]. More
            /// lets large messages leave in fewer writes, and makes Pings wait longer.
            #[must_use]
            pub fn max_unsent(self, bytes: Option<usize>) -> Self {
                self.with(|config| config.max_unsent = bytes)
            }

            /// Sets how long a peer may read nothing, while a server does not read because its replies are
            /// unwritten (see [`Config::write_timeout`]), or while `send` of `ws-std` or `ws-tokio` waits for room.
            #[must_use]
            pub fn write_timeout(self, timeout: Option<Duration>) -> Self {
                self.with(|config| config.write_timeout = timeout)
            }

            /// Sets how long TLS and the opening handshake may take; see [`Config::handshake_timeout`].
            #[must_use]
            pub fn handshake_timeout(self, timeout: Option<Duration>) -> Self {
                self.with(|config| config.handshake_timeout = timeout)
            }

            /// Sets how long the peer may take to answer a Close; see [`Config::close_timeout`].
            #[must_use]
            pub fn close_timeout(self, timeout: Option<Duration>) -> Self {
                self.with(|config| config.close_timeout = timeout)
            }
        }
    };
}

limits!(ServerOptions);
limits!(ClientOptions);
