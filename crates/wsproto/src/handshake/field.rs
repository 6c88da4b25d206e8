//! The lines of a head that are header fields (RFC 9112 section 5), and the fields that a handshake reads.

use super::list::{token_len, trim_space};
use super::text::text_len;

/// A header field that the handshakes of both ends read or write themselves, or that would change the
/// framing of their messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Accept,
    Connection,
    ContentLength,
    Extensions,
    Host,
    Key,
    Origin,
    Protocol,
    TransferEncoding,
    Upgrade,
    Version,
}

impl Known {
    /// Returns the field with that name, in any case. No two of one length begin with the same letter.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let known = match name.len() {
            4 => Self::Host,
            6 => Self::Origin,
            7 => Self::Upgrade,
            10 => Self::Connection,
            14 => Self::ContentLength,
            17 if matches!(name, [b'S' | b's', ..]) => Self::Key,
            17 => Self::TransferEncoding,
            20 => Self::Accept,
            21 => Self::Version,
            22 => Self::Protocol,
            24 => Self::Extensions,
            _ => return None,
        };
        let canonical = known.name().as_bytes();
        (canonical == name || canonical.eq_ignore_ascii_case(name)).then_some(known)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Accept => "Sec-WebSocket-Accept",
            Self::Connection => "Connection",
            Self::ContentLength => "Content-Length",
            Self::Extensions => "Sec-WebSocket-Extensions",
            Self::Host => "Host",
            Self::Key => "Sec-WebSocket-Key",
            Self::Origin => "Origin",
            Self::Protocol => "Sec-WebSocket-Protocol",
            Self::TransferEncoding => "Transfer-Encoding",
            Self::Upgrade => "Upgrade",
            Self::Version => "Sec-WebSocket-Version",
        }
    }

    /// Returns whether an application may not set the field at either end.
    pub(super) const fn is_reserved(self) -> bool {
        !matches!(self, Self::Host | Self::Key | Self::Origin)
    }
}

/// The reason why the lines after the first of a head are not header fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvalidFields {
    Malformed,
    /// A field that the handshake reads contains a non-ASCII byte.
    NonAscii(&'static str),
}

/// A name and a value.
pub(super) type Field<'a> = (&'a [u8], &'a [u8]);

/// Checks the field at the front of `rest` and takes it off, without the white space around its
/// value. Returns `None` at the empty line that ends the head, and leaves it.
///
/// # Errors
///
/// [`InvalidFields::Malformed`] if neither a field nor that line comes next.
#[inline]
pub(super) fn take_field<'a>(rest: &mut &'a [u8]) -> Result<Option<Field<'a>>, InvalidFields> {
    const MALFORMED: InvalidFields = InvalidFields::Malformed;

    let (name, behind) = rest.split_at_checked(token_len(rest)).ok_or(MALFORMED)?;
    let value = match (name, behind) {
        ([], [b'\r', b'\n', ..]) => return Ok(None),
        ([_, ..], [b':', value @ ..]) => value,
        _ => return Err(MALFORMED),
    };
    let (value, behind) = value.split_at_checked(text_len(value)).ok_or(MALFORMED)?;
    *rest = behind.strip_prefix(b"\r\n").ok_or(MALFORMED)?;
    Ok(Some((name, trim_space(value))))
}

/// Returns the kind and the value of a field that a handshake reads; `None` for any other field.
///
/// # Errors
///
/// [`InvalidFields::NonAscii`] if the value has a non-ASCII byte.
#[inline]
pub(super) fn known<'a>(
    name: &[u8],
    value: &'a [u8],
) -> Result<Option<(Known, &'a [u8])>, InvalidFields> {
    match Known::of(name) {
        Some(known) if value.is_ascii() => Ok(Some((known, value))),
        Some(known) => Err(InvalidFields::NonAscii(known.name())),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const ALL: [Known; 11] = [
        Known::Accept,
        Known::Connection,
        Known::ContentLength,
        Known::Extensions,
        Known::Host,
        Known::Key,
        Known::Origin,
        Known::Protocol,
        Known::TransferEncoding,
        Known::Upgrade,
        Known::Version,
    ];

    #[test]
    fn every_known_field_is_found_by_its_name_in_any_case() {
        for field in ALL {
            let name = field.name();
            for name in [name.to_string(), name.to_uppercase(), name.to_lowercase()] {
                assert_eq!(Known::of(name.as_bytes()), Some(field), "{name}");
                for at in 0..name.len() {
                    let (before, behind) = name.split_at(at);
                    let other = alloc::format!("{before}~{}", behind.get(1..).unwrap_or_default());
                    assert_eq!(Known::of(other.as_bytes()), None, "{other}");
                }
            }
        }
        assert_eq!(Known::of(b""), None);
    }
}
