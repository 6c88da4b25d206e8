//! The negotiated extensions, and the reserved bits they own (RFC 6455 section 5.8).

/// The extensions in use on a connection.
///
/// The engine has no extension of its own yet, so the only value is [`none`](Self::none). The type
/// exists so that reserved bits have an owner from the start: the receiver consults it instead of a
/// constant, and permessage-deflate (RFC 7692) becomes the first owner of RSV1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    rsv1: Option<Rsv1>,
}

/// The extensions that can own RSV1; uninhabited while there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rsv1 {}

impl Extensions {
    /// Returns no extensions: every reserved bit is an error.
    #[must_use]
    pub const fn none() -> Self {
        Self { rsv1: None }
    }

    /// Returns the reserved bits allowed on the first frame of a message, at their position in the
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
