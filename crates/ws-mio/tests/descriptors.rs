//! A server that has no descriptors left: it waits, does not spin, and goes on.
#![cfg(target_os = "linux")]

#[path = "support/child.rs"]
mod child;
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use child::Process;
use support::{REQUEST, frame, open, read_frame};

const FEW: usize = 32;

#[test]
fn a_server_without_descriptors_waits_and_goes_on() {
    if Process::serve() {
        return;
    }
    let server = Process::start("a_server_without_descriptors_waits_and_goes_on", FEW);
    let mut first = open(server.address);
    let crowd: Vec<_> = (0..2 * FEW)
        .map(|_| {
            let mut peer = TcpStream::connect(server.address).expect("the system takes them");
            peer.write_all(REQUEST).expect("written");
            peer
        })
        .collect();
    let (before, start) = (server.processor_time(), Instant::now());
    thread::sleep(Duration::from_secs(1));
    let spent = server.processor_time() - before;
    assert!(spent < 40, "{spent} hundredths of a second");
    first.write_all(&frame(0x81, b"still here")).expect("written");
    assert_eq!(read_frame(&mut first).1, b"still here");
    drop(crowd);
    // L18: one error for each pause of 50 ms.
    let mut page = TcpStream::connect(server.address).expect("a server");
    page.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("written");
    let mut answer = String::new();
    page.read_to_string(&mut answer).expect("a page");
    let errors: u128 =
        answer.rsplit("\r\n").next().and_then(|body| body.parse().ok()).expect("a number");
    let most = start.elapsed().as_millis() / 50 + 1;
    assert!((1..=most).contains(&errors), "{errors} of {most}");
    let mut last = open(server.address);
    last.write_all(&frame(0x81, b"new here")).expect("written");
    assert_eq!(read_frame(&mut last).1, b"new here");
    server.end();
}
