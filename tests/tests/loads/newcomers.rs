//! Newcomers of a server with two loops, one of which may be busy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ws_common::{Decision, Message, ServerOptions, WebSocketConnection};
use ws_mio::WebSocketServer;

use crate::support::{Peer, address, end, frame};

const RATE: usize = 4000;
const NEWCOMERS: usize = 40;
const BUSY: Duration = Duration::from_secs(2);

fn bind(reuses_port: bool) -> WebSocketServer {
    let options = ServerOptions::new();
    let server = match reuses_port {
        true => WebSocketServer::bind_reuse_port("127.0.0.1:0", 2, options),
        false => WebSocketServer::bind("127.0.0.1:0", options),
    };
    server.expect("a free port").threads(2)
}

/// Connects one after the other; returns the connections per second, and the longest time that one took.
fn connect(server: &ws_common::RunningServer, count: usize) -> (f64, Duration) {
    let (begun, mut longest) = (Instant::now(), Duration::ZERO);
    for _ in 0..count {
        let begun = Instant::now();
        Peer::open(address(server)).reset();
        longest = longest.max(begun.elapsed());
    }
    (count as f64 / begun.elapsed().as_secs_f64(), longest)
}

// M11: the worst wait behind a busy loop, and what handing over costs.
#[test]
#[ignore = "a load: ./check loads"]
fn newcomers_of_two_loops() {
    for (name, reuses_port) in [("handed over", false), ("SO_REUSEPORT", true)] {
        let running = bind(reuses_port).spawn(|_: &_, _: &_| {
            Decision::accept(|ws: &WebSocketConnection, message: Message| {
                static BEGUN: AtomicBool = AtomicBool::new(false);
                if message == "busy".into() && !BEGUN.swap(true, Ordering::SeqCst) {
                    thread::sleep(BUSY);
                    BEGUN.store(false, Ordering::SeqCst);
                }
                let _ = ws.send(message);
            })
        });
        let server = running.expect("threads");
        connect(&server, RATE / 4);
        let (rate, usual) = connect(&server, RATE);
        let mut busy = Peer::open(address(&server));
        busy.send(frame(0x81, b"busy"));
        thread::sleep(Duration::from_millis(100));
        let (_, worst) = connect(&server, NEWCOMERS);
        println!("{name}: {rate:.0} connections/s, at most {usual:?}; with a busy loop {worst:?}");
        assert!(reuses_port || worst < BUSY / 2, "{worst:?}");
        end(server);
    }
}
