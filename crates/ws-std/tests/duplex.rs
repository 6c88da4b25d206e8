//! Several threads on one connection, and owners that are busy elsewhere.

#[path = "support/net.rs"]
mod net;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use net::{REQUEST, echo_once, open_by_hand, read_all, url, yes};
use ws_std::wsproto::{CloseFrame, Config, KeepAlive, ReadyState, SendError, SessionError};
use ws_std::{
    Error, Message, SendStatus, Stream, WebSocket, WebSocketConnection, accept_with, connect,
};

#[test]
fn several_threads_write_while_one_reads() -> Result<(), Error> {
    const THREADS: usize = 4;
    const MESSAGES: usize = 500;

    let (address, server) = echo_once(Config::default());
    let mut ws = connect(&url(&address))?;
    let writers: Vec<_> = (0..THREADS)
        .map(|thread| -> Result<_, Error> {
            let writer = ws.handle();
            Ok(thread::spawn(move || {
                for number in 0..MESSAGES {
                    writer.send(format!("{thread} {number} {}", "x".repeat(number))).expect("open");
                }
            }))
        })
        .collect::<Result<_, _>>()?;
    let mut next = [0; THREADS];
    for _ in 0..THREADS * MESSAGES {
        let Some(Message::Text(text)) = ws.recv()? else { panic!("closed") };
        let mut words = text.split(' ');
        let mut number = || words.next().expect("a word").parse::<usize>().expect("a number");
        let (thread, number) = (number(), number());
        assert_eq!(number, next[thread], "the messages of a thread stay in order");
        assert_eq!(words.next().map(str::len), Some(number), "and whole");
        next[thread] += 1;
    }
    for writer in writers {
        writer.join().expect("no panic");
    }
    ws.close(None)?;
    ws.wait_closed()?;
    server.join().expect("no panic")
}

#[test]
fn a_reader_is_released_when_another_thread_closes_or_aborts() -> Result<(), Error> {
    for abort in [false, true] {
        let (address, server) = echo_once(Config::default());
        let mut ws = connect(&url(&address))?;
        let writer = ws.handle();
        let closer = thread::spawn(move || if abort { writer.abort() } else { close(&writer) });
        let was_clean = loop {
            match ws.recv() {
                Ok(None) => break ws.close_info().expect("closed").was_clean,
                Ok(Some(message)) => panic!("{message:?}"),
                Err(_) => {}
            }
        };
        assert_eq!(was_clean, !abort);
        closer.join().expect("no panic");
        let _ = server.join().expect("no panic");
    }
    Ok(())
}

fn close(writer: &WebSocketConnection) {
    writer.close(CloseFrame::normal("enough").expect("short")).expect("open");
}

#[test]
fn a_thread_that_only_reads_meets_a_deadline_that_another_began() -> Result<(), Error> {
    // The peer never answers our Close; the reader already waits when the Close is sent.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let mut config = Config::default();
    config.close_timeout = Some(Duration::from_millis(50));
    let server = thread::spawn(move || -> Result<_, Error> {
        let (stream, _) = listener.accept()?;
        let mut ws = accept_with(stream, Arc::new(config), yes)?.expect("an upgrade");
        let writer = ws.handle();
        let closer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            writer.close(None)
        });
        let error = ws.recv().expect_err("no Close");
        closer.join().expect("no panic")?;
        Ok(error)
    });
    let mut client = open_by_hand(&address);
    assert_eq!(read_all(&mut client), b"\x88\x00");
    let error = server.join().expect("no panic")?;
    assert!(matches!(error, Error::Session(SessionError::CloseTimeout)));
    Ok(())
}

#[test]
fn large_messages_in_both_directions_at_once_do_not_deadlock() -> Result<(), Error> {
    const COUNT: usize = 32;
    let payload = vec![7; 1 << 20];
    let (address, server) = echo_once(Config::default());
    let mut ws = connect(&url(&address))?;
    let (writer, sent) = (ws.handle(), payload.clone());
    let sender =
        thread::spawn(move || (0..COUNT).try_for_each(|_| writer.send_binary(&sent).map(drop)));
    for _ in 0..COUNT {
        assert!(ws.recv()?.is_some_and(|message| message == Message::Binary(payload.clone())));
    }
    sender.join().expect("no panic")?;
    ws.close(None)?;
    assert!(ws.wait_closed()?.was_clean);
    server.join().expect("no panic")
}

#[test]
fn a_message_takes_as_long_as_it_takes_whatever_deadline_the_reader_has() -> Result<(), Error> {
    let mut config = Config::default();
    let soon = Duration::from_millis(100);
    config.keep_alive = Some(KeepAlive { interval: soon, patience: Duration::from_secs(60) });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let server = thread::spawn(move || -> Result<_, Error> {
        let (stream, _) = listener.accept()?;
        let mut ws = accept_with(stream, config, yes)?.expect("an upgrade");
        let writer = ws.handle();
        let sender = thread::spawn(move || writer.send_binary(&vec![0; 16 << 20]));
        // The message is queued and written in the background.
        assert_eq!(sender.join().expect("no panic")?, SendStatus::Queued);
        while ws.recv()?.is_some() {}
        Ok(ws.buffered_amount())
    });
    let mut client = open_by_hand(&address);
    thread::sleep(4 * soon);
    let mut bytes = vec![0; 16 << 20];
    client.read_exact(&mut bytes).expect("the whole message");
    client.write_all(b"\x88\x80\0\0\0\0").expect("written");
    read_all(&mut client);
    drop(client);
    assert_eq!(server.join().expect("no panic")?, 0);
    Ok(())
}

#[test]
fn dropping_ends_the_connection_although_writers_live() -> Result<(), Error> {
    let (address, server) = echo_once(Config::default());
    let ws = connect(&url(&address))?;
    let writer = ws.handle();
    drop(ws);
    assert_eq!(writer.ready_state(), ReadyState::Closed);
    assert!(matches!(writer.send("late"), Err(Error::Send(SendError::Closed))));
    server.join().expect("no panic")
}

#[test]
fn an_answer_that_is_there_already_is_not_late() -> Result<(), Error> {
    let mut config = Config::default();
    let (interval, patience) = (Duration::from_millis(50), Duration::from_millis(100));
    config.keep_alive = Some(KeepAlive { interval, patience });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let client = thread::spawn(move || -> Result<_, Error> {
        let mut ws = connect(&url(&address))?;
        ws.send("after this the server is busy")?;
        Ok(ws.wait_closed()?.was_clean)
    });
    let (stream, _) = listener.accept()?;
    let mut ws = accept_with(stream, config, yes)?.expect("an upgrade");
    for _ in 0..3 {
        ws.set_recv_timeout(Some(interval * 2));
        // A Ping is sent, and its Pong arrives while no thread reads.
        if let Err(Error::Io(error)) = ws.recv().map(drop) {
            assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
        }
        thread::sleep(patience * 2);
    }
    ws.set_recv_timeout(None);
    ws.close(None)?;
    assert!(ws.wait_closed()?.was_clean);
    assert!(client.join().expect("no panic")?);
    Ok(())
}

#[test]
fn a_connection_is_open_for_both_when_accept_returns() -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    client.write_all(REQUEST)?;
    let (stream, _) = listener.accept()?;
    let _open = accept_with(stream, Config::default(), yes)?.expect("an upgrade");
    // The echo has arrived although no thread calls `recv`.
    let mut answer = [0; 12];
    client.read_exact(&mut answer)?;
    assert_eq!(&answer, b"HTTP/1.1 101");
    Ok(())
}

#[test]
fn who_drops_the_connection_at_an_error_has_told_the_peer() -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let server = thread::spawn(move || -> Result<_, Error> {
        let (stream, _) = listener.accept()?;
        let mut ws = accept_with(stream, Config::default(), yes)?.expect("an upgrade");
        ws.recv()
    });
    let mut client = open_by_hand(&address);
    client.write_all(b"\x83\x80\0\0\0\0")?;
    let mut close = [0; 4];
    client.read_exact(&mut close)?;
    assert_eq!(&close, b"\x88\x02\x03\xEA");
    drop(client);
    let error = server.join().expect("no panic").expect_err("a violation");
    assert!(matches!(error, Error::Session(SessionError::Protocol(_))));
    Ok(())
}

#[test]
fn a_non_blocking_stream_does_not_wait_although_writers_live() -> Result<(), Error> {
    let (address, server) = echo_once(Config::default());
    let mut ws = connect(&url(&address))?;
    let _writer = ws.handle();
    ws.stream().tcp().expect("TCP").set_nonblocking(true)?;
    let error = ws.recv().expect_err("nothing to read");
    assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock));
    drop(ws);
    server.join().expect("no panic")
}

#[test]
fn receiving_waits_no_longer_than_it_is_told() -> Result<(), Error> {
    let (address, server) = echo_once(Config::default());
    let mut ws = connect(&url(&address))?;
    let writer = ws.handle();
    for shared in [Some(writer), None] {
        ws.set_recv_timeout(Some(Duration::from_millis(20)));
        let error = ws.recv().expect_err("nothing to read");
        assert!(
            matches!(error, Error::Io(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)),
            "{shared:?}",
        );
        ws.set_recv_timeout(None);
        ws.send("still there")?;
        assert_eq!(ws.recv()?, Some("still there".into()));
    }
    ws.close(None)?;
    ws.wait_closed()?;
    server.join().expect("no panic")
}

#[cfg(unix)]
#[test]
fn a_stream_that_cannot_end_one_side_alone_closes_cleanly_too() -> Result<(), Error> {
    use std::os::unix::net::UnixStream;

    use ws_std::wsproto::handshake::ClientRequest;
    use ws_std::wsproto::url::WsUrl;

    let (here, there) = UnixStream::pair()?;
    let server = thread::spawn(move || -> Result<_, Error> {
        let mut ws = WebSocket::server(Stream::new(there), Config::default());
        assert!(ws.handshake(yes)?);
        assert!(ws.handshake(yes)?, "once more is harmless");
        while let Some(message) = ws.recv()? {
            ws.send(message)?;
        }
        Ok(ws.close_info().expect("closed").was_clean)
    });
    let request = ClientRequest::new(WsUrl::parse("ws://localhost/")?);
    let mut ws = WebSocket::client(Stream::new(here), request, Config::default())?;
    assert!(matches!(ws.recv(), Err(Error::Send(SendError::NotOpen))));
    ws.handshake()?;
    ws.handshake()?;
    ws.send("Hello")?;
    assert_eq!(ws.recv()?, Some("Hello".into()));
    ws.close(CloseFrame::normal("bye").expect("short"))?;
    assert!(ws.wait_closed()?.was_clean);
    assert!(server.join().expect("no panic")?);
    Ok(())
}

#[test]
fn receiving_waits_no_longer_than_it_is_told_although_pings_come_without_end() -> Result<(), Error>
{
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let flood = thread::spawn(move || {
        let mut client = open_by_hand(&address);
        let mut answers = client.try_clone().expect("a stream");
        let drain = thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()));
        while client.write_all(b"\x89\x80\0\0\0\0").is_ok() {}
        // The end may be orderly or not.
        let _ = drain.join().expect("no panic");
    });
    let (stream, _) = listener.accept()?;
    let mut ws = accept_with(stream, Config::default(), yes)?.expect("an upgrade");
    ws.set_recv_timeout(Some(Duration::from_millis(50)));
    assert!(matches!(ws.recv(), Err(Error::Io(error)) if error.kind() == ErrorKind::TimedOut));
    drop(ws);
    flood.join().expect("no panic");
    Ok(())
}

#[test]
fn every_connection_that_is_aborted_reports_its_end() -> Result<(), Error> {
    for _ in 0..200 {
        let (address, server) = echo_once(Config::default());
        let mut ws = connect(&url(&address))?;
        let writer = ws.handle();
        let aborter = thread::spawn(move || writer.abort());
        assert!(ws.recv()?.is_none(), "our own abort is no error");
        let info = ws.close_info().expect("closed");
        assert!(!info.was_clean);
        aborter.join().expect("no panic");
        let _ = server.join().expect("no panic");
    }
    Ok(())
}
