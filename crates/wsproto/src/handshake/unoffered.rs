//! Selections that were not offered.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A subprotocol or an extension that the server selected although the client did not offer it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unoffered {
    /// The kind of selection, as a word.
    kind: &'static str,
    selected: String,
    offered: Vec<String>,
}

impl Unoffered {
    pub(super) fn subprotocol<'a>(
        selected: &str,
        offered: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::new("subprotocol", selected, offered)
    }

    pub(super) fn extension<'a>(
        selected: &str,
        offered: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::new("extension", selected, offered)
    }

    fn new<'a>(
        kind: &'static str,
        selected: &str,
        offered: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let offered = offered.into_iter().map(Into::into).collect();
        Self { kind, selected: selected.into(), offered }
    }

    /// Returns the selected value; it may be empty.
    #[must_use]
    pub fn selected(&self) -> &str {
        &self.selected
    }

    /// Returns the offered values.
    #[must_use]
    pub fn offered(&self) -> &[String] {
        &self.offered
    }
}

impl fmt::Display for Unoffered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, selected, offered } = self;
        match selected.as_str() {
            "" => write!(f, "the selected {kind} is empty")?,
            selected => write!(f, "the {kind} {selected:?} was selected, but not offered")?,
        }
        write!(f, " ({})", Offers(offered))
    }
}

impl core::error::Error for Unoffered {}

/// Lists the offered values.
pub(super) struct Offers<'a>(pub(super) &'a [String]);

impl fmt::Display for Offers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, offer) in self.0.iter().enumerate() {
            write!(f, "{}{offer:?}", if index == 0 { "offered: " } else { ", " })?;
        }
        if self.0.is_empty() { f.write_str("nothing was offered") } else { Ok(()) }
    }
}
