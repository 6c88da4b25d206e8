//! Reports on standard output.

use std::io::{self, ErrorKind, Write};

use crate::exit::{Exit, Status};

/// Writes a report to standard output. A reader that has gone is no error, as in `ws --help | head`.
///
/// # Errors
///
/// The exit of a run whose report cannot be written.
pub(crate) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Exit> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Exit::new(Status::Lost, format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
