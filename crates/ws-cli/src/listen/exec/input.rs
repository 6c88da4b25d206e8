//! The thread that writes the lines of a connection to the standard input of its process.

use std::io::Write;
use std::process::ChildStdin;

use ws_mio::WebSocketConnection;

use super::pipes::Pipe;
use super::process::Process;

/// Writes lines until the connection has ended, or the process reads no more.
pub(super) fn write_all(process: &Process, ws: &WebSocketConnection, mut stdin: Pipe<ChildStdin>) {
    while let Some(line) = process.next_line(ws) {
        if stdin.write_all(&line).is_err() {
            // The process has closed its input; what follows is dropped, as a pipe does.
            process.close_input(ws);
            return;
        }
    }
}
