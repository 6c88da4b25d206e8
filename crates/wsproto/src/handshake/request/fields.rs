//! The header fields of a request that the handshake reads, gathered in one pass.

use super::super::field::Known;
use super::super::list::{elements, is_token, list_contains};
use crate::handshake::Extension;

/// The values of a field that a request can have once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Single<'a> {
    #[default]
    Missing,
    Once(&'a str),
    Repeated,
}

impl<'a> Single<'a> {
    fn see(&mut self, value: &'a str) {
        *self = match self {
            Self::Missing => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    /// Returns the value; `None` if there is none or several.
    pub(super) const fn value(self) -> Option<&'a str> {
        match self {
            Self::Once(value) => Some(value),
            Self::Missing | Self::Repeated => None,
        }
    }
}

/// What the header fields say, whatever their order. Lists may be spread over several fields.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) host: Single<'a>,
    pub(super) content_length: Single<'a>,
    pub(super) has_transfer_encoding: bool,
    /// Whether `Upgrade` contains `websocket`.
    pub(super) asks_for_websocket: bool,
    /// Whether `Connection` contains `Upgrade`.
    pub(super) connection_upgrade: bool,
    pub(super) version: Single<'a>,
    pub(super) key: Single<'a>,
    pub(super) invalid_subprotocol: bool,
    pub(super) invalid_extension: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn see(&mut self, field: Known, value: &'a str) {
        match field {
            Known::Host => self.host.see(value),
            Known::ContentLength => self.content_length.see(value),
            Known::TransferEncoding => self.has_transfer_encoding = true,
            Known::Upgrade => self.asks_for_websocket |= list_contains(value, "websocket"),
            Known::Connection => self.connection_upgrade |= list_contains(value, "Upgrade"),
            Known::Version => self.version.see(value),
            Known::Key => self.key.see(value),
            Known::Protocol => self.invalid_subprotocol |= !elements(value).all(is_token),
            Known::Extensions => self.invalid_extension |= Extension::check_list(value).is_err(),
            Known::Accept | Known::Origin => {}
        }
    }
}

impl<'a> FromIterator<(Known, &'a str)> for Fields<'a> {
    fn from_iter<I: IntoIterator<Item = (Known, &'a str)>>(known: I) -> Self {
        let mut fields = Self::default();
        known.into_iter().for_each(|(field, value)| fields.see(field, value));
        fields
    }
}
