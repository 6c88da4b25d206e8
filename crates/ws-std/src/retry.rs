//! Errors after which an operation is repeated.

use std::io::{self, ErrorKind};

/// Whether the operation can be repeated later. The kind of a socket timeout depends on the operating
/// system.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

pub(crate) fn would_block(error: io::Error) -> io::Error {
    if is_timeout(&error) { ErrorKind::WouldBlock.into() } else { error }
}

/// Repeats an operation that a signal interrupts.
pub(crate) fn retry<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
