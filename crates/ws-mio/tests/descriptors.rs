//! A server that has no descriptors left: it waits, does not spin, and goes on.
#![cfg(target_os = "linux")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, io, thread};

use support::{REQUEST, frame, open, read_frame};
use ws_mio::{Accepted, Message, WebSocketConnection, WebSocketServer};

const CHILD: &str = "WS_MIO_TEST_SERVER";
const FEW: usize = 32;

/// How many hundredths of a second a process has been computing.
fn processor_time(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

/// Serves until the standard input ends.
fn serve() {
    let server = WebSocketServer::bind("127.0.0.1:0").expect("a free port");
    println!("\nlistening on {}", server.local_addr().expect("an address"));
    let echo = |ws: &WebSocketConnection, message: Message| drop(ws.send(message));
    let server = server.spawn(move |_: &_, _: &_| Ok(Accepted::new(echo))).expect("a thread");
    io::stdin().read_to_end(&mut Vec::new()).expect("a pipe");
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

#[test]
fn a_server_without_descriptors_waits_and_goes_on() {
    const NAME: &str = "a_server_without_descriptors_waits_and_goes_on";
    if env::var_os(CHILD).is_some() {
        return serve();
    }
    // This process again, with few descriptors, as the server.
    let mut server = Command::new("sh")
        .args(["-c", &format!("ulimit -n {FEW}; exec \"$0\" --exact {NAME} --nocapture")])
        .arg(env::current_exe().expect("a test"))
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let address: SocketAddr = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("listening on ")?.parse().ok())
        .expect("an address");

    let mut first = open(address);
    let crowd: Vec<_> = (0..2 * FEW)
        .map(|_| {
            let mut peer = TcpStream::connect(address).expect("the system takes them");
            peer.write_all(REQUEST).expect("written");
            peer
        })
        .collect();
    let before = processor_time(server.id());
    thread::sleep(Duration::from_secs(1));
    let spent = processor_time(server.id()) - before;
    assert!(spent < 40, "{spent} hundredths of a second");
    first.write_all(&frame(0x81, b"still here")).expect("written");
    assert_eq!(read_frame(&mut first).1, b"still here");
    drop(crowd);
    let mut last = open(address);
    last.write_all(&frame(0x81, b"new here")).expect("written");
    assert_eq!(read_frame(&mut last).1, b"new here");
    drop(server.stdin.take());
    assert!(server.wait().expect("it ends").success());
}
