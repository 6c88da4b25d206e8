//! Header fields: names without regard to case, as many of one name as there are.

use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::head::is_text;
use super::list::{elements, is_token};
use super::response::encode_field;

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

/// Whether an application may not set the field.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// A header field that cannot be sent as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum InvalidHeader {
    /// The name is empty or has a character that no token has (RFC 9110 section 5.6.2).
    #[error("{0:?} is not a header name")]
    Name(String),
    /// The value has a control character, such as CR or LF, or one outside ASCII.
    #[error("{0:?} is not a header value")]
    Value(String),
}

/// Header fields in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// All names and values, one after the other.
    text: String,
    /// Where each name and each value ends in `text`.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// Begins without fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new(), ends: Vec::new() }
    }

    pub(super) fn with_capacity(fields: usize, text: usize) -> Self {
        Self { text: String::with_capacity(text), ends: Vec::with_capacity(fields) }
    }

    /// Adds a field at the end; white space around the value is dropped.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] if name or value could not stand in a head, or would break out of it.
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), InvalidHeader> {
        if !is_token(name) {
            return Err(InvalidHeader::Name(name.into()));
        }
        if !is_text(value.as_bytes()) {
            return Err(InvalidHeader::Value(value.into()));
        }
        self.text.push_str(name);
        let name_end = self.text.len();
        self.text.push_str(value.trim_matches([' ', '\t']));
        self.ends.push((name_end, self.text.len()));
        Ok(())
    }

    /// Returns the value of the first field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns the values of all fields of that name, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.ranges()
            // Most names have another length.
            .filter(move |(start, name_end, _)| name_end - start == name.len())
            .map(|range| self.field(range))
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Returns all fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ranges().map(|range| self.field(range))
    }

    /// Where each name begins, where its value does, and where that ends.
    fn ranges(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let mut start = 0;
        self.ends
            .iter()
            .map(move |(name_end, end)| (mem::replace(&mut start, *end), *name_end, *end))
    }

    fn field(&self, (start, name_end, end): (usize, usize, usize)) -> (&str, &str) {
        let name = self.text.get(start..name_end).unwrap_or_default();
        (name, self.text.get(name_end..end).unwrap_or_default())
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

    /// Returns the value of the only field of that name: `None` if there is none or several.
    pub(super) fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.get_all(name);
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

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
