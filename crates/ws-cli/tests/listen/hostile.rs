//! Clients that do not behave.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use ws_std::wsproto::handshake::ClientRequest;
use ws_std::{ClientOptions, Error};

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

/// Lines about connections wait for their reader. So do further connections, or their lines would fill the memory.
#[test]
fn no_connection_opens_while_the_output_has_no_reader() {
    let mut server = Server::start(&["--echo", "--jsonl"]);
    let long = "x".repeat(7000);
    let connect = |server: &Server| {
        let change = |request: ClientRequest| request.header("X-Long", &long).expect("a field");
        server.try_connect("", change, ClientOptions::new())
    };
    // Each adds a line of more than 7000 bytes.
    let mut opened = 0;
    let refused = loop {
        match connect(&server) {
            Ok(mut client) => client.close(),
            Err(Error::Http(response)) => break response.status(),
            Err(error) => panic!("{error}"),
        }
        opened += 1;
        assert!(opened < 5000, "the lines of {opened} connections wait");
    };
    assert_eq!(refused, 503);
    // The failure of a connection is a line, too. Nothing has a reader still.
    for _ in 0..100 {
        let mut tcp = TcpStream::connect(server.address()).expect("it listens");
        tcp.write_all(b"nonsense\r\n\r\n").expect("it reads");
        let _ = tcp.read_to_end(&mut Vec::new());
    }
    let mut closes = 0;
    while closes < opened {
        closes += usize::from(server.line().contains("\"event\":\"close\""));
    }
    connect(&server).expect("there is room").close();
    while !server.line().contains("\"event\":\"close\"") {}
    // The next failure tells of those that were left out.
    let mut tcp = TcpStream::connect(server.address()).expect("it listens");
    tcp.write_all(b"nonsense\r\n\r\n").expect("it reads");
    assert!(server.line().contains("100 more did not open"));
}
