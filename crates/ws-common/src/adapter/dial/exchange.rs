//! The exchange between a client and a proxy.

use std::fmt;
use std::time::Duration;

use wsproto::Config;
use wsproto::handshake::Tunnel;
use wsproto::url::WsUrl;

use crate::{Proxy, ProxyError};

/// How long the body of a proxy's refusal may take once its head has arrived.
const BODY_PATIENCE: Duration = Duration::from_secs(1);

/// A `CONNECT` request and the response received so far.
pub(super) struct Exchange {
    tunnel: Tunnel,
    out: Vec<u8>,
    written: usize,
    /// When to stop waiting for the rest of a refusal's body.
    body_until: Option<Duration>,
}

impl Exchange {
    pub(super) fn new(url: &WsUrl, proxy: &Proxy) -> Self {
        let mut out = Vec::new();
        let tunnel = Tunnel::open(url, proxy.headers(), &mut out);
        Self { tunnel, out, written: 0, body_until: None }
    }

    pub(super) const fn body_until(&self) -> Option<Duration> {
        self.body_until
    }

    pub(super) fn pending(&self) -> &[u8] {
        self.out.get(self.written..).unwrap_or_default()
    }

    pub(super) fn wrote(&mut self, len: usize) {
        self.written = self.written.saturating_add(len).min(self.out.len());
    }

    /// Takes a part of the response; an empty slice is the end of the input. Returns whether the tunnel is
    /// open.
    pub(super) fn received(
        &mut self,
        bytes: &[u8],
        now: Duration,
        config: &Config,
    ) -> Result<bool, ProxyError> {
        if bytes.is_empty() {
            return Err(self.tunnel.give_up().into());
        }
        let open = self.tunnel.advance(bytes, config)?;
        if self.tunnel.is_refused() {
            self.body_until.get_or_insert(now.saturating_add(BODY_PATIENCE));
        }
        Ok(open)
    }

    /// Returns the refusal if its head has arrived, with as much of its body as has arrived.
    pub(super) fn refusal(&mut self) -> Option<ProxyError> {
        self.tunnel.is_refused().then(|| self.tunnel.give_up().into())
    }

    /// Returns the refusal if its head has arrived and the time for its body is over.
    pub(super) fn late_refusal(&mut self, late: bool, now: Duration) -> Option<ProxyError> {
        let late = late || self.body_until.is_some_and(|until| now >= until);
        if late { self.refusal() } else { None }
    }
}

/// Omits the credentials and the response.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}
