//! The header fields that a handshake reads, gathered in one pass.

use core::str;

use super::Extension;
use super::field::Known;
use super::list::{all_tokens, list_contains};

/// The values of a field that a head can have once.
#[derive(Clone, Copy, Default)]
pub(super) enum Single<'a> {
    #[default]
    Missing,
    Once(&'a [u8]),
    Repeated,
}

impl<'a> Single<'a> {
    fn see(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Missing => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    /// Returns the value; `None` if there is none or several.
    pub(super) const fn value(self) -> Option<&'a [u8]> {
        match self {
            Self::Once(value) => Some(value),
            Self::Missing | Self::Repeated => None,
        }
    }
}

/// The content of the header fields of a request or a response, in any order. Lists may be spread over
/// several fields. Values are ASCII.
#[derive(Default)]
pub(crate) struct Fields<'a> {
    pub(super) host: Single<'a>,
    pub(super) content_length: Single<'a>,
    pub(super) has_transfer_encoding: bool,
    pub(super) upgrade: Single<'a>,
    /// Whether `Upgrade` contains `websocket`.
    pub(super) upgrade_websocket: bool,
    /// Whether `Connection` contains `Upgrade`.
    pub(super) connection_upgrade: bool,
    pub(super) version: Single<'a>,
    pub(super) key: Single<'a>,
    pub(super) accept: Single<'a>,
    pub(super) subprotocol: Single<'a>,
    pub(super) invalid_subprotocol: bool,
    pub(super) has_extensions: bool,
    pub(super) invalid_extension: bool,
}

impl<'a> Fields<'a> {
    pub(crate) fn see(&mut self, field: Known, value: &'a [u8]) {
        match field {
            Known::Host => self.host.see(value),
            Known::ContentLength => self.content_length.see(value),
            Known::TransferEncoding => self.has_transfer_encoding = true,
            Known::Upgrade => {
                self.upgrade.see(value);
                self.upgrade_websocket |= list_contains(value, b"websocket");
            }
            Known::Connection => self.connection_upgrade |= list_contains(value, b"Upgrade"),
            Known::Version => self.version.see(value),
            Known::Key => self.key.see(value),
            Known::Accept => self.accept.see(value),
            Known::Protocol => {
                self.subprotocol.see(value);
                self.invalid_subprotocol |= !all_tokens(value);
            }
            Known::Extensions => {
                self.has_extensions = true;
                let list = str::from_utf8(value).map(Extension::check_list);
                self.invalid_extension |= !matches!(list, Ok(Ok(())));
            }
            Known::Origin => {}
        }
    }
}

impl<'a> FromIterator<(Known, &'a [u8])> for Fields<'a> {
    fn from_iter<I: IntoIterator<Item = (Known, &'a [u8])>>(known: I) -> Self {
        let mut fields = Self::default();
        known.into_iter().for_each(|(field, value)| fields.see(field, value));
        fields
    }
}
