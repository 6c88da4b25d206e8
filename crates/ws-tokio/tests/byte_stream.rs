//! A connection as a stream of bytes.

mod support;

use std::io::{self, ErrorKind};

use support::{Far, REQUEST, accept, frame, poll_and_drop, request, settle};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;
use ws_tokio::wsproto::{CloseCode, CloseFrame, Config};
use ws_tokio::{Error, WebSocket};

/// Opens both ends on a stream with this much room.
async fn pair(room: usize) -> (WebSocket, WebSocket) {
    let (here, there) = duplex(room);
    let (client, server) =
        tokio::join!(ws_tokio::client(here, request(), Config::new()), ws_tokio::accept(there));
    (client.expect("a client"), server.expect("a server"))
}

fn kind<T>(result: io::Result<T>) -> Result<T, ErrorKind> {
    result.map_err(|error| error.kind())
}

#[tokio::test]
async fn bytes_go_both_ways_whatever_the_messages_are() -> io::Result<()> {
    // M16
    for (room, size) in [(7, 10_000), (1 << 16, 1_000_000_u32)] {
        let (client, server) = pair(room).await;
        let echo = tokio::spawn(async move {
            let mut stream = server.into_byte_stream();
            let mut writer = stream.writer();
            tokio::io::copy(&mut stream, &mut writer).await
        });
        let mut stream = client.into_byte_stream();
        let bytes: Vec<u8> = (0..size).map(|number| number as u8).collect();
        let (mut writer, copy) = (stream.writer(), bytes.clone());
        let sending = tokio::spawn(async move {
            writer.write_all(&copy).await?;
            writer.flush().await
        });
        let mut back = vec![0; bytes.len()];
        for part in back.chunks_mut(77_777) {
            stream.read_exact(part).await?;
        }
        assert!(back == bytes);
        sending.await.expect("no panic")?;
        assert_eq!(stream.write(&[]).await?, 0, "no message");
        stream.flush().await?;
        stream.shutdown().await?;
        assert_eq!(stream.read(&mut [0; 1]).await?, 0, "the end");
        assert_eq!(echo.await.expect("no panic")?, u64::from(size));
        assert_eq!(kind(stream.write(b"x").await), Err(ErrorKind::BrokenPipe));
        assert!(stream.get_ref().close_info().is_some_and(|end| end.was_clean));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_byte_stream_is_an_error() -> Result<(), Error> {
    // M16
    let (client, server) = pair(1 << 16).await;
    server.send(&b"abc"[..]).await?;
    server.send("text").await?;
    // Ends with code 1001, as if bytes were missing.
    drop(server);
    let mut stream = client.into_byte_stream();
    let mut two = [0; 2];
    stream.read_exact(&mut two).await?;
    assert_eq!(&two, b"ab");
    assert_eq!(stream.read(&mut two).await?, 1, "the rest");
    assert_eq!(stream.read(&mut []).await?, 0, "nothing to do");
    assert_eq!(kind(stream.read(&mut two).await), Err(ErrorKind::InvalidData));
    assert_eq!(kind(stream.read(&mut two).await), Err(ErrorKind::UnexpectedEof));

    // A Close that does not mean the end of the bytes.
    let (client, mut server) = pair(1 << 16).await;
    let serves = tokio::spawn(async move {
        server.send(&b"abc"[..]).await?;
        server.close(CloseFrame::new(CloseCode::GOING_AWAY, "restart").ok()).await
    });
    let copied = tokio::io::copy(&mut client.into_byte_stream(), &mut tokio::io::sink()).await;
    let error = copied.expect_err("a rest");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert!(error.to_string().contains("restart"), "{error}");
    assert!(serves.await.expect("no panic")?.was_clean);

    // Unread bytes are returned.
    let (client, server) = pair(1 << 16).await;
    server.send(&b"abc"[..]).await?;
    let mut stream = client.into_byte_stream();
    stream.read_exact(&mut two).await?;
    let (ws, rest) = stream.into_inner();
    assert_eq!((rest.as_slice(), ws.close_info()), (&b"c"[..], None));
    Ok(())
}

/// A read or a write that is dropped while it waits has done nothing.
#[tokio::test]
async fn a_dropped_read_or_write_has_done_nothing() -> io::Result<()> {
    // M16
    let (here, there) = duplex(7);
    let config = Config::new().high_water_mark(10);
    let (client, server) =
        tokio::join!(ws_tokio::client(here, request(), config), ws_tokio::accept(there));
    let mut stream = client.expect("a client").into_byte_stream();
    let bytes: Vec<u8> = (0..1000_u32).map(|number| number as u8).collect();
    let sent = bytes.clone();
    let sends = tokio::spawn(async move {
        let (mut written, mut dropped) = (0, 0);
        while written < sent.len() {
            let part = &sent[written..sent.len().min(written + 9)];
            match poll_and_drop(1, stream.write(part)).await {
                Some(len) => written += len?,
                None => dropped += 1,
            }
        }
        stream.flush().await?;
        Ok::<_, io::Error>((stream, dropped))
    });
    let mut server = server.expect("a server").into_byte_stream();
    let (mut received, mut dropped, mut buffer) = (Vec::new(), 0, [0; 4]);
    while received.len() < bytes.len() {
        match poll_and_drop(1, server.read(&mut buffer)).await {
            Some(len) => received.extend_from_slice(&buffer[..len?]),
            None => dropped += 1,
        }
    }
    assert!(received == bytes);
    let (_stream, dropped_writes) = sends.await.expect("no panic")?;
    assert!(dropped > 0 && dropped_writes > 0, "{dropped}, {dropped_writes}");
    Ok(())
}

/// A peer that reads nothing: the write ends in time, and sends nothing. The stream goes on.
#[tokio::test(start_paused = true)]
async fn a_write_waits_for_room_for_a_limited_time() -> io::Result<()> {
    // M16
    let far = Far::new(REQUEST, usize::MAX);
    let config = Config::new().high_water_mark(100);
    let limit = config.write_timeout.expect("a limit");
    let mut stream = accept(&far, config).await.into_byte_stream();
    settle().await;
    far.change(|state| state.room = state.written.len());
    assert_eq!(stream.write(&[7; 200]).await?, 200);
    let start = Instant::now();
    assert_eq!(kind(stream.write(b"more").await), Err(ErrorKind::TimedOut));
    assert!(start.elapsed() >= limit);
    far.change(|state| {
        state.room = usize::MAX;
        state.input.extend(frame(0x82, b"answer"));
    });
    stream.flush().await?;
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"answer");
    assert_eq!(far.sent().len(), 4 + 200, "one message");
    assert_eq!(stream.write(b"more").await?, 4);
    Ok(())
}
