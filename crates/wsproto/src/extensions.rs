//! What the opening handshake negotiated: who owns which reserved bit (RFC 6455 section 5.8).

/// The extensions in use on a connection.
///
/// The engine has no extension of its own yet, so the only value is [`none`](Self::none). It exists
/// so that reserved bits have an owner from the start: the receiver asks here, not a constant, and
/// permessage-deflate (RFC 7692) becomes the first variant of the owner of RSV1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    rsv1: Option<Rsv1>,
}

/// The extensions that can own RSV1; an uninhabited type while there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rsv1 {}

impl Extensions {
    /// No extension: every reserved bit is an error.
    #[must_use]
    pub const fn none() -> Self {
        Self { rsv1: None }
    }

    /// The reserved bits that may be set on the first frame of a message, at their place in the
    /// first byte.
    #[inline]
    #[must_use]
    pub const fn reserved_bits(&self) -> u8 {
        match &self.rsv1 {
            None => 0,
            Some(owner) => match *owner {},
        }
    }
}
