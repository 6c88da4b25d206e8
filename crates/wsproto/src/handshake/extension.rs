//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 section 9.1).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::list::{is_token, token_len};

/// The value is not a list of extensions, or a name or parameter is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("malformed extension")]
pub struct InvalidExtension;

/// An offered or accepted extension, with its parameters in order.
///
/// ```
/// use wsproto::handshake::Extension;
///
/// let offers = Extension::parse_list("foo; a; b=\"1\", bar")?;
/// assert_eq!(offers[0].name(), "foo");
/// assert_eq!(offers[0].params().collect::<Vec<_>>(), [("a", None), ("b", Some("1"))]);
/// assert_eq!(offers[0].to_string(), "foo; a; b=1");
/// # Ok::<(), wsproto::handshake::InvalidExtension>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extension {
    name: String,
    params: Vec<(String, Option<String>)>,
}

impl Extension {
    /// Creates an extension without parameters.
    ///
    /// # Errors
    ///
    /// [`InvalidExtension`] if the name is not a token.
    pub fn new(name: &str) -> Result<Self, InvalidExtension> {
        Ok(Self { name: token(name)?, params: Vec::new() })
    }

    /// Adds a parameter, with or without a value.
    ///
    /// # Errors
    ///
    /// [`InvalidExtension`] if the name or the value is not a token.
    pub fn param(mut self, name: &str, value: Option<&str>) -> Result<Self, InvalidExtension> {
        self.params.push((token(name)?, value.map(token).transpose()?));
        Ok(self)
    }

    /// Creates an extension of the engine's own.
    #[cfg(feature = "deflate")]
    pub(super) fn builtin(name: &str) -> Self {
        Self { name: name.into(), params: Vec::new() }
    }

    /// Adds a parameter of an extension of the engine's own.
    #[cfg(feature = "deflate")]
    pub(super) fn push(&mut self, name: &str, value: Option<String>) {
        self.params.push((name.into(), value));
    }

    /// Parses the value of one header field. Several fields mean the same as one that joins their
    /// values with commas. Empty elements are ignored (RFC 9110 section 5.6.1.2), so the list may
    /// be empty.
    ///
    /// # Errors
    ///
    /// [`InvalidExtension`] for a missing or malformed token, or a quoted string that is not a
    /// token.
    pub fn parse_list(value: &str) -> Result<Vec<Self>, InvalidExtension> {
        let mut list: Vec<Self> = Vec::new();
        read_list(value, |part| match part {
            Part::Name(name) => list.push(Self { name: name.into(), params: Vec::new() }),
            Part::Param(name, value) => {
                if let Some(extension) = list.last_mut() {
                    extension.params.push((name.into(), value.map(Cow::into_owned)));
                }
            }
        })?;
        Ok(list)
    }

    /// Checks the value of one header field, as [`parse_list`](Self::parse_list) does.
    pub(super) fn check_list(value: &str) -> Result<(), InvalidExtension> {
        read_list(value, |_| {})
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the parameters in order, including repeated ones.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}

/// Writes the extension as in the header; values need no quotes, because they are tokens.
impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (name, value) in self.params() {
            write!(f, "; {name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

fn token(text: &str) -> Result<String, InvalidExtension> {
    if is_token(text) { Ok(text.into()) } else { Err(InvalidExtension) }
}

/// A part of a list of extensions.
enum Part<'a> {
    /// The name of the next extension.
    Name(&'a str),
    /// A parameter of that extension.
    Param(&'a str, Option<Cow<'a, str>>),
}

/// Passes the parts of a list to `see`, in order.
fn read_list<'a>(value: &'a str, mut see: impl FnMut(Part<'a>)) -> Result<(), InvalidExtension> {
    let mut rest = Cursor { rest: value };
    loop {
        while rest.skip(',') {}
        if rest.rest.is_empty() {
            return Ok(());
        }
        see(Part::Name(rest.token()?));
        while rest.skip(';') {
            let name = rest.token()?;
            let value = if rest.skip('=') { Some(rest.value()?) } else { None };
            see(Part::Param(name, value));
        }
        if !rest.rest.is_empty() && !rest.rest.starts_with(',') {
            return Err(InvalidExtension);
        }
    }
}

/// The unparsed rest of a header value.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Skips white space and then `mark`, if it comes next; returns whether it did.
    fn skip(&mut self, mark: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn token(&mut self) -> Result<&'a str, InvalidExtension> {
        self.skip_space();
        let len = token_len(self.rest.as_bytes());
        let (token, rest) = self.rest.split_at_checked(len).ok_or(InvalidExtension)?;
        self.rest = rest;
        if token.is_empty() { Err(InvalidExtension) } else { Ok(token) }
    }

    /// Takes a token, or a quoted string that unescapes to one.
    fn value(&mut self) -> Result<Cow<'a, str>, InvalidExtension> {
        if !self.skip('"') {
            return self.token().map(Cow::Borrowed);
        }
        let mut value = String::new();
        let mut characters = self.rest.chars();
        loop {
            match characters.next() {
                Some('"') => break,
                Some('\\') => value.push(characters.next().ok_or(InvalidExtension)?),
                Some(character) => value.push(character),
                None => return Err(InvalidExtension),
            }
        }
        self.rest = characters.as_str();
        if is_token(&value) { Ok(Cow::Owned(value)) } else { Err(InvalidExtension) }
    }
}
