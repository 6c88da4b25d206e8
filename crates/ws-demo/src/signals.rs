//! Ctrl-C.

use std::{process, thread};

use crate::Failure;

/// Calls `end` at Ctrl-C or SIGTERM, in a thread of its own; the next one ends the program at once.
///
/// # Errors
///
/// [`Failure::Other`] if the operating system does not let us, or it was called before.
pub fn on_ctrl_c(end: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let mut end = Some(end);
    ctrlc::set_handler(move || match end.take() {
        Some(end) => {
            eprintln!("ending; Ctrl-C again does not wait for anybody");
            // Nothing that it does keeps the next signal waiting.
            thread::spawn(end);
        }
        // As shells count: 128 and the number of the signal.
        None => process::exit(130),
    })?;
    Ok(())
}
