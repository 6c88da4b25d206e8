//! Reports on standard output.

use std::io::{self, Write};

use crate::exit::Exit;

/// Writes a report to standard output. A reader that has gone is no error, as in `ws --help | head`.
///
/// # Errors
///
/// The exit of a run whose report cannot be written.
pub(crate) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Exit> {
    let mut out = io::stdout().lock();
    let written = write(&mut out).and_then(|()| out.flush());
    Exit::from_output(written).map_or(Ok(()), Err)
}
