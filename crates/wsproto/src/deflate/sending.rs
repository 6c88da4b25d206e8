//! The state of the sending half of a connection for compressed messages.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::mem;

use super::deflater::{Deflater, Stamp, Then};
use super::ring::Ring;
use super::{Compress, DeflateTools, TAIL, WindowBits};
use crate::{Config, Extensions, PreparedMessage, Role};

/// The state of sending compressed messages; without the extension, nothing.
#[derive(Debug)]
pub(crate) struct Sending(Option<Box<Deflating>>);

#[derive(Debug)]
struct Deflating {
    /// The last bytes of the sent messages, to which a message may refer.
    window: Ring,
    takeover: bool,
    own_states: bool,
    /// Whether a loop lends its compressors at the moment; if not, one is made for each message.
    lent: bool,
    /// Whether the message that is sent in fragments is compressed.
    fragmenting: bool,
    compress: Compress,
    level: u8,
    threshold: usize,
    now: Stamp,
    deflater: Option<Box<Deflater>>,
}

/// A compressed message or fragment, in the buffer of a compressor.
pub(crate) type Deflated<'a> = &'a [u8];

impl Sending {
    pub(crate) fn new<R: Role>(extensions: &Extensions, config: &Config) -> Self {
        let Some(agreed) = extensions.deflate() else { return Self(None) };
        let wish = config.deflate.unwrap_or_default();
        let own = if R::SERVER { agreed.server } else { agreed.client };
        Self(Some(Box::new(Deflating {
            // The peer may allow a larger window than the configuration; use the smaller one.
            window: Ring::new(own.window.min(wish.window)),
            takeover: own.takeover && wish.takeover,
            own_states: wish.own_states,
            lent: false,
            fragmenting: false,
            compress: Compress::Auto,
            level: wish.level.clamp(1, 9),
            threshold: wish.threshold,
            now: Stamp::new(),
            deflater: None,
        })))
    }

    /// Returns whether a message of `len` bytes may be compressed.
    #[inline]
    pub(crate) fn wants(&self, len: usize) -> bool {
        self.0.as_ref().is_some_and(|deflating| deflating.wants(len))
    }

    pub(crate) fn set_compress(&mut self, compress: Compress) -> Compress {
        match &mut self.0 {
            Some(deflating) => mem::replace(&mut deflating.compress, compress),
            None => compress,
        }
    }

    pub(crate) fn lend(&mut self, tools: &mut DeflateTools) {
        if let Some(deflating) = &mut self.0
            && !deflating.own_states
        {
            deflating.lent = true;
            if deflating.deflater.is_none() {
                let bits = deflating.window.window().bits();
                deflating.deflater = tools.take_deflater(deflating.level, bits);
            }
        }
    }

    pub(crate) fn reclaim(&mut self, tools: &mut DeflateTools) {
        if let Some(deflating) = &mut self.0
            && mem::take(&mut deflating.lent)
            && let Some(deflater) = deflating.deflater.take()
        {
            tools.put_deflater(deflater);
        }
    }

    /// Compresses a message, and passes the result to `send`. Returns `false`, without a call, if the
    /// result would not be shorter.
    pub(crate) fn message(&mut self, payload: &[u8], send: impl FnOnce(Deflated<'_>)) -> bool {
        match &mut self.0 {
            Some(deflating) if deflating.wants(payload.len()) => deflating.message(payload, send),
            _ => false,
        }
    }

    /// Takes the compressed form of a prepared message, as [`message`](Self::message) does.
    pub(crate) fn prepared(
        &mut self,
        message: &PreparedMessage,
        send: impl FnOnce(&Arc<[u8]>),
    ) -> bool {
        match &mut self.0 {
            Some(deflating) if deflating.wants(message.payload().len()) => {
                deflating.prepared(message, send)
            }
            _ => false,
        }
    }

    /// Decides on the first of several fragments. Returns whether all of them are compressed.
    pub(crate) fn begin_fragments(&mut self) -> bool {
        let Some(deflating) = &mut self.0 else { return false };
        // The first fragment may be short, or empty, and the message long.
        deflating.fragmenting = deflating.wants(usize::MAX);
        deflating.fragmenting
    }

    /// Returns whether the message that is sent in fragments is compressed.
    pub(crate) fn is_fragmenting(&self) -> bool {
        self.0.as_ref().is_some_and(|deflating| deflating.fragmenting)
    }

    /// Compresses a fragment, and passes it to `send`.
    pub(crate) fn fragment(&mut self, payload: &[u8], fin: bool, send: impl FnOnce(Deflated<'_>)) {
        if let Some(deflating) = &mut self.0 {
            deflating.fragment(payload, fin, send);
        }
    }
}

impl Deflating {
    #[inline]
    fn wants(&self, len: usize) -> bool {
        let least = match self.compress {
            Compress::Auto => self.threshold.max(1),
            Compress::Always => 1,
            Compress::Never => return false,
        };
        // The backend has no window of 256 bytes. To compress nothing is legal.
        len >= least && self.window.window() > WindowBits::MIN
    }

    /// Takes out a compressor in the state after the bytes of the window.
    fn take(&mut self) -> Box<Deflater> {
        let bits = self.window.window().bits();
        let deflater = self.deflater.take();
        let mut deflater = deflater.unwrap_or_else(|| Box::new(Deflater::new(self.level, bits)));
        if self.takeover || self.fragmenting {
            deflater.load(&self.window, self.now);
        } else {
            deflater.clear();
        }
        deflater
    }

    fn put(&mut self, mut deflater: Box<Deflater>) {
        if self.lent || self.own_states {
            deflater.shrink();
            self.deflater = Some(deflater);
        }
    }

    fn message(&mut self, payload: &[u8], send: impl FnOnce(Deflated<'_>)) -> bool {
        let mut deflater = self.take();
        let most = payload.len().saturating_add(TAIL.len() - 1);
        let then = if self.takeover { Then::Remember } else { Then::Forget };
        let deflated = deflater.compress(payload, most, then);
        let sent = match deflated.and_then(|bytes| bytes.strip_suffix(&TAIL)) {
            Some(bytes) => {
                send(bytes);
                true
            }
            None => false,
        };
        if sent && self.takeover {
            self.window.push(payload);
            self.now.advance();
            deflater.mark(self.now);
        }
        self.put(deflater);
        sent
    }

    fn prepared(&mut self, message: &PreparedMessage, send: impl FnOnce(&Arc<[u8]>)) -> bool {
        let bits = self.window.window();
        let deflated = message.deflated(bits, |payload| {
            let fresh = || Box::new(Deflater::new(self.level, bits.bits()));
            let mut deflater = self.deflater.take().unwrap_or_else(fresh);
            deflater.clear();
            let most = payload.len().saturating_add(TAIL.len() - 1);
            let bytes = deflater.compress(payload, most, Then::Forget);
            let bytes = bytes.and_then(|bytes| bytes.strip_suffix(&TAIL)).map(Into::into);
            self.put(deflater);
            bytes
        });
        let Some(bytes) = deflated else { return false };
        send(bytes);
        if self.takeover {
            // The receiver keeps it, although no compressor has seen it.
            self.window.push(message.payload());
            self.now.advance();
        }
        true
    }

    fn fragment(&mut self, payload: &[u8], fin: bool, send: impl FnOnce(Deflated<'_>)) {
        if payload.is_empty() {
            // The end of an empty block, of which the receiver appends the rest.
            send(if fin { &[0] } else { &[] });
        } else {
            let mut deflater = self.take();
            let bytes = deflater.compress(payload, usize::MAX, Then::Remember).unwrap_or_default();
            send(if fin { bytes.strip_suffix(&TAIL).unwrap_or(bytes) } else { bytes });
            self.window.push(payload);
            self.now.advance();
            deflater.mark(self.now);
            self.put(deflater);
        }
        if fin {
            self.fragmenting = false;
            if !self.takeover {
                self.window.clear();
                self.now.advance();
            }
        }
    }
}
