//! Servers, and the command as a child process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs, process};

use ws_std::wsproto::handshake::{Accept, Request};
use ws_std::{
    Decision, IncomingRequest, Message, RunningServer, ServerHandle, ServerOptions,
    WebSocketConnection, WebSocketServer,
};

/// Only a test that hangs takes so long.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Starts a server that sends every message back.
pub(crate) fn echo(options: ServerOptions) -> RunningServer {
    serve(options, |ws: &WebSocketConnection, message: Message| {
        let _ = ws.send(message);
    })
}

/// Starts a server.
pub(crate) fn serve<H>(options: ServerOptions, handler: H) -> RunningServer
where
    H: FnMut(&WebSocketConnection, Message) + Clone + Send + 'static,
{
    let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a port");
    let spawned = server
        .spawn(move |_: &ServerHandle, _: &IncomingRequest| Decision::accept(handler.clone()));
    spawned.expect("a thread")
}

/// Returns the URL of a server.
pub(crate) fn url(server: &RunningServer) -> String {
    format!("ws://{}/", server.handle().local_addr().expect("an address"))
}

/// Ends a server.
pub(crate) fn end(server: RunningServer) {
    server.handle().terminate(None);
    server.join();
}

/// Starts a server of one connection that does with the stream what `serve` does, after the opening handshake.
/// Returns its URL.
pub(crate) fn by_hand(serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut answer = Vec::new();
        let request = Request::parse(&head(&mut stream)).expect("a request");
        Accept::new().encode(&request, &mut answer).expect("an upgrade");
        stream.write_all(&answer).expect("a client");
        serve(stream);
    });
    url
}

/// Reads the head of a request.
pub(crate) fn head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    head
}

/// Reads and discards until the peer ends.
pub(crate) fn drain(mut stream: TcpStream) {
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// Returns the command, without an environment that changes it.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ws"));
    command.args(arguments).env_remove("RUST_LOG").env_remove("NO_COLOR");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the command.
pub(crate) fn start(arguments: &[&str]) -> Child {
    command(arguments).spawn().expect("it starts")
}

/// A run that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("UTF-8")
    }
}

/// Runs the command with an input.
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = start(arguments);
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    // Fails if the command ends before it has read everything.
    let writing = thread::spawn(move || drop(stdin.write_all(&input)));
    let ended = wait(child);
    writing.join().expect("no panic");
    ended
}

/// Waits for the end of a run, but not for ever.
pub(crate) fn wait(mut child: Child) -> Ended {
    drop(child.stdin.take());
    let out = child.stdout.take().map(|out| thread::spawn(move || read(out)));
    let err = child.stderr.take().map(|err| thread::spawn(move || read(err)));
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().expect("a child") {
            Some(status) => break status,
            None if begun.elapsed() > LONG => {
                let _ = child.kill();
                panic!("it does not end");
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let all = |reading: Option<thread::JoinHandle<Vec<u8>>>| {
        reading.map(|reading| reading.join().expect("no panic")).unwrap_or_default()
    };
    let err = String::from_utf8(all(err)).expect("UTF-8");
    Ended { status: status.code(), out: all(out), err }
}

fn read(mut from: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    from.read_to_end(&mut all).expect("a pipe");
    all
}

/// Waits until the number of bytes in a pipe that nobody has read fulfils a condition, where that can be known.
#[cfg(target_os = "linux")]
pub(crate) fn wait_unread(pipe: &impl std::os::fd::AsFd, is_met: impl Fn(u64) -> bool) {
    let begun = Instant::now();
    while !is_met(rustix::io::ioctl_fionread(pipe).expect("a pipe")) {
        assert!(begun.elapsed() < LONG, "the other end neither reads nor writes");
        thread::yield_now();
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn wait_unread<P>(_: &P, _: impl Fn(u64) -> bool) {}

/// A new folder, which is removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("ws-cli-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A leftover in the temporary folder is harmless.
        let _ = fs::remove_dir_all(&self.0);
    }
}
