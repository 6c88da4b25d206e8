//! The thread in which the user types: the line editor and its history.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, Config, Editor};

use crate::exit::{Exit, Status};

/// The most lines in the history.
const MOST: usize = 1000;

/// The line editor.
pub(super) struct Typing {
    editor: Editor<(), FileHistory>,
    history: Option<PathBuf>,
}

impl Typing {
    /// Creates a line editor, with the history of earlier runs if it `remembers`.
    pub(super) fn new(remembers: bool) -> Result<Self, Exit> {
        // Lines that begin with a space are not remembered, as in shells.
        let config = Config::builder()
            .history_ignore_space(true)
            .color_mode(ColorMode::Disabled)
            .max_history_size(MOST);
        let config = config.map_err(|error| failed(&error))?.build();
        let lines = FileHistory::with_config(&config);
        let mut editor = Editor::with_history(config, lines).map_err(|error| failed(&error))?;
        let history = history_file().filter(|_| remembers);
        if let Some(history) = &history {
            // The first time, there is none.
            let _ = editor.load_history(history);
        }
        Ok(Self { editor, history })
    }

    /// Returns the printer above the line that is being typed.
    pub(super) fn printer(
        &mut self,
    ) -> Result<impl rustyline::ExternalPrinter + Send + 'static, Exit> {
        self.editor.create_external_printer().map_err(|error| failed(&error))
    }

    /// Returns the next line; `None` after Ctrl-C and Ctrl-D. A line that is not UTF-8 is left out, with a complaint.
    pub(super) fn next(
        &mut self,
        prompt: &str,
        complain: impl Fn(&str),
    ) -> Result<Option<String>, Exit> {
        loop {
            match self.editor.readline(prompt) {
                Ok(line) => {
                    self.remember(&line);
                    return Ok(Some(line));
                }
                Err(ReadlineError::Interrupted | ReadlineError::Eof) => return Ok(None),
                // The editor has consumed the byte, and forgotten the line up to it.
                Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                    complain("a byte that is not UTF-8: the line up to it is left out");
                }
                Err(error) => return Err(failed(&error)),
            }
        }
    }

    /// Remembers a line at once: the process may end while the next one is typed.
    fn remember(&mut self, line: &str) {
        let Some(history) = &self.history else { return };
        if self.editor.add_history_entry(line).unwrap_or(false) {
            // A history that cannot be written is no reason to end.
            let _ = self.editor.append_history(history);
        }
    }
}

fn failed(error: &ReadlineError) -> Exit {
    Exit::new(Status::Lost, format!("the terminal: {error}"))
}

/// Returns the file of the history, in a folder that exists.
fn history_file() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    let folder = state.join("ws");
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// Returns the prompt: the round trip, if it is known.
pub(super) fn prompt(round_trip: Option<Duration>) -> String {
    match round_trip {
        Some(time) if time < Duration::from_millis(10) => {
            format!("{:.1} ms> ", time.as_secs_f64() * 1000.0)
        }
        Some(time) => format!("{} ms> ", time.as_millis()),
        None => "> ".into(),
    }
}
