//! Starting processes.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ws_mio::IncomingRequest;
use ws_mio::wsproto::handshake::Response;

use super::bridge::Bridge;
use super::group::Group;
use super::process::Process;
use super::processes::Processes;
use crate::terminal::tell;

/// The command of `--exec`, and the limits of its processes.
#[derive(Debug)]
pub(in crate::listen) struct Exec {
    /// The program and its arguments.
    pub(super) command: Vec<OsString>,
    /// The longest line of output, in bytes.
    pub(super) max_line: usize,
    /// The time after which a process that reads nothing is given up, while its connection waits for it.
    pub(super) patience: Duration,
    pub(super) processes: Arc<Processes>,
}

impl Exec {
    pub(in crate::listen) fn processes(&self) -> Arc<Processes> {
        Arc::clone(&self.processes)
    }

    /// Starts a process for the connection that `request` opens.
    ///
    /// # Errors
    ///
    /// The response: 503 if too many processes run, 500 if this one cannot be started.
    pub(in crate::listen) fn start(
        &self,
        request: &IncomingRequest,
        subprotocol: Option<&str>,
    ) -> Result<Bridge, Response> {
        let place = self.processes.take_place().ok_or_else(|| {
            let most = self.processes.most();
            let response = Response::text(503, &format!("All {most} processes are in use\n"));
            response.header("Retry-After", "1").unwrap_or_else(Response::from)
        })?;
        let peer = request.client_addr().map(|peer| peer.to_string()).unwrap_or_default();
        let mut words = self.command.iter();
        let mut command = Command::new(words.next().map_or(OsStr::new(""), OsString::as_os_str));
        command
            .args(words)
            .env("WS_PEER", peer)
            .env("WS_TARGET", request.target())
            .env("WS_SUBPROTOCOL", subprotocol.unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let group = Group::start(&mut command).map_err(|error| self.cannot_start(&error))?;
        Ok(Bridge::new(Process::new(group, place), self.max_line, self.patience))
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
