//! A running `ws listen`, and its clients.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use ws_std::wsproto::handshake::ClientRequest;
use ws_std::{ClientOptions, Error, Message, WebSocket, connect_with};

/// Against hanging.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A running server. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// The URL that it has printed.
    pub(crate) url: String,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<BufReader<ChildStdout>>,
    /// The lines of standard error after the one with the URL.
    errors: Receiver<String>,
    /// The lines before it.
    pub(crate) warnings: Vec<String>,
}

/// Returns `ws listen` with arguments.
pub(crate) fn listen(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ws"));
    command.arg("listen").args(args).env_remove("RUST_LOG");
    command
}

impl Server {
    /// Starts a server on a free port of the loopback.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", args)
    }

    pub(crate) fn start_on(address: &str, args: &[&str]) -> Self {
        Self::spawn(listen(&[&[address], args].concat()))
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("ws runs");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, errors) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut warnings = Vec::new();
        let url = loop {
            let line = errors.recv_timeout(LIMIT).expect("ws listens");
            match line.strip_prefix("ws: listening on ") {
                Some(url) => break url.to_owned(),
                None => warnings.push(line),
            }
        };
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().map(BufReader::new);
        Self { child, url, stdin, stdout, errors, warnings }
    }

    /// Returns the host and port.
    pub(crate) fn address(&self) -> &str {
        let (_, address) = self.url.split_once("://").expect("a URL");
        address.trim_end_matches('/')
    }

    /// Returns the next line of standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().expect("a pipe").read_line(&mut line).expect("it is written");
        line.trim_end_matches('\n').to_owned()
    }

    /// Returns the next line of standard error.
    pub(crate) fn error(&self) -> String {
        self.errors.recv_timeout(LIMIT).expect("it says more")
    }

    /// Checks that the server has never had more than 64 MiB of memory, where that is known.
    pub(crate) fn assert_small(&self) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = most.map(|most| most.trim().trim_end_matches(" kB").parse::<u32>());
        assert!(most.is_some() || !cfg!(target_os = "linux"));
        if let Some(most) = most {
            let most = most.expect("a number of KiB");
            assert!(most < 64 << 10, "{most} KiB");
        }
    }

    /// Sends a signal, such as `INT` for Ctrl-C.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.expect("kill runs").success(), "kill -s {signal} {id}");
    }

    /// Waits for the end; returns the status and the rest of standard output.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        if let Some(stdout) = &mut self.stdout {
            stdout.read_to_string(&mut rest).expect("UTF-8");
        }
        (self.child.wait().expect("it ends"), rest)
    }

    /// Connects to a path.
    pub(crate) fn connect(&self, path: &str) -> Client {
        self.try_connect(path, |request| request, ClientOptions::new()).expect("it accepts")
    }

    pub(crate) fn try_connect(
        &self,
        path: &str,
        change: impl FnOnce(ClientRequest) -> ClientRequest,
        options: ClientOptions,
    ) -> Result<Client, Error> {
        let url = format!("{}{path}", self.url);
        let request = ClientRequest::parse(&url).expect("a URL");
        let mut ws = connect_with(change(request), options)?;
        ws.set_recv_timeout(Some(LIMIT));
        Ok(Client(ws))
    }

    /// Returns the status with which a connection is refused.
    pub(crate) fn refusal(&self, change: impl FnOnce(ClientRequest) -> ClientRequest) -> u16 {
        match self.try_connect("", change, ClientOptions::new()) {
            Err(Error::Http(response)) => response.status(),
            other => panic!("not refused: {:?}", other.map(drop)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client.
pub(crate) struct Client(pub(crate) WebSocket);

impl Client {
    pub(crate) fn send(&mut self, text: &str) {
        self.0.send_text(text).expect("it is open");
    }

    /// Returns the next message.
    pub(crate) fn next(&mut self) -> Message {
        self.0.recv().expect("no error").expect("a message")
    }

    /// Returns the next text.
    pub(crate) fn text(&mut self) -> String {
        match self.next() {
            Message::Text(text) => text,
            Message::Binary(bytes) => panic!("{} bytes", bytes.len()),
        }
    }

    /// Waits for the end; returns the code and the reason. Messages before it are dropped.
    pub(crate) fn closed(&mut self) -> (u16, String) {
        while let Ok(Some(_)) = self.0.recv() {}
        let info = self.0.close_info().expect("it is closed");
        (info.code.into(), info.reason.clone())
    }

    /// Closes, and waits for the answer.
    pub(crate) fn close(&mut self) {
        self.0.terminate(ws_std::wsproto::CloseCode::NORMAL, "").expect("1000 may be sent");
        self.closed();
    }
}
