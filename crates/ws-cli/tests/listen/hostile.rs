//! Clients that do not behave.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::server::Server;

#[test]
fn a_client_that_does_not_read_is_left_behind() {
    let server = Server::start(&["--broadcast"]);
    let mut idle = server.connect("");
    let (mut speaker, mut reader) = (server.connect(""), server.connect(""));
    let megabyte = "x".repeat(1 << 20);
    // More than the system and the server hold for the one that reads nothing.
    for _ in 0..64 {
        speaker.send(&megabyte);
        assert_eq!(reader.text().len(), 1 << 20);
    }
    assert_eq!(idle.closed(), (1013, "you read too slowly".into()));
    speaker.send("still here");
    assert_eq!(reader.text(), "still here");
}

#[test]
fn a_client_that_reads_no_lines_is_closed() {
    let mut server = Server::start(&[]);
    let mut stdin = server.stdin.take().expect("a pipe");
    let mut idle = server.connect("");
    let mut reader = server.connect("");
    let line = "x".repeat((1 << 20) - 1);
    let writing = std::thread::spawn(move || {
        for _ in 0..64 {
            stdin
                .write_all(line.as_bytes())
                .and_then(|()| stdin.write_all(b"\n"))
                .expect("it reads");
        }
        writeln!(stdin, "last").expect("it reads");
    });
    for _ in 0..64 {
        assert_eq!(reader.text().len(), (1 << 20) - 1);
    }
    assert_eq!(reader.text(), "last");
    assert_eq!(idle.closed(), (1008, "you read nothing".into()));
    writing.join().expect("no panic");
}

#[test]
fn output_that_nobody_reads_stops_the_clients() {
    let mut server = Server::start(&[]);
    let mut clients = [server.connect(""), server.connect("")];
    let message = "x".repeat(100_000);
    let mut sent = 0;
    for client in &mut clients {
        client.0.set_send_timeout(Some(Duration::from_millis(50)));
        // Until neither the server nor the system takes more.
        let taken = (0..1000).take_while(|_| client.0.send_text(&message).is_ok()).count();
        assert!(taken < 1000, "100 MB have left");
        sent += taken;
    }
    server.assert_small();
    for _ in 0..sent {
        assert_eq!(server.line(), message);
    }
}

#[test]
fn violations_and_nonsense_hurt_nobody_else() {
    let server = Server::start(&["--echo", "-v"]);
    let mut good = server.connect("");
    for nonsense in
        [&b"\x16\x03\x01\x02\x00\x01"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\r\n\r\n"]
    {
        let mut tcp = TcpStream::connect(server.address()).expect("it listens");
        tcp.write_all(nonsense).expect("it reads");
        let mut response = Vec::new();
        // It may reset the connection.
        let _ = tcp.read_to_end(&mut response);
        let error = server.error();
        assert!(!error.contains("panicked"), "{error}");
    }
    good.send("fine");
    assert_eq!(good.text(), "fine");
}
