//! More connections than a process has resources for.

use std::fs;
use std::thread;

use conformance::adapters::Adapter;
use ws_common::ServerOptions;

use crate::support::{Peer, address, assert_serves, echo, end, upgrade, wait_until};

const CONNECTS: usize = 20_000;
const AT_ONCE: usize = 8;

/// The default limit of connections of `ws-std`.
const ROOM: usize = 4096;

/// The descriptors that both ends of all connections need.
const DESCRIPTORS: usize = 2 * ROOM + 4000;

// B1: a server with its defaults accepts connections up to its limit, refuses the others, and survives.
pub(crate) fn twenty_thousand_connects<S: Adapter>() {
    let most = descriptors();
    if most < DESCRIPTORS {
        println!("skipped: {most} descriptors, and it takes {DESCRIPTORS}: ulimit -n");
        return;
    }
    let server = echo::<S>(ServerOptions::new());
    let to = address(&server);
    let threads = (0..AT_ONCE).map(|_| {
        thread::spawn(move || {
            let (mut inside, mut refused) = (Vec::new(), 0);
            for _ in 0..CONNECTS / AT_ONCE {
                let mut peer = Peer::connect(to);
                peer.send(upgrade("/", ""));
                let head = peer.head();
                if head.starts_with("HTTP/1.1 101 ") {
                    inside.push(peer);
                } else {
                    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
                    refused += 1;
                }
            }
            (inside, refused)
        })
    });
    let threads: Vec<_> = threads.collect();
    let (mut inside, mut refused) = (Vec::new(), 0);
    for thread in threads {
        let (more, others) = thread.join().expect("no panic");
        inside.extend(more);
        refused += others;
    }
    println!("{} inside, {refused} refused", inside.len());
    assert_eq!((inside.len(), refused), (ROOM, CONNECTS - ROOM));
    inside.iter_mut().for_each(Peer::echoes);
    inside.truncate(ROOM / 2);
    wait_until("there is room", || server.handle().connections().len() == ROOM / 2);
    assert_serves::<S>(&server);
    drop(inside);
    end(server);
}

/// Returns the descriptor limit of this process.
fn descriptors() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok()).unwrap_or(0)
}
