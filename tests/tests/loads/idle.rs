//! Idle connections.

use std::any::type_name;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Lines, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use conformance::adapters::{Adapter, Mio, Std, Tokio};
use ws_common::ServerOptions;
use wsproto::KeepAlive;

use crate::support::{Peer, address, echo};

const CONNECTIONS: usize = 1000;
const WHILE: Duration = Duration::from_secs(5);

/// A server in a process of its own, whose threads are counted.
struct Server {
    child: Child,
    /// Kept open, so that the child's later output does not fail.
    _output: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

/// Environment variables for the child.
const ADAPTER: &str = "LOADS_ADAPTER";
const INTERVAL: &str = "LOADS_INTERVAL";
const WRITE_TIMEOUT: &str = "LOADS_WRITE_TIMEOUT";

/// The child process: serves until its input ends.
#[test]
#[ignore = "part of a load"]
fn child() {
    let Ok(adapter) = env::var(ADAPTER) else { return };
    let seconds = |name| env::var(name).ok().and_then(|text| text.parse().ok());
    let mut options = ServerOptions::new();
    options = options.write_timeout(seconds(WRITE_TIMEOUT).map(Duration::from_secs));
    options = options
        .keep_alive(seconds(INTERVAL).map(|interval| {
            KeepAlive::new(Duration::from_secs(interval), Duration::from_secs(30))
        }));
    let server = match adapter {
        adapter if adapter == type_name::<Std>() => echo::<Std>(options),
        adapter if adapter == type_name::<Tokio>() => echo::<Tokio>(options),
        _ => echo::<Mio>(options),
    };
    println!("ADDRESS {}", address(&server));
    io::stdin().read_to_end(&mut Vec::new()).expect("an end");
}

impl Server {
    fn start<S: Adapter>(write_timeout: Option<u64>, interval: Option<u64>) -> Self {
        let mut command = Command::new(env::current_exe().expect("this test"));
        command.args(["--exact", "idle::child", "--ignored", "--nocapture"]);
        command.env(ADAPTER, type_name::<S>());
        for (name, value) in [(WRITE_TIMEOUT, write_timeout), (INTERVAL, interval)] {
            match value {
                Some(value) => command.env(name, value.to_string()),
                None => command.env_remove(name),
            };
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let address = output.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("ADDRESS ")?;
            address.parse().ok()
        });
        Self { child, _output: output, address: address.expect("an address") }
    }

    /// Returns how often the child's threads have gone to sleep, in total.
    fn waits(&self) -> usize {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("Linux");
        let waits = tasks.filter_map(|task| {
            let status = fs::read_to_string(task.ok()?.path().join("status")).ok()?;
            let line =
                status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line?.trim().parse::<usize>().ok()
        });
        waits.sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ends the child's input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Answers Pings for a while; returns their number.
fn answer(peers: &mut [Peer], duration: Duration) -> usize {
    let (until, mut pings) = (Instant::now() + duration, 0);
    while Instant::now() < until {
        for peer in &mut *peers {
            let mut ping = [0; 200];
            match peer.0.read(&mut ping) {
                Ok(read) => {
                    assert!(read > 1 && ping[0] == 0x89 && usize::from(ping[1]) == read - 2);
                    peer.0.write_all(&crate::support::frame(0x8A, &ping[2..read])).expect("room");
                    pings += 1;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
    pings
}

// L17: with any write timeout, only a keep-alive wakes threads: once to send Pings, and once per Pong.
pub(crate) fn idle_connections_wake_nobody<S: Adapter>() {
    for (write_timeout, interval) in
        [(Some(10), None), (None, None), (Some(10), Some(30)), (Some(1), Some(30)), (None, Some(1))]
    {
        let server = Server::start::<S>(write_timeout, interval);
        let mut peers: Vec<_> = (0..CONNECTIONS).map(|_| Peer::open(server.address)).collect();
        for peer in &peers {
            peer.0.set_nonblocking(true).expect("a socket");
        }
        answer(&mut peers, Duration::from_secs(1));
        let before = server.waits();
        let pings = answer(&mut peers, WHILE);
        let waits = server.waits() - before;
        println!(
            "write timeout {write_timeout:?}, Pings each {interval:?}: {pings} Pings, {waits} waits"
        );
        assert!(waits <= 3 * pings + 10, "{waits} waits, {pings} Pings");
        assert_eq!(pings > 0, interval == Some(1));
    }
}
