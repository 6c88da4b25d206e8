//! The thread that sends the lines of a process, and closes the connection when the process has ended.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStdout, ExitStatus};
use std::sync::Arc;

use ws_mio::wsproto::CloseCode;
use ws_mio::{Error, Message, WebSocketConnection};

use super::pipes::Pipe;
use super::process::Process;
use crate::listen::report::Report;

/// The output of a process, and its connection.
pub(super) struct Output {
    pub(super) process: Arc<Process>,
    pub(super) ws: WebSocketConnection,
    pub(super) report: Arc<Report>,
}

impl Output {
    /// Sends lines until the process has ended or the connection has. Then waits for the process, and closes the
    /// connection with its exit status.
    pub(super) fn send_all(&self, stdout: Pipe<ChildStdout>, max_line: usize) {
        let mut stdout = BufReader::new(stdout);
        let failed = loop {
            match next_line(&mut stdout, max_line) {
                Ok(Some(line)) => {
                    if !self.send(line) {
                        break None;
                    }
                }
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        if let Some(reason) = failed {
            self.close(CloseCode::INTERNAL_ERROR, &reason);
        }
        // A process that writes on gets a signal.
        drop(stdout);
        match self.process.group.wait() {
            Ok(status) => self.close_with(status),
            Err(error) => self.close(CloseCode::INTERNAL_ERROR, &error.to_string()),
        }
    }

    /// Sends a line, as text if it is UTF-8. Waits while the client does not read. Returns `false` if the connection
    /// has ended.
    fn send(&self, line: Vec<u8>) -> bool {
        let mut message = match String::from_utf8(line) {
            Ok(text) => Message::Text(text),
            Err(error) => Message::Binary(error.into_bytes()),
        };
        self.report.sending_and_waiting(Some(&self.ws), &message);
        loop {
            let drained = self.process.drained_count();
            message = match self.ws.send(message) {
                Ok(_) => return true,
                Err(Error::WouldExceed(Some(message))) => message,
                Err(_) => return false,
            };
            if !self.process.wait_drained(drained) {
                return false;
            }
        }
    }

    fn close_with(&self, status: ExitStatus) {
        match (status.code(), status.signal()) {
            (Some(0), _) => self.close(CloseCode::NORMAL, ""),
            (Some(code), _) => {
                self.close(CloseCode::INTERNAL_ERROR, &format!("exit status {code}"));
            }
            (None, signal) => {
                let signal = signal.unwrap_or_default();
                self.close(CloseCode::INTERNAL_ERROR, &format!("ended by signal {signal}"));
            }
        }
    }

    fn close(&self, code: CloseCode, reason: &str) {
        // Fails only for codes that may not be sent. A connection that is closing stays as it is.
        let _ = self.ws.terminate(code, reason);
    }
}

/// Reads a line, without its end. The last one needs none. `None` at the end of the output.
///
/// # Errors
///
/// [`io::Error`] if the line is longer than `most` bytes; no more than those are held.
fn next_line(output: &mut impl BufRead, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    output.take(limit).read_until(b'\n', &mut line)?;
    match line.pop() {
        None => return Ok(None),
        Some(b'\n') => {}
        Some(other) => line.push(other),
    }
    if line.len() > most {
        return Err(io::Error::other(format!(
            "the process wrote a line of more than {most} bytes"
        )));
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_and_are_bounded() {
        let mut output = &b"one\n\nthree\r\nlast"[..];
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut output, 6).expect("short lines") {
            lines.push(line);
        }
        assert_eq!(lines, [&b"one"[..], b"", b"three\r", b"last"]);
        for long in ["1234567\n", "1234567"] {
            let error = next_line(&mut long.as_bytes(), 6).expect_err("too long");
            assert_eq!(error.to_string(), "the process wrote a line of more than 6 bytes");
        }
        assert_eq!(next_line(&mut &b"123456\n"[..], 6).expect("fits"), Some(b"123456".to_vec()));
    }
}
