//! Header fields: case-insensitive names, which may be repeated, and values that are bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, iter, str};

use super::AcceptError;
use super::field::{Field, InvalidFields, Known, known, take_field};
use super::fields::Fields;
use super::list::{is_token, is_token_byte, trim_space};
use super::response::encode_field;
use super::text::text_len;
use crate::redacted::RedactedValue;

/// The header fields that concern one connection of HTTP/1, and make a message malformed in later
/// versions (RFC 9113 section 8.2.2).
const CONNECTION_SPECIFIC: [&str; 5] =
    ["Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"];

/// Returns whether HTTP/2 and HTTP/3 do not have the field.
pub(super) fn is_connection_specific(name: &str) -> bool {
    CONNECTION_SPECIFIC.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// Returns whether an application may not set the field.
pub(super) fn is_reserved(name: &str) -> bool {
    Known::of(name.as_bytes()).is_some_and(Known::is_reserved)
}

/// A header field that cannot be sent. It does not include the value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidHeader {
    /// The name is empty or contains a character not allowed in a token (RFC 9110 section 5.6.2).
    /// The name is given up to and including that character.
    #[error("a header name cannot be empty, or begin with {0:?}")]
    Name(String),
    /// The value of the field with this name contains a control character, such as CR or LF.
    #[error("the value of the header {0:?} has a character that it cannot have")]
    Value(String),
}

/// Header fields in order.
///
/// Values are bytes, which need not be ASCII (RFC 9110 section 5.5); [`get`](Self::get) and
/// [`get_all`](Self::get_all) return only those that are UTF-8. Values that the handshake itself
/// reads are always ASCII.
#[derive(Clone, Default)]
pub struct Headers {
    /// The fields from `start` on, each a line that ends with CR LF; before them, for example, the first line
    /// of a head.
    bytes: Vec<u8>,
    /// The index at which the fields begin.
    start: usize,
    /// The number of fields.
    len: usize,
}

impl Headers {
    /// Creates an empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, len: 0 }
    }

    /// Parses the lines of a head from `start`, the end of its first line, and keeps a copy of the head
    /// without its empty line. Calls `see` with the fields that a handshake reads, in order. Also returns
    /// how many bytes the head has, with its empty line.
    ///
    /// # Errors
    ///
    /// [`InvalidFields`] if a line is not a header field, or a field that the handshake reads is
    /// not ASCII.
    pub(super) fn parse<'a>(
        head: &'a [u8],
        start: usize,
        mut see: impl FnMut(Known, &'a [u8]),
    ) -> Result<(Self, usize), InvalidFields> {
        /// The empty line.
        const END: &[u8] = b"\r\n";

        let mut rest = head.get(start..).unwrap_or_default();
        let (mut len, mut ascii) = (0, Ok(()));
        while let Some((name, value)) = take_field(&mut rest)? {
            len += 1;
            match known(name, value) {
                Ok(None) => {}
                Ok(Some((field, value))) => see(field, value),
                // A malformed line further down is the graver error.
                Err(error) => ascii = ascii.and(Err(error)),
            }
        }
        ascii?;
        let (fields, _) = head.split_at(head.len() - rest.len());
        Ok((Self { bytes: fields.to_vec(), start, len }, fields.len() + END.len()))
    }

    /// Collects fields that other code has parsed, after the bytes `before`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub(super) fn from_fields<N: AsRef<str>, V: AsRef<[u8]>>(
        before: Vec<u8>,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, InvalidFields> {
        let mut headers = Self { start: before.len(), bytes: before, len: 0 };
        for (name, value) in fields {
            let (name, value) = (name.as_ref(), value.as_ref());
            known(name.as_bytes(), value)?;
            headers.push(name, value).map_err(|_| InvalidFields::Malformed)?;
        }
        Ok(headers)
    }

    /// Returns the bytes in front of the fields.
    pub(super) fn before(&self) -> &[u8] {
        self.bytes.get(..self.start).unwrap_or_default()
    }

    /// Gathers the fields that a handshake reads.
    ///
    /// # Errors
    ///
    /// [`InvalidFields::NonAscii`], which a head that was parsed does not have.
    pub(super) fn known(&self) -> Result<Fields<'_>, InvalidFields> {
        self.fields().filter_map(|(name, value)| known(name, value).transpose()).collect()
    }

    /// Returns all fields in order. Each was checked before.
    fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let mut rest = self.bytes.get(self.start..).unwrap_or_default();
        iter::from_fn(move || take_field(&mut rest).ok().flatten())
    }

    /// Appends a field; white space around the value is removed.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] if the name or value is not allowed in a head.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), InvalidHeader> {
        if !is_token(name) {
            return Err(InvalidHeader::Name(up_to_first(name, |c| !is_token_char(c))));
        }
        let value = checked(name, value.as_ref())?;
        encode_field(name, value, &mut self.bytes);
        self.len += 1;
        Ok(())
    }

    /// Appends a field of the application to a response that the engine makes.
    ///
    /// # Errors
    ///
    /// [`AcceptError::ReservedHeader`] or [`AcceptError::InvalidHeader`].
    pub(crate) fn push_own(
        &mut self,
        name: &str,
        value: impl AsRef<[u8]>,
    ) -> Result<(), AcceptError> {
        const PREFIX: &[u8] = b"Sec-WebSocket-";
        let prefix = name.as_bytes().get(..PREFIX.len());
        if is_reserved(name) || prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX)) {
            return Err(AcceptError::ReservedHeader(name.into()));
        }
        Ok(self.push(name, value)?)
    }

    /// Returns the value of the first field with that name, if the value is UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_bytes(name).and_then(|value| str::from_utf8(value).ok())
    }

    /// Returns the values of all fields with that name that are UTF-8, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.get_all_bytes(name).filter_map(|value| str::from_utf8(value).ok())
    }

    /// Returns the value of the first field with that name.
    #[must_use]
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.get_all_bytes(name).next()
    }

    /// Returns the values of all fields with that name, in order.
    pub fn get_all_bytes<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.fields().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| value)
    }

    /// Returns all fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields().map(|(name, value)| (str::from_utf8(name).unwrap_or_default(), value))
    }

    /// Returns the number of fields.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no fields.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the value of the only field with that name: `None` if there is none or several, or
    /// if it is not UTF-8.
    pub(super) fn only(&self, name: &str) -> Option<&str> {
        self.only_bytes(name).and_then(|value| str::from_utf8(value).ok())
    }

    /// Returns the value of the only field with that name: `None` if there is none or several.
    pub(super) fn only_bytes(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.get_all_bytes(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// Returns the name of a field that HTTP/2 and HTTP/3 do not have, if there is one.
    pub(super) fn connection_specific(&self) -> Option<&'static str> {
        CONNECTION_SPECIFIC.into_iter().find(|name| self.get_bytes(name).is_some())
    }

    /// Returns how many bytes the fields have, with the ends of their lines.
    pub(super) const fn size(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Appends all fields to `out`, each ended by CR LF.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            encode_field(name, value, out);
        }
    }
}

/// Two are equal if they have the same fields in the same order, with names in the same case.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

/// Shows names and values; hides secret values, and queries of URLs.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| (name, RedactedValue { name, value }));
        f.debug_list().entries(shown).finish()
    }
}

/// Removes the white space around a value.
///
/// # Errors
///
/// [`InvalidHeader::Value`], with the name of the field, if the value contains a control character.
pub(super) fn checked<'a>(name: &str, value: &'a [u8]) -> Result<&'a [u8], InvalidHeader> {
    match text_len(value) == value.len() {
        true => Ok(trim_space(value)),
        false => Err(InvalidHeader::Value(name.into())),
    }
}

/// Returns the text up to and including its first invalid character. The rest may be a secret:
/// `Authorization: Basic eDp5` is not a name.
pub(super) fn up_to_first(text: &str, wrong: impl Fn(char) -> bool) -> String {
    let end = text.char_indices().find(|(_, c)| wrong(*c)).map(|(at, c)| at + c.len_utf8());
    text.get(..end.unwrap_or(text.len())).unwrap_or_default().into()
}

pub(super) fn is_token_char(character: char) -> bool {
    u8::try_from(character).is_ok_and(is_token_byte)
}
