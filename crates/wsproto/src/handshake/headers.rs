//! Header fields: names without regard to case, as many of one name as there are, and values that
//! are bytes.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::{fmt, mem, str};

use super::head::is_text;
use super::list::{elements, is_token, is_token_byte};
use super::response::encode_field;
use crate::redacted::RedactedValue;

/// Header fields that the handshakes of both ends write themselves, or that would make their
/// messages others.
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

/// Whether an application may not set the field.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// A header field that cannot be sent as it is. It does not hold the value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidHeader {
    /// The name is empty or has a character that no token has (RFC 9110 section 5.6.2). This is the
    /// name up to that character.
    #[error("a header name cannot be empty, or begin with {0:?}")]
    Name(String),
    /// The value of the field of this name has a control character, such as CR or LF.
    #[error("the value of the header {0:?} has a character that it cannot have")]
    Value(String),
}

/// Why the lines behind the first of a head are no header fields.
pub(super) enum InvalidFields {
    Malformed,
    /// A field that the handshake reads has a byte outside ASCII.
    NonAscii(&'static str),
}

/// Header fields in order.
///
/// Values are bytes, which may be outside ASCII (RFC 9110 section 5.5); [`get`](Self::get) and
/// [`get_all`](Self::get_all) see those that are UTF-8 text. Those that the handshake itself reads
/// are always ASCII.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// All names and values, one after the other.
    bytes: Vec<u8>,
    /// Where each name and each value ends in `bytes`.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// Begins without fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new() }
    }

    /// Parses all lines of a head but its first.
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
        for field in fields {
            if !field.value.is_ascii()
                && let Some(read) =
                    RESERVED.iter().chain(&READ).find(|read| read.eq_ignore_ascii_case(field.name))
            {
                return Err(InvalidFields::NonAscii(read));
            }
            headers.push(field.name, field.value).map_err(|_| InvalidFields::Malformed)?;
        }
        Ok(headers)
    }

    /// Adds a field at the end; white space around the value is dropped.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] if name or value could not stand in a head, or would break out of it.
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

    /// Returns the value of the first field of that name, if it is UTF-8 text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_bytes(name).and_then(|value| str::from_utf8(value).ok())
    }

    /// Returns the values of all fields of that name that are UTF-8 text, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.get_all_bytes(name).filter_map(|value| str::from_utf8(value).ok())
    }

    /// Returns the value of the first field of that name.
    #[must_use]
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.get_all_bytes(name).next()
    }

    /// Returns the values of all fields of that name, in order.
    pub fn get_all_bytes<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.ranges()
            // Most names have another length.
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

    /// Where each name begins, where its value does, and where that ends.
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

    /// Returns how many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the value of the only field of that name: `None` if there is none or several, or if it
    /// is no text.
    pub(super) fn only(&self, name: &str) -> Option<&str> {
        self.only_bytes(name).and_then(|value| str::from_utf8(value).ok())
    }

    /// Returns the value of the only field of that name: `None` if there is none or several.
    pub(super) fn only_bytes(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.get_all_bytes(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// Whether a comma-separated list, which may be spread over several fields, has the element,
    /// without regard to case.
    pub(super) fn list_contains(&self, name: &str, element: &str) -> bool {
        self.get_all(name).flat_map(elements).any(|e| e.eq_ignore_ascii_case(element))
    }

    /// Appends all fields, each ended by CR LF.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            encode_field(name, value, out);
        }
    }
}

/// Shows names and values; of secrets, and of URLs' queries, not the values.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(name, value)| (name, RedactedValue { name, value }));
        f.debug_list().entries(shown).finish()
    }
}

/// Drops the white space around a value.
///
/// # Errors
///
/// [`InvalidHeader::Value`], with the name of the field.
pub(super) fn checked<'a>(name: &str, value: &'a [u8]) -> Result<&'a [u8], InvalidHeader> {
    if is_text(value) { Ok(trim(value, b" \t")) } else { Err(InvalidHeader::Value(name.into())) }
}

/// Drops all bytes of a set from both ends.
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

/// Returns the text up to the first wrong character, and with it. What is behind may be a secret:
/// `Authorization: Basic eDp5` is no name.
pub(super) fn up_to_first(text: &str, wrong: impl Fn(char) -> bool) -> String {
    let end = text.char_indices().find(|(_, c)| wrong(*c)).map(|(at, c)| at + c.len_utf8());
    text.get(..end.unwrap_or(text.len())).unwrap_or_default().into()
}

pub(super) fn is_token_char(character: char) -> bool {
    u8::try_from(character).is_ok_and(is_token_byte)
}
