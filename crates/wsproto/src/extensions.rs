//! The negotiated extensions, and the reserved bits they own (RFC 6455 section 5.8).

use crate::Config;
#[cfg(feature = "deflate")]
use crate::handshake::DeflateAgreed;
use crate::handshake::{Agreed, Extension, Request};

/// The extensions in use on a connection: the result of the negotiation in its opening handshake.
///
/// With the feature `deflate`, permessage-deflate (RFC 7692) can own RSV1. Without it, the only
/// value is [`none`](Self::none).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    #[cfg(feature = "deflate")]
    deflate: Option<DeflateAgreed>,
}

impl Extensions {
    /// Returns no extensions: every reserved bit is an error.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }

    /// Returns the reserved bits allowed on the first frame of a message, at their position in the
    /// first byte.
    #[inline]
    #[must_use]
    pub const fn reserved_bits(&self) -> u8 {
        #[cfg(feature = "deflate")]
        if self.deflate.is_some() {
            return crate::deflate::RSV1;
        }
        0
    }

    /// Chooses the extensions of a server's connection; returns them, and the element of the
    /// response.
    pub(crate) fn negotiate(request: &Request, config: &Config) -> (Self, Option<Extension>) {
        #[cfg(feature = "deflate")]
        if let Some(wish) = &config.deflate
            && let Some((agreed, answer)) = DeflateAgreed::negotiate(request, wish)
        {
            return (agreed.into(), Some(answer));
        }
        let _ = (request, config);
        (Self::none(), None)
    }

    /// Takes the extensions of a client's connection out of the result of its handshake.
    pub(crate) fn take(agreed: &mut Agreed) -> Self {
        let _ = &agreed;
        Self {
            #[cfg(feature = "deflate")]
            deflate: agreed.deflate.take(),
        }
    }

    /// Returns the parameters of permessage-deflate, if it is in use.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn deflate(&self) -> Option<DeflateAgreed> {
        self.deflate
    }
}

/// permessage-deflate with these parameters, and nothing else.
#[cfg(feature = "deflate")]
impl From<DeflateAgreed> for Extensions {
    fn from(agreed: DeflateAgreed) -> Self {
        Self { deflate: Some(agreed) }
    }
}
