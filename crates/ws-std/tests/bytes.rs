//! A connection as a stream of bytes, and receiving within a time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ws_std::wsproto::{CloseCode, Server};
use ws_std::{Error, WebSocket, accept, connect};

/// A client, and a server that runs `serve`.
fn with<T: Send + 'static>(
    serve: impl FnOnce(WebSocket<Server>) -> T + Send + 'static,
) -> (WebSocket, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (tcp, _) = listener.accept().expect("a client");
        serve(accept(tcp).expect("a request"))
    });
    (connect(&url).expect("a server"), server)
}

#[test]
fn bytes_go_both_ways_whatever_the_messages_are() -> io::Result<()> {
    // M16
    let (client, server) = with(|ws| {
        let mut stream = ws.into_byte_stream();
        let mut writer = stream.writer();
        io::copy(&mut stream, &mut writer)
    });
    let mut stream = client.into_byte_stream();
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
    let mut writer = stream.writer();
    let (sent, copy) = (bytes.len(), bytes.clone());
    let sending = thread::spawn(move || writer.write_all(&copy));
    let mut back = vec![0; sent];
    for part in back.chunks_mut(77_777) {
        stream.read_exact(part)?;
    }
    assert!(back == bytes);
    sending.join().expect("no panic")?;
    assert_eq!(stream.write(&[])?, 0, "no message");
    stream.flush()?;
    stream.shutdown().expect("open");
    assert_eq!(stream.read(&mut [0; 1])?, 0, "the end");
    assert_eq!(server.join().expect("no panic")?, 1_000_000);
    assert_eq!(stream.write(b"x").map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
    Ok(())
}

#[test]
fn what_is_no_byte_stream_is_an_error() {
    // M16
    let (client, server) = with(|mut ws| {
        ws.send_binary(b"abc").expect("open");
        ws.send_text("text").expect("open");
        // Ends without a Close.
    });
    let mut stream = client.into_byte_stream();
    let mut two = [0; 2];
    stream.read_exact(&mut two).expect("binary");
    assert_eq!(&two, b"ab");
    assert_eq!(stream.read(&mut two).expect("the rest"), 1);
    assert_eq!(stream.read(&mut []).expect("nothing to do"), 0);
    let kind = |result: io::Result<usize>| result.map_err(|error| error.kind());
    assert_eq!(kind(stream.read(&mut two)), Err(ErrorKind::InvalidData));
    assert_eq!(kind(stream.read(&mut two)), Err(ErrorKind::UnexpectedEof));
    server.join().expect("no panic");
    // A Close that does not mean the end of the bytes.
    let (client, server) = with(|mut ws| {
        ws.send_binary(b"abc").expect("open");
        ws.terminate(CloseCode::GOING_AWAY, "restart").expect("open");
        ws.wait_closed().map(drop)
    });
    let error = io::copy(&mut client.into_byte_stream(), &mut io::sink()).expect_err("a rest");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert!(error.to_string().contains("restart"), "{error}");
    server.join().expect("no panic").expect("closed");
    // Unread bytes are returned.
    let (client, server) = with(|mut ws| ws.send_binary(b"abc").map(|_| ws));
    let mut stream = client.into_byte_stream();
    stream.read_exact(&mut two).expect("binary");
    let (ws, rest) = stream.into_inner();
    assert_eq!((rest.as_slice(), ws.close_info()), (&b"c"[..], None));
    drop(server.join().expect("no panic"));
}

#[test]
fn receiving_ends_after_a_time_or_with_the_connection() -> Result<(), Error> {
    // M27
    let (mut client, server) = with(|mut ws| -> Result<(), Error> {
        assert_eq!(ws.recv()?, Some("go".into()));
        ws.send_text("1")?;
        ws.send_text("2")?;
        ws.terminate(CloseCode::NORMAL, "")?;
        ws.wait_closed().map(drop)
    });
    for limit in [Duration::ZERO, Duration::from_millis(10)] {
        let error = client.recv_timeout(limit).expect_err("nothing has come");
        assert!(error.is_timeout(), "{error}");
    }
    client.send_text("go")?;
    assert_eq!(client.recv_timeout(Duration::MAX)?, Some("1".into()));
    let rest = (&mut client).into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(rest, ["2".into()]);
    assert_eq!(client.recv_timeout(Duration::MAX)?, None);
    server.join().expect("no panic")?;
    let closed = client.send_text("x").expect_err("closed");
    assert!(!closed.is_timeout());
    Ok(())
}
