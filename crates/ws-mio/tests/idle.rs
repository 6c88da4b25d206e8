//! The cost of idle connections: `./check idle`, which needs some 11 200 descriptors (`ulimit -n`).
#![cfg(target_os = "linux")]

#[path = "support/child.rs"]
mod child;
mod support;

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use child::Process;
use support::{frame, open, read_frame};

const CONNECTIONS: usize = 10_000;
/// As many as a loop takes events at a time.
const BATCH: usize = 1024;
const LARGE: usize = 16 << 10;
/// The most bytes of memory for each.
const MOST: usize = 256;

fn echo(peer: &mut TcpStream, size: usize) {
    let payload = vec![7; size];
    peer.write_all(&frame(0x82, &payload)).expect("written");
    assert!(read_frame(peer) == (0x82, payload));
}

#[test]
#[ignore = "./check idle runs it, in a release"]
fn idle_connections_cost_little_memory_and_no_time() {
    if Process::serve() {
        return;
    }
    let server = Process::start(
        "idle_connections_cost_little_memory_and_no_time",
        CONNECTIONS + BATCH + 100,
    );
    // Memory that all connections share exists before the first counts: buffers, and lists as long as a batch of
    // events.
    let mut active = open(server.address);
    let batch: Vec<_> = (0..BATCH).map(|_| open(server.address)).collect();
    echo(&mut active, LARGE);
    thread::sleep(Duration::from_millis(500));
    let before = server.memory();
    let per_connection = || {
        thread::sleep(Duration::from_millis(500));
        (server.memory() - before) / CONNECTIONS
    };
    let mut idle: Vec<_> = (0..CONNECTIONS).map(|_| open(server.address)).collect();
    let opened = per_connection();
    idle.iter_mut().for_each(|peer| echo(peer, LARGE));
    let echoed = per_connection();
    println!("{opened} bytes after the handshake, {echoed} after an echo of {LARGE} bytes");
    assert!(opened <= MOST && echoed <= MOST);

    let spent = server.processor_time();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(server.processor_time(), spent, "nothing is due");
    (0..1000).for_each(|size| echo(&mut active, size));
    drop((batch, idle));
    echo(&mut active, LARGE);
    server.end();
}
