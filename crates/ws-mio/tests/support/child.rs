//! An echo server as a process of its own: this test, run once more.
#![allow(dead_code, reason = "no test binary needs all of it")]

use std::io::{BufRead, BufReader, Lines, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{env, fs, io};

use ws_mio::wsproto::handshake::Response;
use ws_mio::{
    ConnectionHandler, Decision, Error, IncomingRequest, Message, ServerHandle, ServerHandler,
    ServerOptions, WebSocketConnection, WebSocketServer,
};

const CHILD: &str = "WS_MIO_TEST_SERVER";
/// Set, the server has the keep-alive that is usual.
const KEEP_ALIVE: &str = "WS_MIO_TEST_KEEP_ALIVE";

/// Echoes; answers ordinary requests with the number of errors that were reported.
struct Echo {
    errors: u32,
}

/// Has no size, and so no memory.
struct Nothing;

impl ConnectionHandler for Nothing {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        drop(ws.send(message));
    }
}

impl ServerHandler for Echo {
    type Handler = Nothing;

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Nothing> {
        Decision::accept(Nothing)
    }

    fn on_request(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Nothing> {
        Decision::respond(Response::text(200, &self.errors.to_string()))
    }

    fn on_error(&mut self, _: &ServerHandle, _: Option<SocketAddr>, _: &Error) {
        self.errors += 1;
    }
}

/// A server; it ends when its standard input does.
pub(crate) struct Process {
    child: Child,
    /// Kept, so that its output finds an open pipe.
    _output: Lines<BufReader<ChildStdout>>,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Runs the test of that name once more, with so many descriptors, to be the server.
    pub(crate) fn start(test: &str, descriptors: usize) -> Self {
        let run = "exec \"$0\" --exact \"$1\" --include-ignored --nocapture";
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {descriptors} && {run}")])
            .arg(env::current_exe().expect("a test"))
            .arg(test)
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut lines = output.by_ref().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("listening on ")?.parse().ok());
        Self { child, _output: output, address: address.expect("an address") }
    }

    /// Is the server, if this is the process for it; whether it was.
    pub(crate) fn serve() -> bool {
        if env::var_os(CHILD).is_none() {
            return false;
        }
        let mut options = ServerOptions::new().max_connections(usize::MAX);
        if env::var_os(KEEP_ALIVE).is_none() {
            options = options.keep_alive(None);
        }
        let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
        println!("\nlistening on {}", server.local_addr().expect("an address"));
        let server = server.spawn(Echo { errors: 0 }).expect("a thread");
        io::stdin().read_to_end(&mut Vec::new()).expect("a pipe");
        server.handle().terminate(Some(Duration::ZERO));
        server.join();
        true
    }

    /// How many hundredths of a second it has been computing.
    pub(crate) fn processor_time(&self) -> u64 {
        let stat = self.file("stat");
        let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }

    /// Its resident memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        let status = self.file("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).expect("it runs")
    }

    /// Ends it, in order.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("it ends").success());
    }
}
