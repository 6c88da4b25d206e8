//! No leaks: threads, descriptors and memory are released after a thousand connections. Alone in its
//! binary, because it counts those of the process.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};
use std::{fs, thread};

use ws_std::{
    Decision, Error, Message, RunningServer, ServerOptions, WebSocketConnection, WebSocketServer,
    connect,
};

const CLIENTS: usize = 200;
const ROUNDS: usize = 5;

fn count(what: &str) -> usize {
    fs::read_dir(format!("/proc/self/{what}")).expect("Linux").count()
}

/// Returns the resident memory in KiB.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn echo_server() -> (RunningServer, String) {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let url = format!("ws://{}/", server.local_addr().expect("an address"));
    let server = server.spawn(|_: &_, _: &_| {
        Decision::accept(|ws: &WebSocketConnection, message: Message| {
            ws.send(message).expect("open");
        })
    });
    (server.expect("a thread"), url)
}

/// Runs `CLIENTS` clients at a time: every third one closes, the others end without a Close.
fn round(url: &str) {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let url = url.to_owned();
            thread::spawn(move || -> Result<(), Error> {
                let mut ws = connect(&url)?;
                let message = Message::Binary(vec![number as u8; 10 * number]);
                ws.send(message.clone())?;
                assert_eq!(ws.recv()?, Some(message));
                if number % 3 == 0 {
                    ws.close(None)?;
                    assert!(ws.wait_closed()?.was_clean);
                }
                Ok(())
            })
        })
        .collect();
    for client in clients {
        client.join().expect("no panic").expect("an echo");
    }
}

#[test]
fn a_thousand_connections_leave_nothing_behind() {
    // The first connection starts the warden, which stays.
    let (server, url) = echo_server();
    drop(connect(&url).expect("a server"));
    server.handle().terminate(None);
    server.join();
    let threads = count("task");
    let (server, url) = echo_server();
    let mut after_first = (0, 0);
    for number in 0..ROUNDS {
        round(&url);
        while !server.handle().connections().is_empty() {
            thread::yield_now();
        }
        if number == 0 {
            after_first = (count("fd"), memory());
        }
    }
    // The last threads of the server may still be returning.
    while count("task") > threads + 1 {
        thread::yield_now();
    }
    let (descriptors, kib) = after_first;
    // A transport may linger for two seconds, so that no reset overtakes a Close.
    let began = Instant::now();
    while count("fd") > descriptors {
        assert!(began.elapsed() < Duration::from_secs(20), "a descriptor is left");
        thread::yield_now();
    }
    // Allocators keep some freed memory, but a thousand leaked buffers of 64 KiB would be more.
    assert!(memory() < kib + 16_384, "{} KiB grew to {}", kib, memory());
    server.handle().terminate(None);
    server.join();
    assert_eq!(count("task"), threads);
}
