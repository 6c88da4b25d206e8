//! Errors after which an operation is repeated.

use std::io::{self, ErrorKind};

pub(crate) use ws_common::adapter::is_timeout;

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

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_connection_that_tcp_gives_up_has_failed() {
        // T2
        assert!(!is_timeout(&Errno::TIMEDOUT.into()));
        assert!(is_timeout(&Errno::AGAIN.into()));
        assert!(is_timeout(&ErrorKind::TimedOut.into()));
    }
}
