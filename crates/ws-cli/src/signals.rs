//! Ctrl-C, SIGTERM and SIGHUP.

use std::{process, thread};

use crate::exit::{Exit, Status};

/// Calls `end` in a new thread at the first signal; a second one ends the process at once.
pub(crate) fn on_first(end: impl FnOnce() + Send + 'static) -> Result<(), Exit> {
    on_first_unless(|| false, end)
}

/// As [`on_first`], but the first signal also ends the process at once if `is_ending` says so.
pub(crate) fn on_first_unless(
    is_ending: impl Fn() -> bool + Send + 'static,
    end: impl FnOnce() + Send + 'static,
) -> Result<(), Exit> {
    let mut end = Some(end);
    let installed = ctrlc::set_handler(move || match end.take().filter(|_| !is_ending()) {
        // In a thread, so that a slow `end` does not delay the next signal.
        Some(end) => drop(thread::spawn(end)),
        None => process::exit(Status::Interrupted as i32),
    });
    installed.map_err(|error| Exit::new(Status::Lost, format!("no signal handler: {error}")))
}
