//! Ctrl-C, SIGTERM and SIGHUP.

use std::{process, thread};

use crate::exit::{Exit, Status};

/// Calls `end` in a new thread at the first signal; a second one ends the process at once.
pub(crate) fn on_first(end: impl FnOnce() + Send + 'static) -> Result<(), Exit> {
    on_first_and_second(end, || {})
}

/// Calls `end` in a new thread at the first signal, and `last` at a second one, which then ends the process at once.
pub(crate) fn on_first_and_second(
    end: impl FnOnce() + Send + 'static,
    last: impl Fn() + Send + 'static,
) -> Result<(), Exit> {
    let mut end = Some(end);
    let installed = ctrlc::set_handler(move || match end.take() {
        // In a thread, so that a slow `end` does not delay the next signal.
        Some(end) => drop(thread::spawn(end)),
        None => {
            last();
            process::exit(Status::Interrupted as i32);
        }
    });
    installed.map_err(|error| Exit::new(Status::Lost, format!("no signal handler: {error}")))
}
