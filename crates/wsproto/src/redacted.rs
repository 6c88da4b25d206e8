//! What of a message is shown in logs: no secrets.

use core::fmt;

/// A payload or a body, for `Debug`: how long it is.
pub(crate) struct Length(pub(crate) usize);

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}
