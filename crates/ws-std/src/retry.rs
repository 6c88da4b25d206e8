//! Errors after which an operation is repeated.

use std::io::{self, ErrorKind};

/// Whether the operation can be repeated later. The kind of a socket timeout depends on the operating
/// system: on Unix it is `WouldBlock`, and a `TimedOut` from the system means that TCP has given up.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    match error.kind() {
        ErrorKind::WouldBlock => true,
        ErrorKind::TimedOut => cfg!(not(unix)) || error.raw_os_error().is_none(),
        _ => false,
    }
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
