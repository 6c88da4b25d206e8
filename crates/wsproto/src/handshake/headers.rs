//! Header fields: case-insensitive names, which may be repeated, and values that are bytes.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::{fmt, mem, str};

use super::AcceptError;
use super::head::is_text;
use super::list::{elements, is_token, is_token_byte};
use super::response::encode_field;
use crate::redacted::RedactedValue;

/// Header fields that the handshakes of both ends write themselves, or that would change the
/// framing of their messages.
const RESERVED: [&str; 8] = [
    "Connection",
    "Content-Length",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "Transfer-Encoding",
    "Upgrade",
];

/// The other header fields that a handshake reads.
const READ: [&str; 3] = ["Host", "Origin", "Sec-WebSocket-Key"];

/// The header fields that are about one connection of HTTP/1, and malformed elsewhere (RFC 9113
/// section 8.2.2).
const CONNECTION_SPECIFIC: [&str; 5] =
    ["Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"];

/// Returns whether HTTP/2 and HTTP/3 do not have the field.
pub(super) fn is_connection_specific(name: &str) -> bool {
    CONNECTION_SPECIFIC.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// Returns whether an application may not set the field.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// A header field that cannot be sent. It does not include the value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidHeader {
    /// The name is empty or contains a character not allowed in a token (RFC 9110 section 5.6.2).
    /// The name is given up to and with that character.
    #[error("a header name cannot be empty, or begin with {0:?}")]
    Name(String),
    /// The value of the field with this name contains a control character, such as CR or LF.
    #[error("the value of the header {0:?} has a character that it cannot have")]
    Value(String),
}

/// The reason why the lines after the first of a head are not header fields.
pub(super) enum InvalidFields {
    Malformed,
    /// A field that the handshake reads contains a non-ASCII byte.
    NonAscii(&'static str),
}

/// Header fields in order.
///
/// Values are bytes, which need not be ASCII (RFC 9110 section 5.5); [`get`](Self::get) and
/// [`get_all`](Self::get_all) return only those that are UTF-8. Values that the handshake itself
/// reads are always ASCII.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// All names and values, concatenated.
    bytes: Vec<u8>,
    /// The end of each name and of each value in `bytes`.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// Creates an empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new() }
    }

    /// Parses all lines of a head except the first.
    ///
    /// # Errors
    ///
    /// [`InvalidFields`] if a line is not a header field, or a field that the handshake reads is
    /// not ASCII.
    pub(super) fn parse(lines: &[u8]) -> Result<Self, InvalidFields> {
        let count = lines.iter().filter(|byte| **byte == b'\n').count();
        let mut fields = vec![httparse::EMPTY_HEADER; count];
        let Ok(httparse::Status::Complete((_, fields))) =
            httparse::parse_headers(lines, &mut fields)
        else {
            return Err(InvalidFields::Malformed);
        };
        let mut headers =
            Self { bytes: Vec::with_capacity(lines.len()), ends: Vec::with_capacity(fields.len()) };
        headers.receive(fields.iter().map(|field| (field.name, field.value)))?;
        Ok(headers)
    }

    /// Collects fields that other code has parsed.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub(super) fn from_fields<N: AsRef<str>, V: AsRef<[u8]>>(
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, InvalidFields> {
        let mut headers = Self::new();
        headers.receive(fields)?;
        Ok(headers)
    }

    fn receive<N: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), InvalidFields> {
        for (name, value) in fields {
            let (name, value) = (name.as_ref(), value.as_ref());
            if !value.is_ascii()
                && let Some(read) =
                    RESERVED.iter().chain(&READ).find(|read| read.eq_ignore_ascii_case(name))
            {
                return Err(InvalidFields::NonAscii(read));
            }
            self.push(name, value).map_err(|_| InvalidFields::Malformed)?;
        }
        Ok(())
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
        self.bytes.extend_from_slice(name.as_bytes());
        let name_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((name_end, self.bytes.len()));
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
        self.ranges()
            // Most names differ in length: skip them without a comparison.
            .filter(move |(start, name_end, _)| name_end - start == name.len())
            .map(|range| self.field(range))
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Returns all fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let fields = self.ranges().map(|range| self.field(range));
        fields.map(|(name, value)| (str::from_utf8(name).unwrap_or_default(), value))
    }

    /// Returns the start of each name, the end of each name, and the end of each value.
    fn ranges(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let mut start = 0;
        self.ends
            .iter()
            .map(move |(name_end, end)| (mem::replace(&mut start, *end), *name_end, *end))
    }

    fn field(&self, (start, name_end, end): (usize, usize, usize)) -> (&[u8], &[u8]) {
        let name = self.bytes.get(start..name_end).unwrap_or_default();
        (name, self.bytes.get(name_end..end).unwrap_or_default())
    }

    /// Returns the number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
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

    /// Returns whether a comma-separated list, which may be spread over several fields, contains
    /// the element, ignoring case.
    pub(super) fn list_contains(&self, name: &str, element: &str) -> bool {
        // These lists have no quoted strings, so a comma in one separates nothing.
        let values = self.get_all(name).filter(|value| !value.contains('"'));
        values.flat_map(elements).any(|e| e.eq_ignore_ascii_case(element))
    }

    /// Returns the name of a field that HTTP/2 and HTTP/3 do not have, if there is one.
    pub(super) fn connection_specific(&self) -> Option<&'static str> {
        CONNECTION_SPECIFIC.into_iter().find(|name| self.get_bytes(name).is_some())
    }

    /// Appends all fields to `out`, each ended by CR LF.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            encode_field(name, value, out);
        }
    }
}

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
    if is_text(value) { Ok(trim(value, b" \t")) } else { Err(InvalidHeader::Value(name.into())) }
}

/// Removes all bytes in `set` from both ends.
pub(super) fn trim<'a>(mut value: &'a [u8], set: &[u8]) -> &'a [u8] {
    while let [first, rest @ ..] = value
        && set.contains(first)
    {
        value = rest;
    }
    while let [rest @ .., last] = value
        && set.contains(last)
    {
        value = rest;
    }
    value
}

/// Returns the text up to and with its first invalid character. The rest may be a secret:
/// `Authorization: Basic eDp5` is not a name.
pub(super) fn up_to_first(text: &str, wrong: impl Fn(char) -> bool) -> String {
    let end = text.char_indices().find(|(_, c)| wrong(*c)).map(|(at, c)| at + c.len_utf8());
    text.get(..end.unwrap_or(text.len())).unwrap_or_default().into()
}

pub(super) fn is_token_char(character: char) -> bool {
    u8::try_from(character).is_ok_and(is_token_byte)
}
