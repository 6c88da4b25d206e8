//! The exchange between a client and a proxy.

use std::fmt;
use std::time::Duration;

use wsproto::Config;
use wsproto::handshake::Tunnel;
use wsproto::url::WsUrl;

use super::socks::Socks;
#[cfg(feature = "tls")]
use crate::adapter::tls::TlsState;
use crate::proxy::ProxyKind;
use crate::{Proxy, ProxyError};

/// How long the body of a proxy's refusal may take once its head has arrived.
const BODY_PATIENCE: Duration = Duration::from_secs(1);

/// A request for a tunnel, and the response received so far.
pub(super) struct Exchange {
    protocol: Protocol,
    /// TLS with the proxy.
    #[cfg(feature = "tls")]
    tls: Option<TlsState>,
    /// The bytes to write to the socket, of which the first `written` are written.
    out: Vec<u8>,
    written: usize,
    /// When to stop waiting for the rest of a refusal's body.
    body_until: Option<Duration>,
    /// Whether the proxy has opened the tunnel.
    open: bool,
}

/// The protocol of the proxy.
enum Protocol {
    Connect(Tunnel),
    Socks(Socks),
}

impl Protocol {
    /// Takes bytes from the proxy, and appends those to send next. Returns whether the tunnel is open.
    fn advance(
        &mut self,
        input: &[u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<bool, ProxyError> {
        match self {
            Self::Connect(tunnel) => Ok(tunnel.advance(input, config)?),
            Self::Socks(socks) => socks.advance(input, out),
        }
    }
}

impl Exchange {
    /// Begins an exchange.
    pub(super) fn new(url: &WsUrl, proxy: &Proxy) -> Result<Self, ProxyError> {
        let mut out = Vec::new();
        let protocol = match proxy.kind() {
            ProxyKind::Socks5 => Protocol::Socks(Socks::open(url, proxy, &mut out)),
            _ => Protocol::Connect(Tunnel::open(url, &proxy.connect_headers(), &mut out)),
        };
        let mut exchange = Self {
            protocol,
            #[cfg(feature = "tls")]
            tls: proxy.begin_tls()?.map(|tls| TlsState::new(tls.into())),
            out: Vec::new(),
            written: 0,
            body_until: None,
            open: false,
        };
        exchange.push(out)?;
        Ok(exchange)
    }

    /// Queues bytes for the proxy, encrypted if it speaks TLS.
    fn push(&mut self, bytes: Vec<u8>) -> Result<(), ProxyError> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.encrypt(&bytes, &mut self.out).map_err(ProxyError::Tls);
        }
        self.out.extend(bytes);
        Ok(())
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

    /// Returns whether the tunnel is open and everything is written.
    pub(super) fn is_done(&self) -> bool {
        self.open && self.pending().is_empty()
    }

    /// Takes bytes from the socket; an empty slice is the end of the input.
    pub(super) fn received(
        &mut self,
        bytes: &[u8],
        now: Duration,
        config: &Config,
    ) -> Result<(), ProxyError> {
        if bytes.is_empty() {
            return Err(self.end());
        }
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return self.received_tls(bytes, now, config);
        }
        self.advance(bytes, now, config)
    }

    /// Decrypts bytes from the socket, and takes them.
    #[cfg(feature = "tls")]
    fn received_tls(
        &mut self,
        mut bytes: &[u8],
        now: Duration,
        config: &Config,
    ) -> Result<(), ProxyError> {
        let mut plaintext = [0; 4096];
        loop {
            let Some(tls) = &mut self.tls else { return Ok(()) };
            match tls.read(&mut plaintext).map_err(ProxyError::Tls)? {
                Some(0) => return Err(self.end()),
                Some(read) => {
                    self.advance(plaintext.get(..read).unwrap_or_default(), now, config)?;
                }
                None if bytes.is_empty() => return Ok(()),
                None => {
                    tls.receive(&mut bytes, &mut self.out).map_err(ProxyError::Tls)?;
                }
            }
        }
    }

    fn advance(&mut self, input: &[u8], now: Duration, config: &Config) -> Result<(), ProxyError> {
        if self.open {
            return Err(ProxyError::Excess);
        }
        let mut next = Vec::new();
        self.open = self.protocol.advance(input, config, &mut next)?;
        if !next.is_empty() {
            self.push(next)?;
        }
        if self.is_refused() {
            self.body_until.get_or_insert(now.saturating_add(BODY_PATIENCE));
        }
        Ok(())
    }

    fn is_refused(&self) -> bool {
        matches!(&self.protocol, Protocol::Connect(tunnel) if tunnel.is_refused())
    }

    /// Returns the error at the end of the input.
    fn end(&mut self) -> ProxyError {
        match &mut self.protocol {
            Protocol::Connect(tunnel) => tunnel.give_up().into(),
            Protocol::Socks(_) => ProxyError::EndOfInput,
        }
    }

    /// Returns the refusal if its head has arrived, with as much of its body as has arrived.
    pub(super) fn refusal(&mut self) -> Option<ProxyError> {
        self.is_refused().then(|| self.end())
    }

    /// Returns the refusal if its head has arrived and the time for its body is over.
    pub(super) fn late_refusal(&mut self, late: bool, now: Duration) -> Option<ProxyError> {
        let late = late || self.body_until.is_some_and(|until| now >= until);
        if late { self.refusal() } else { None }
    }

    /// Returns the state of TLS with the proxy, once the tunnel is open.
    #[cfg(feature = "tls")]
    pub(super) fn into_tls(self) -> Option<TlsState> {
        self.tls
    }
}

/// Omits the credentials and the response.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}
