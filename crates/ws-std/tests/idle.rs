//! L17: idle connections wake no thread. Alone in its binary, because it inspects every thread.
#![cfg(target_os = "linux")]

#[path = "support/net.rs"]
mod net;

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::Duration;

use net::open_by_hand;
use ws_std::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};

const CLIENTS: usize = 1000;

/// Returns how often each thread of this process, except the caller, has gone to sleep.
fn waits() -> BTreeMap<String, u64> {
    let me = fs::read_link("/proc/thread-self").expect("Linux");
    let me = me.file_name().expect("a number").to_owned();
    let tasks = fs::read_dir("/proc/self/task").expect("Linux").flatten();
    tasks
        .filter(|task| task.file_name() != me)
        .filter_map(|task| {
            let status = fs::read_to_string(task.path().join("status")).ok()?;
            let line = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"))?;
            Some((task.file_name().to_string_lossy().into_owned(), line.trim().parse().ok()?))
        })
        .collect()
}

#[test]
fn a_thousand_idle_connections_wake_nobody() {
    // With and without a write timeout.
    for timeout in [None, Some(Duration::from_millis(100)), Some(Duration::from_secs(10))] {
        let options = ServerOptions::new().write_timeout(timeout);
        let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
        let address = server.local_addr().expect("an address").to_string();
        let server = server
            .spawn(|_: &_, _: &_| Decision::accept(|_: &WebSocketConnection, _: Message| {}))
            .expect("a thread");
        let clients: Vec<_> = (0..CLIENTS).map(|_| open_by_hand(&address)).collect();
        while server.handle().connections().len() < CLIENTS {
            thread::yield_now();
        }
        // The last handshakes may still run.
        thread::sleep(Duration::from_millis(500));
        let before = waits();
        assert!(before.len() > CLIENTS, "a thread for each");
        thread::sleep(Duration::from_secs(3));
        let after = waits();
        let woken = |(thread, count): &(&String, &u64)| before.get(*thread) != Some(count);
        // One thread is the test harness, which waits for its tests.
        let woken: Vec<_> = after.iter().filter(woken).collect();
        assert!(woken.is_empty(), "{timeout:?}: {woken:?}");
        server.handle().terminate(Some(Duration::ZERO));
        server.join();
        drop(clients);
    }
}
