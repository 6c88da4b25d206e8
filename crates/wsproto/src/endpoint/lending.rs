//! Codec states that a loop lends to an endpoint.

use super::Endpoint;
use crate::{DeflateTools, Role};

impl<R: Role> Endpoint<R> {
    /// Lends the codec states for compressed messages, for a turn of a loop or for one call; see
    /// [`Connection::lend_tools`](crate::Connection::lend_tools). Does nothing unless permessage-deflate
    /// is in use.
    #[inline]
    pub fn lend_tools(&mut self, tools: &mut DeflateTools) {
        self.session.lend_tools(tools);
    }

    /// Takes back the codec states that [`lend_tools`](Self::lend_tools) lent.
    #[inline]
    pub fn reclaim_tools(&mut self, tools: &mut DeflateTools) {
        self.session.reclaim_tools(tools);
    }

    /// Returns whether compressed messages are possible, and no codec states are lent for them.
    #[must_use]
    #[inline]
    pub fn wants_tools(&self) -> bool {
        self.session.wants_tools()
    }
}
