//! `--exec`: a process for each connection. Messages are lines of its standard input, and lines of its standard
//! output are messages.
//!
//! Two threads carry a process: one writes its input, the other reads its output and waits for its end. What it
//! holds is bounded: a connection is not read while more than 64 KiB wait for a process that does not read, and a
//! process waits in its pipe while the client does not read.

mod args;
mod handler;
mod input;
mod output;
mod process;
mod processes;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ws_mio::IncomingRequest;
use ws_mio::wsproto::handshake::Response;

pub(super) use args::ExecArgs;
pub(super) use handler::Carried;
use process::Process;
pub(super) use processes::Processes;

use crate::terminal::tell;

/// What `--exec` runs.
#[derive(Debug)]
pub(super) struct Exec {
    /// The program and its arguments.
    command: Vec<OsString>,
    /// The longest line of output, in bytes.
    max_line: usize,
    /// How long a process may read nothing while its connection waits for it.
    patience: Duration,
    processes: Arc<Processes>,
}

impl Exec {
    pub(super) fn processes(&self) -> Arc<Processes> {
        Arc::clone(&self.processes)
    }

    /// Starts a process for the connection that `request` opens.
    ///
    /// # Errors
    ///
    /// The response: 503 if too many processes run, 500 if this one cannot be started.
    pub(super) fn start(
        &self,
        request: &IncomingRequest,
        subprotocol: Option<&str>,
    ) -> Result<Carried, Response> {
        let place = self.processes.take_place().ok_or_else(|| {
            let most = self.processes.most();
            let response = Response::text(503, &format!("All {most} processes are in use\n"));
            response.header("Retry-After", "1").unwrap_or_else(Response::from)
        })?;
        let peer = request.client_addr().map(|peer| peer.to_string()).unwrap_or_default();
        let mut words = self.command.iter();
        let child = Command::new(words.next().map_or(OsStr::new(""), OsString::as_os_str))
            .args(words)
            .env("WS_PEER", peer)
            .env("WS_TARGET", request.target())
            .env("WS_SUBPROTOCOL", subprotocol.unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // A group of its own: it ends with all that it has started, and a Ctrl-C in the terminal is for the
            // server alone, which then ends its processes in order.
            .process_group(0)
            .spawn()
            .map_err(|error| self.cannot_start(&error))?;
        Ok(Carried::new(Process::new(child, place), self.max_line, self.patience))
    }

    fn cannot_start(&self, error: &io::Error) -> Response {
        let program = self.command.first().map(|program| program.display().to_string());
        let program = program.unwrap_or_default();
        // A line for a shell, as one word.
        let is_line = self.command.len() == 1 && program.contains(' ');
        let advice = if is_line { "; --exec sh -c '...' runs a line of a shell" } else { "" };
        tell(&format!("ws: cannot start {program}: {error}{advice}"));
        Response::text(500, "The process cannot be started\n")
    }
}
