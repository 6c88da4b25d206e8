//! The arguments of `--exec`.

use std::ffi::OsString;
use std::time::Duration;

use super::command::Exec;
use super::processes::Processes;
use crate::values::duration;

/// The arguments of `--exec`.
#[derive(clap::Args, Debug)]
pub(in crate::listen) struct ExecArgs {
    /// Run a process for each connection: messages are lines of its input, and lines of its output are messages. All
    /// words after this option are the command
    #[arg(long, group = "mode", value_name = "COMMAND", num_args = 1.., allow_hyphen_values = true)]
    exec: Vec<OsString>,

    /// The most processes at a time
    #[arg(long, value_name = "COUNT", default_value = "64", requires = "exec")]
    max_processes: usize,

    /// The time after which a process is killed when its connection has ended, and its place is free
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration, requires = "exec")]
    grace: Duration,

    /// Close the connection of a process that reads nothing for this time while more than 64 KiB wait for it
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, requires = "exec")]
    patience: Duration,
}

impl ExecArgs {
    pub(in crate::listen) fn is_wanted(&self) -> bool {
        !self.exec.is_empty()
    }

    /// Returns the command, if there is one. A line of output has at most `max_line` bytes.
    pub(in crate::listen) fn exec(&self, max_line: u64) -> Option<Exec> {
        self.is_wanted().then(|| Exec {
            command: self.exec.clone(),
            max_line: usize::try_from(max_line).unwrap_or(usize::MAX),
            patience: self.patience,
            processes: Processes::new(self.max_processes, self.grace),
        })
    }
}
