//! The negotiated extensions, and the reserved bits they own (RFC 6455 section 5.8).

use crate::handshake::Agreed;
#[cfg(feature = "deflate")]
use crate::handshake::DeflateAgreed;

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

    /// Takes the engine's own extensions out of the result of a handshake.
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
