//! Ctrl-C.

use std::{process, thread};

use crate::Failure;

/// Calls `end` in a new thread at the first Ctrl-C or SIGTERM; the second ends the program at once.
///
/// # Errors
///
/// [`Failure::Other`] if no handler can be installed, or this was called before.
pub fn on_ctrl_c(end: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let mut end = Some(end);
    ctrlc::set_handler(move || match end.take() {
        Some(end) => {
            eprintln!("ending; Ctrl-C again ends at once");
            // In a thread, so that a slow `end` does not delay the next signal.
            thread::spawn(end);
        }
        // The convention of shells: 128 plus the signal's number (SIGINT is 2).
        None => process::exit(130),
    })?;
    Ok(())
}
