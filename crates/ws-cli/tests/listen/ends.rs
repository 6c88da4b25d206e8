//! How `ws listen` ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::server::{LIMIT, Server, listen};

#[cfg(unix)]
#[test]
fn signals_close_all_connections() {
    for signal in ["INT", "TERM"] {
        for args in [&["--echo"][..], &["--broadcast"], &[]] {
            let mut server = Server::start(args);
            let mut clients = [server.connect(""), server.connect("")];
            server.signal(signal);
            for client in &mut clients {
                assert_eq!(client.closed(), (1001, String::new()));
            }
            assert!(server.wait().0.success(), "{signal} {args:?}");
        }
    }
}

/// Opens a connection, and leaves it alone.
fn open(server: &Server) -> TcpStream {
    let mut tcp = TcpStream::connect(server.address()).expect("it listens");
    tcp.set_read_timeout(Some(LIMIT)).expect("a time");
    let head = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    tcp.write_all(head.as_bytes()).expect("it reads");
    let mut status = [0; 12];
    tcp.read_exact(&mut status).expect("a response");
    assert_eq!(&status, b"HTTP/1.1 101");
    tcp
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_at_once() {
    let mut server = Server::start(&["--echo"]);
    let mut silent = open(&server);
    server.signal("INT");
    // The Close has come, and is not answered.
    let mut rest = Vec::new();
    while !rest.ends_with(&[0x88, 2, 3, 0xe9]) {
        let mut byte = [0];
        silent.read_exact(&mut byte).expect("a Close");
        rest.push(byte[0]);
    }
    server.signal("INT");
    assert_eq!(server.wait().0.code(), Some(130));
}

#[cfg(unix)]
#[test]
fn silent_clients_do_not_hold_up_the_end() {
    let mut server = Server::start(&["--echo"]);
    let _silent = [open(&server), open(&server)];
    let _unfinished = TcpStream::connect(server.address()).expect("it listens");
    server.signal("INT");
    assert!(server.wait().0.success());
}

#[test]
fn it_ends_when_nobody_reads_its_output() {
    for args in [&[][..], &["--echo", "--jsonl"]] {
        let mut server = Server::start(args);
        let mut client = server.connect("");
        drop(server.stdout.take());
        // While another test starts a process, that one may hold the reading end for a moment.
        let ws = client.0.handle();
        let sender = thread::spawn(move || {
            while ws.send("x").is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
        });
        assert_eq!(client.closed().0, 1001);
        sender.join().expect("no panic");
        assert!(server.wait().0.success());
    }
}

#[test]
fn standard_error_may_have_no_reader() {
    let mut command = listen(&["127.0.0.1:0", "--echo", "-v"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("ws runs");
    let mut line = String::new();
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    stderr.read_line(&mut line).expect("it says where it listens");
    drop(stderr);
    let url = line.trim_end().strip_prefix("ws: listening on ").expect("a URL");
    for _ in 0..2 {
        let mut ws = ws_std::connect(url).expect("it accepts");
        ws.set_recv_timeout(Some(LIMIT));
        ws.send_text("a").expect("it is open");
        assert_eq!(ws.recv().expect("no error"), Some("a".into()));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}
