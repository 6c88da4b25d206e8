//! The cost of idle connections: `./check idle`, which needs some 11 200 descriptors (`ulimit -n`).
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, io, thread};

use tokio::runtime::Builder;
use ws_tokio::{
    Decision, Error, Listener, Message, ServerOptions, WebSocketConnection, serve_per_core,
};

const CONNECTIONS: usize = 10_000;
/// As many as the runtime takes events at a time.
const BATCH: usize = 1024;
const LARGE: usize = 16 << 10;
/// The kinds of servers, and the most bytes of memory for each connection.
const KINDS: [(&str, usize); 2] = [("handlers", 1600), ("async", 1600)];

/// Set in the process of a server, to its kind.
const KIND: &str = "WS_TOKIO_TEST_SERVER";

fn options() -> ServerOptions {
    ServerOptions::new().max_connections(usize::MAX).keep_alive(None)
}

/// The server: it ends when its standard input does.
fn serve(kind: &str) {
    let end = || io::stdin().read_to_end(&mut Vec::new()).expect("a pipe");
    if kind == "handlers" {
        let decide = |_: &_, _: &_| {
            Decision::accept(|ws: &WebSocketConnection, message: Message| drop(ws.send(message)))
        };
        let running = serve_per_core("127.0.0.1:0", 1, options(), decide).expect("a free port");
        println!("\nlistening on {}", running.handle().local_addr().expect("TCP"));
        end();
        return;
    }
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut listener = Listener::bind("127.0.0.1:0", options()).await.expect("a free port");
        println!("\nlistening on {}", listener.local_addr().expect("TCP"));
        let server = listener.handle().clone();
        thread::spawn(move || {
            end();
            server.terminate(Some(Duration::ZERO));
        });
        while let Some(incoming) = listener.accept().await.expect("accepting works") {
            tokio::spawn(async move {
                let mut ws = incoming.accept().await?;
                while let Some(message) = ws.recv().await? {
                    ws.send(message).await?;
                }
                Ok::<_, Error>(())
            });
        }
    });
}

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(kind: &str) -> Self {
        let run = "exec \"$0\" --exact idle_connections_cost_little --include-ignored --nocapture";
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {} && {run}", CONNECTIONS + BATCH + 100)])
            .arg(env::current_exe().expect("a test"))
            .env(KIND, kind)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let lines = BufReader::new(child.stdout.as_mut().expect("a pipe")).lines();
        let mut lines = lines.map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("listening on ")?.parse().ok());
        Self { child, address: address.expect("an address") }
    }

    /// Returns its resident memory in bytes.
    fn memory(&self) -> usize {
        thread::sleep(Duration::from_millis(500));
        let status = self.file("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
    }

    /// Returns how many hundredths of a second it has been computing.
    fn processor_time(&self) -> u64 {
        let stat = self.file("stat");
        let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).expect("it runs")
    }
}

fn open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("not zero");
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request).expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

fn echo(peer: &mut TcpStream) {
    let len = u16::try_from(LARGE).expect("16 bits").to_be_bytes();
    let mut frame = vec![0x82, 0x80 | 126, len[0], len[1], 0, 0, 0, 0];
    frame.resize(frame.len() + LARGE, 7);
    peer.write_all(&frame).expect("written");
    let mut echoed = vec![0; 4 + LARGE];
    peer.read_exact(&mut echoed).expect("an echo");
    assert!(echoed.starts_with(&[0x82, 126]) && echoed.ends_with(&[7; LARGE]));
}

#[test]
#[ignore = "./check idle runs it, in a release"]
fn idle_connections_cost_little() {
    if let Ok(kind) = env::var(KIND) {
        return serve(&kind);
    }
    for (kind, most) in KINDS {
        let mut server = Server::start(kind);
        // Memory that all connections share exists before the first counts.
        let mut active = open(server.address);
        let batch: Vec<_> = (0..BATCH).map(|_| open(server.address)).collect();
        echo(&mut active);
        let before = server.memory();
        let mut idle: Vec<_> = (0..CONNECTIONS).map(|_| open(server.address)).collect();
        let opened = (server.memory() - before) / CONNECTIONS;
        idle.iter_mut().for_each(echo);
        let echoed = (server.memory() - before) / CONNECTIONS;
        println!(
            "{kind}: {opened} bytes after the handshake, {echoed} after an echo of {LARGE} bytes"
        );
        assert!(opened <= most && echoed <= most);
        let spent = server.processor_time();
        thread::sleep(Duration::from_secs(3));
        assert_eq!(server.processor_time(), spent, "nothing is due");
        drop((batch, idle));
        echo(&mut active);
        drop(server.child.stdin.take());
        assert!(server.child.wait().expect("it ends").success());
    }
}
