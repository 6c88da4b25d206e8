//! The mode of the terminal: the line editor changes it, and the process may end while a line is typed.

#[cfg(unix)]
use std::io::{self, Write};

#[cfg(unix)]
use rustix::stdio::stdin;
#[cfg(unix)]
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// The mode before the first line.
pub(super) struct Mode(#[cfg(unix)] Option<Termios>);

#[cfg(unix)]
impl Mode {
    pub(super) fn save() -> Self {
        Self(tcgetattr(stdin()).ok())
    }

    /// Restores the mode. A line that is being typed is removed.
    pub(super) fn restore(&self) {
        let Some(before) = &self.0 else { return };
        let is_typing = tcgetattr(stdin()).is_ok_and(|now| now.local_modes != before.local_modes);
        // Fails if the terminal is gone.
        let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        if is_typing {
            // Removes the prompt, and ends the mode in which the terminal marks what is pasted.
            let mut out = io::stdout();
            let _ = out.write_all(b"\r\x1b[K\x1b[?2004l").and_then(|()| out.flush());
        }
    }
}

/// The console of other systems is restored by the line editor alone.
#[cfg(not(unix))]
impl Mode {
    pub(super) const fn save() -> Self {
        Self()
    }

    pub(super) const fn restore(&self) {}
}
