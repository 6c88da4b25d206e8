//! Misbehaving streams: no byte is lost, repeated or invented.

mod support;

use std::io::{self, ErrorKind, Read, Write};
#[cfg(unix)]
use std::{thread, time::Duration};

use support::{EchoPeer, Manner, RecordedServer, Recording};
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{CloseCode, CloseFrame, Config, ReadyState, Role, Server};
use ws_std::{Decision, Error, IncomingRequest, Message, SendStatus, Stream, WebSocket};

fn request() -> ClientRequest {
    ClientRequest::new(WsUrl::parse("ws://localhost/").expect("a URL"))
}

fn accept(_: &IncomingRequest) -> Decision<()> {
    Decision::accept(())
}

/// Repeats a call while its stream fails with `WouldBlock`.
fn patiently<T>(mut call: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    loop {
        match call() {
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}

/// A client's bytes: the request, a text in two fragments around a Ping, a binary message of 300 bytes, a
/// Close. All masking keys are zero, so payloads are legible.
fn conversation() -> Vec<u8> {
    let mut bytes = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n"
        .to_vec();
    bytes.extend(b"\x01\x83\0\0\0\0Hel\x89\x82\0\0\0\0hi\x80\x82\0\0\0\0lo");
    bytes.extend(b"\x82\xFE\x01\x2C\0\0\0\0");
    bytes.extend([0xAB; 300]);
    bytes.extend(b"\x88\x85\0\0\0\0\x03\xE8bye");
    bytes
}

fn messages() -> [Message; 2] {
    ["Hello".into(), vec![0xAB; 300].into()]
}

/// Runs the server's end to the end of the connection. Returns the received messages.
fn converse(ws: &mut WebSocket<Server>) -> Result<Vec<Message>, Error> {
    let mut received = Vec::new();
    if patiently(|| ws.handshake(accept))? {
        while let Some(message) = patiently(|| ws.recv())? {
            received.push(message);
        }
    }
    Ok(received)
}

#[test]
fn a_client_loses_nothing_on_a_faulty_stream() -> Result<(), Error> {
    // R6455-4.1-1, R6455-4.1-5, R6455-6.1-6, A41: any stream works, and every byte arrives.
    for manner in [Manner::Good, Manner::Faulty] {
        let mut ws =
            WebSocket::client(Stream::new(EchoPeer::new(manner)), request(), Config::default())?;
        patiently(|| ws.handshake())?;
        assert_eq!(ws.ready_state(), ReadyState::Open);
        for message in [Message::from("Hello"), vec![7; 70_000].into(), "".into(), vec![].into()] {
            // Output that was not written at once is kept; sending it again would repeat it.
            let mut status = ws.send(message.clone())?;
            while status == SendStatus::Queued {
                status = ws.flush()?;
            }
            assert_eq!(patiently(|| ws.recv())?, Some(message));
        }
        let _ = ws.close(CloseFrame::normal("bye").expect("a short reason"));
        patiently(|| ws.wait_closed().map(drop))?;
        let info = ws.close_info().expect("closed");
        assert_eq!((info.code, &*info.reason), (CloseCode::NORMAL, "bye"));
        assert!(info.was_clean);
    }
    Ok(())
}

#[test]
fn a_server_sees_the_same_on_a_faulty_stream() -> Result<(), Error> {
    let mut written = Vec::new();
    for manner in [Manner::Good, Manner::Faulty] {
        let stream = Recording::new(&conversation(), manner, None);
        let output = stream.written.clone();
        let mut ws = WebSocket::server(Stream::new(stream), Config::default());
        assert_eq!(converse(&mut ws)?, messages());
        let info = ws.close_info().expect("closed");
        assert_eq!((info.code, &*info.reason, info.was_clean), (CloseCode::NORMAL, "bye", true));
        written.push(output.taken());
    }
    assert!(written[0].ends_with(b"\x8A\x02hi\x88\x05\x03\xE8bye"));
    assert_eq!(written[0], written[1]);
    Ok(())
}

#[test]
fn an_end_at_any_byte_loses_no_message_before_it() {
    // R6455-7.2.1-1, A36: complete messages are delivered, and the end is 1006 unless both Closes were
    // exchanged.
    let bytes = conversation();
    for (manner, end) in ends() {
        for cut in 0..bytes.len() {
            let stream = Stream::new(Recording::new(&bytes[..cut], manner, end));
            let mut ws = WebSocket::server(stream, Config::default());
            let mut received = Vec::new();
            if matches!(patiently(|| ws.handshake(accept)), Ok(true)) {
                received = receive_all(&mut ws);
            }
            assert!(messages().starts_with(&received), "{received:?} at {cut}");
            while !matches!(patiently(|| ws.recv()), Ok(None)) {}
            let info = ws.close_info().expect("closed");
            assert_eq!((info.code, info.was_clean), (CloseCode::ABNORMAL, false), "at {cut}");
        }
    }
}

/// A server's bytes after its response: the client's frames, unmasked.
const SAID: &[u8] = b"\x01\x03Hel\x89\x02hi\x80\x02lo\x82\x7E\x00\x80\
    ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOPABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP\
    ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOPABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP\
    \x88\x05\x03\xE8bye";

#[test]
fn an_end_of_the_server_at_any_byte_loses_no_message_before_it() -> Result<(), Error> {
    // R6455-7.2.1-1, R6455-4.1-7, A36: the same for the client, including its handshake.
    let answer = RecordedServer::answer("any").len();
    let all = answer + SAID.len();
    let said: [Message; 2] = ["Hello".into(), b"ABCDEFGHIJKLMNOP".repeat(8).into()];
    for (manner, end) in ends() {
        for cut in 0..=all {
            let stream = RecordedServer::new(SAID, cut, manner, end);
            let mut ws = WebSocket::client(Stream::new(stream), request(), Config::default())?;
            let open = patiently(|| ws.handshake());
            assert_eq!(open.is_ok(), cut >= answer, "at {cut}: {open:?}");
            if open.is_err() {
                continue;
            }
            let received = receive_all(&mut ws);
            let complete = [13, SAID.len() - 7].into_iter().filter(|len| cut >= answer + len);
            assert_eq!(received, said[..complete.count()], "at {cut}");
            while !matches!(patiently(|| ws.recv()), Ok(None)) {}
            let info = ws.close_info().expect("closed");
            let whole = (CloseCode::NORMAL, "bye", true);
            let expected = if cut == all { whole } else { (CloseCode::ABNORMAL, "", false) };
            assert_eq!((info.code, &*info.reason, info.was_clean), expected, "at {cut}");
        }
    }
    Ok(())
}

/// Every combination of manner and end.
fn ends() -> impl Iterator<Item = (Manner, Option<ErrorKind>)> {
    let ends = [None, Some(ErrorKind::ConnectionReset)];
    [Manner::Good, Manner::Faulty].into_iter().flat_map(move |manner| ends.map(|end| (manner, end)))
}

/// Receives until the end or an error.
fn receive_all<R: Role>(ws: &mut WebSocket<R>) -> Vec<Message> {
    let mut received = Vec::new();
    while let Ok(Some(message)) = patiently(|| ws.recv()) {
        received.push(message);
    }
    received
}

#[test]
fn a_reset_of_an_open_connection_is_an_error_once() {
    let bytes = conversation();
    let head = bytes.len() - 11;
    let stream = Recording::new(&bytes[..head], Manner::Good, Some(ErrorKind::ConnectionReset));
    let mut ws = WebSocket::server(Stream::new(stream), Config::default());
    assert!(matches!(ws.handshake(accept), Ok(true)));
    assert!(matches!(ws.recv(), Ok(Some(Message::Text(_)))));
    assert!(matches!(ws.recv(), Ok(Some(Message::Binary(_)))));
    let error = ws.recv().expect_err("a reset");
    assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::ConnectionReset));
    assert!(matches!(ws.recv(), Ok(None)));
    assert!(matches!(ws.recv(), Ok(None)));
}

#[test]
fn a_stream_that_writes_nothing_is_an_error() {
    struct Stuck;
    impl Read for Stuck {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::WouldBlock.into())
        }
    }
    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut ws =
        WebSocket::client(Stream::new(Stuck), request(), Config::default()).expect("random bytes");
    let error = ws.flush().expect_err("nothing was written");
    assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::BrokenPipe));
}

#[test]
fn sending_before_and_after_is_an_error_and_writes_nothing() -> Result<(), Error> {
    use ws_std::wsproto::SendError;

    let stream = Recording::new(&conversation(), Manner::Good, None);
    let output = stream.written.clone();
    let mut ws = WebSocket::server(Stream::new(stream), Config::default());
    let early = ws.send_text("early").expect_err("not open");
    assert!(matches!(early, Error::Send(SendError::NotOpen)));
    converse(&mut ws)?;
    assert!(!output.taken().is_empty());
    let late = ws.send_text("late").expect_err("closed");
    assert!(matches!(late, Error::Send(SendError::Closed)));
    assert!(ws.close(None).is_ok(), "closing twice is harmless");
    assert!(output.taken().is_empty());
    Ok(())
}

#[test]
fn an_application_may_not_set_every_code() -> Result<(), Error> {
    let mut ws =
        WebSocket::client(Stream::new(EchoPeer::new(Manner::Good)), request(), Config::default())?;
    ws.handshake()?;
    let going = || CloseFrame::new(CloseCode::GOING_AWAY, "").expect("may be sent");
    assert!(matches!(ws.close(going()), Err(Error::ClientCode(CloseCode::GOING_AWAY))));
    assert_eq!(ws.ready_state(), ReadyState::Open);
    ws.close_with(going())?;
    assert_eq!(ws.wait_closed()?.code, CloseCode::GOING_AWAY);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_a_socket() -> Result<(), Error> {
    // M2: one thread reads while others write, and every wait has its limit.
    let path = std::env::temp_dir().join(format!("ws-incoming-{}", std::process::id()));
    let server = ws_std::WebSocketServer::from_listener(
        ws_std::ServerSocket::bind_unix(&path)?,
        ws_std::ServerOptions::new(),
    );
    assert!(server.local_addr().is_err());
    let mut incoming = server.incoming()?;
    let stream = std::os::unix::net::UnixStream::connect(&path)?;
    let request = ClientRequest::new(WsUrl::parse("ws://localhost/")?);
    let mut client = WebSocket::client(stream, request, Config::new())?;
    client.handshake()?;
    let mut there = incoming.next().expect("a connection");
    assert_eq!((there.handle().peer_addr(), client.handle().peer_addr()), (None, None));
    client.set_recv_timeout(Some(Duration::from_millis(20)));
    assert!(matches!(client.recv(), Err(Error::Io(error)) if error.kind() == ErrorKind::TimedOut));
    // Sent while the other thread waits in `recv`.
    let handle = client.handle();
    let reader = thread::spawn(move || {
        client.set_recv_timeout(None);
        (client.recv(), client)
    });
    thread::sleep(Duration::from_millis(20));
    handle.send("Hello")?;
    assert_eq!(there.recv()?, Some("Hello".into()));
    there.send("bye")?;
    let (received, _client) = reader.join().expect("no panic");
    assert_eq!(received?, Some("bye".into()));
    // No room, and nobody reads: the wait ends.
    there.set_send_timeout(Some(Duration::from_millis(20)));
    let full = (0..1000).find_map(|_| there.send(vec![7; 1 << 20]).err());
    assert!(matches!(full, Some(Error::WouldExceed(Some(_)))), "{full:?}");
    drop(incoming);
    std::fs::remove_file(path)?;
    Ok(())
}
