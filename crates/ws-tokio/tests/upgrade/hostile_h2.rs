//! Peers of HTTP/2 that send any frames, byte by byte: a WebSocket ends or goes on, and nothing panics, hangs, or is
//! left.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::timeout;
use ws_tokio::wsproto::{CloseCode, Config, SessionError};
use ws_tokio::{Error, H2, WebSocket};

use crate::raw_h2::{self, Ends, OPEN, masked};
use crate::support::{PATIENCE, server, tasks, tasks_end, url, within};

const PIPE: usize = 16 << 10;

/// The length of a client's preface, in bytes (RFC 9113 section 3.4).
const PREFACE: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// Status 200 and 404, by their indexes in HPACK's table.
const OK: &[u8] = &[0x88];
const NOT_FOUND: &[u8] = &[0x8D];

/// A frame of HTTP/2 (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut frame = vec![len[1], len[2], len[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

fn setting(id: u8, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&[0, id][..], &value.to_be_bytes()].concat())
}

/// A status that HPACK's table does not have.
fn status(code: &[u8; 3]) -> Vec<u8> {
    [&[0x08, 3][..], code].concat()
}

/// A server that allows WebSockets, and answers the first request with these bytes, then ends if it is to.
fn raw_server(settings: Vec<u8>, answer: Vec<u8>, ends: bool) -> DuplexStream {
    let (client, stream) = duplex(PIPE);
    let (mut reads, mut writes) = tokio::io::split(stream);
    let (asked, mut requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut head = [0; 9];
        reads.read_exact(&mut [0; PREFACE]).await?;
        while reads.read_exact(&mut head).await.is_ok() {
            let [a, b, c, kind, ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            reads.read_exact(&mut payload).await?;
            if kind == HEADERS {
                let _ = asked.send(());
            }
        }
        Ok::<_, std::io::Error>(())
    });
    tokio::spawn(async move {
        writes.write_all(&settings).await?;
        if requests.recv().await.is_some() {
            // The client may have given up.
            writes.write_all(&answer).await?;
            if ends {
                writes.shutdown().await?;
            }
        }
        // Until the client leaves.
        while requests.recv().await.is_some() {}
        Ok::<_, std::io::Error>(())
    });
    client
}

/// SETTINGS_ENABLE_CONNECT_PROTOCOL = 1 (RFC 8441 section 3).
fn allows() -> Vec<u8> {
    setting(8, 1)
}

/// Opens a WebSocket on a server that answers with these bytes.
async fn open(answer: Vec<u8>, ends: bool) -> Result<WebSocket, Error> {
    let h2 = within("HTTP/2", H2::on(raw_server(allows(), answer, ends), url(), Config::new()));
    let h2 = h2.await.expect("HTTP/2");
    within("an answer", h2.open_path("/")).await
}

/// Waits for the end of a connection without a Close.
async fn ends(mut ws: WebSocket) {
    within("the end", async { while let Ok(Some(_)) = ws.recv().await {} }).await;
    let end = ws.close_info().expect("an end");
    assert!(!end.was_clean && end.code == CloseCode::ABNORMAL, "{end}");
}

/// Answers that open nothing.
#[tokio::test(start_paused = true)]
async fn a_client_refuses_hostile_answers() {
    let before = tasks();
    let reset = |code: u32| frame(RST_STREAM, 0, 1, &code.to_be_bytes());
    let mut answers: Vec<_> = (0..=14).chain([255, u32::MAX]).map(reset).collect();
    answers.extend([
        Vec::new(),
        frame(RST_STREAM, 0, 0, &[0; 4]),
        frame(RST_STREAM, 0, 3, &[0; 4]),
        frame(RST_STREAM, 0, 1, &[0; 3]),
        frame(GOAWAY, 0, 0, &[0; 8]),
        frame(GOAWAY, 0, 0, &[0; 7]),
        frame(DATA, 0, 1, b"\x81\x02hi"),
        frame(DATA, END_STREAM, 1, b""),
        frame(HEADERS, END_HEADERS, 3, OK),
        frame(HEADERS, END_HEADERS, 1, b""),
        frame(HEADERS, END_HEADERS, 1, &[0xFF; 20]),
        frame(HEADERS, END_HEADERS, 1, &status(b"101")),
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &status(b"101")),
        frame(HEADERS, END_HEADERS, 1, &status(b"100")).repeat(300),
        // Without its end, and with another frame in between.
        frame(HEADERS, 0, 1, OK),
        [frame(HEADERS, 0, 1, OK), frame(PING, 0, 0, &[0; 8])].concat(),
        frame(CONTINUATION, END_HEADERS, 1, OK),
        frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82]),
        frame(PING, 0, 0, &[0; 7]),
        frame(WINDOW_UPDATE, 0, 1, &[0; 4]),
        frame(SETTINGS, 0, 0, &[0; 5]),
        frame(0xEE, 0xFF, 1, b"unknown"),
        b"HTTP/1.1 400 Bad Request\r\n\r\n".repeat(10),
        vec![0xFF; 100],
    ]);
    for answer in answers {
        for ends in [false, true] {
            match open(answer.clone(), ends).await {
                Err(Error::Io(_) | Error::Session(_) | Error::InvalidAnswer { .. }) => {}
                other => panic!("{answer:?}: {other:?}"),
            }
            tasks_end(before).await;
        }
    }
}

/// Refusals, with bodies that end, break off, stall or go on for ever.
#[tokio::test(start_paused = true)]
async fn a_client_reads_the_body_of_a_refusal_within_limits() {
    let before = tasks();
    let head = frame(HEADERS, END_HEADERS, 1, NOT_FOUND);
    let part = frame(DATA, 0, 1, &[b'x'; 4000]);
    for (body, len) in [
        (frame(DATA, END_STREAM, 1, b"sorry"), 5),
        (frame(DATA, 0, 1, b"sorry"), 5),
        ([frame(DATA, 0, 1, b"sorry"), frame(RST_STREAM, 0, 1, &[0, 0, 0, 2])].concat(), 5),
        ([frame(DATA, 0, 1, b"sorry"), frame(GOAWAY, 0, 0, &[0; 8])].concat(), 5),
        (frame(DATA, 0, 1, b"").repeat(1000), 0),
        // As much as the window allows, and more.
        (part.repeat(1000), Config::new().max_body_size),
    ] {
        for ends in [false, true] {
            match open([head.clone(), body.clone()].concat(), ends).await {
                Err(Error::Http(response)) => {
                    assert_eq!(response.status(), 404);
                    assert!(response.body_bytes().len() <= len.max(5));
                }
                // The frames came together: the reset counts first.
                Err(Error::Io(_)) => {}
                other => panic!("{other:?}"),
            }
            tasks_end(before).await;
        }
    }
}

/// A response that breaks off at each byte.
#[tokio::test(start_paused = true)]
async fn a_response_may_end_at_each_byte() {
    let before = tasks();
    let answer = [frame(HEADERS, END_HEADERS, 1, OK), frame(DATA, 0, 1, b"\x81\x02hi")].concat();
    for len in 0..=answer.len() {
        match open(answer[..len].to_vec(), true).await {
            Ok(ws) => {
                assert!(len >= 10, "{len}");
                ends(ws).await;
            }
            Err(error) => assert!(matches!(error, Error::Io(_)), "{len}: {error}"),
        }
        tasks_end(before).await;
    }
}

/// Streams that open, and end at once.
#[tokio::test(start_paused = true)]
async fn a_client_survives_a_stream_that_opens_and_ends() {
    let before = tasks();
    let head = frame(HEADERS, END_HEADERS, 1, OK);
    for (answer, opens) in [
        (frame(HEADERS, END_HEADERS | END_STREAM, 1, OK), true),
        ([head.clone(), frame(DATA, END_STREAM, 1, b"")].concat(), true),
        // Trailers.
        (
            [head.clone(), frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x00, 1, b'a', 1, b'b'])]
                .concat(),
            true,
        ),
        ([head.clone(), frame(HEADERS, END_HEADERS, 1, OK)].concat(), false),
        ([head.clone(), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])].concat(), false),
        ([head.clone(), frame(GOAWAY, 0, 0, &[0; 8])].concat(), false),
        // content-length: 5
        (frame(HEADERS, END_HEADERS, 1, &[0x88, 0x0F, 0x0D, 1, b'5']), false),
    ] {
        match open(answer.clone(), true).await {
            Ok(ws) => ends(ws).await,
            Err(error) => assert!(!opens, "{answer:?}: {error}"),
        }
        tasks_end(before).await;
    }
}

/// Servers that are silent from the beginning on, or allow no stream.
#[tokio::test(start_paused = true)]
async fn a_client_does_not_wait_for_ever_for_a_stream() {
    let before = tasks();
    let silent = within("an answer", H2::on(duplex(PIPE).0, url(), Config::new())).await;
    assert!(matches!(silent, Err(Error::Io(_) | Error::Session(_))), "{silent:?}");
    let (client, _far) = duplex(PIPE);
    let silent = within("an answer", H2::on(client, url(), Config::new())).await;
    assert!(matches!(silent, Err(Error::Session(SessionError::HandshakeTimeout))), "{silent:?}");
    // SETTINGS_MAX_CONCURRENT_STREAMS = 0.
    let settings = frame(SETTINGS, 0, 0, &[0, 8, 0, 0, 0, 1, 0, 3, 0, 0, 0, 0]);
    let h2 = H2::on(raw_server(settings, Vec::new(), false), url(), Config::new()).await;
    let h2 = h2.expect("HTTP/2");
    assert!(timeout(PATIENCE / 60, h2.open_path("/")).await.is_err(), "it waits, and is dropped");
    for _ in 0..3 {
        let opened = within("an answer", h2.open_path("/")).await;
        assert!(
            matches!(opened, Err(Error::Session(SessionError::HandshakeTimeout))),
            "{opened:?}"
        );
    }
    drop((h2, _far));
    tasks_end(before).await;
}

/// Frames in the middle of a WebSocket on stream 1, and whether it may go on.
fn frames() -> Vec<(Vec<u8>, bool)> {
    let mut frames: Vec<_> = (0..=14)
        .chain([u32::MAX])
        .map(|code: u32| (frame(RST_STREAM, 0, 1, &code.to_be_bytes()), false))
        .collect();
    frames.extend([
        (frame(RST_STREAM, 0, 0, &[0; 4]), false),
        (frame(RST_STREAM, 0, 1, &[0; 5]), false),
        (frame(RST_STREAM, 0, 99, &[0; 4]), false),
        (frame(RST_STREAM, 0, 2, &[0; 4]), false),
        (frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0]), true),
        (frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]), true),
        (frame(GOAWAY, 0, 0, &[0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]), true),
        (frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 11]), true),
        // First with a higher number, then with a lower one, then with a higher one.
        ([1, 0, 1].map(|last| frame(GOAWAY, 0, 0, &[0, 0, 0, last, 0, 0, 0, 0])).concat(), true),
        (frame(WINDOW_UPDATE, 0, 1, &[0; 4]), false),
        (frame(WINDOW_UPDATE, 0, 0, &[0; 4]), false),
        (frame(WINDOW_UPDATE, 0, 1, &[0x7F, 0xFF, 0xFF, 0xFF]).repeat(2), false),
        (frame(WINDOW_UPDATE, 0, 0, &[0x7F, 0xFF, 0xFF, 0xFF]).repeat(2), false),
        (frame(DATA, PADDED, 1, &[9, 1, 2]), false),
        (frame(DATA, 0, 0, b"\x81\x02hi"), false),
        (frame(DATA, 0, 99, b"\x81\x02hi"), false),
        (frame(DATA, 0, 1, b"").repeat(2000), true),
        (frame(HEADERS, END_HEADERS, 1, OK), false),
        (frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x00, 1, b'a', 1, b'b']), false),
        (frame(HEADERS, 0, 1, &[0x00, 1, b'a', 1, b'b']), true),
        (frame(CONTINUATION, END_HEADERS, 1, &[]), false),
        (frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82]), false),
        (frame(PING, 0, 0, &[0; 8]).repeat(100), true),
        (frame(PING, 0, 0, &[0; 9]), false),
        (frame(PING, 0, 1, &[0; 8]), false),
        (frame(2, 0, 1, &[0, 0, 0, 1, 7]), true),
        // SETTINGS: windows of nothing, and of too much; frames of nothing; the setting taken back; an end of nothing.
        (setting(4, 0), true),
        (setting(4, 1 << 31), false),
        (setting(5, 1), false),
        (setting(8, 0), true),
        (setting(8, 7), false),
        (setting(0xEE, 7).repeat(50), true),
        (frame(SETTINGS, 1, 0, &[]), true),
        (frame(SETTINGS, 1, 0, &[0; 6]), false),
        (frame(0xEE, 0xFF, 1, b"unknown"), true),
        (vec![0xFF; 64], true),
        (vec![0; 64], true),
    ]);
    frames
}

/// A pipe to a peer whose output is joined with frames that the peer does not send. The bytes of a client's preface
/// come first.
fn joined(peer: DuplexStream, preface: usize) -> (DuplexStream, mpsc::UnboundedSender<Vec<u8>>) {
    let (near, ours) = duplex(PIPE);
    let (tell, mut told) = mpsc::unbounded_channel::<Vec<u8>>();
    let (mut from_near, mut to_near) = tokio::io::split(ours);
    let (mut from_peer, mut to_peer) = tokio::io::split(peer);
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_near, &mut to_peer).await;
        let _ = to_peer.shutdown().await;
    });
    tokio::spawn(async move {
        let mut first = vec![0; preface];
        from_peer.read_exact(&mut first).await?;
        to_near.write_all(&first).await?;
        let mut frame = Vec::new();
        loop {
            tokio::select! {
                read = from_peer.read_buf(&mut frame) => {
                    if read? == 0 {
                        to_near.shutdown().await?;
                        return Ok::<(), std::io::Error>(());
                    }
                    while let [a, b, c, ..] = frame[..] {
                        let len = 9 + u32::from_be_bytes([0, a, b, c]) as usize;
                        if frame.len() < len {
                            break;
                        }
                        to_near.write_all(&frame.drain(..len).collect::<Vec<_>>()).await?;
                    }
                }
                Some(frames) = told.recv() => to_near.write_all(&frames).await?,
            }
        }
    });
    (near, tell)
}

#[tokio::test(start_paused = true)]
async fn a_client_survives_hostile_frames() {
    let before = tasks();
    for (frames, may_go_on) in frames() {
        let (stream, mut server) = raw_h2::server(OPEN);
        let (stream, inject) = joined(stream, 0);
        let h2 = raw_h2::h2(stream).await;
        let mut ws = h2.open_path("/").await.expect("open");
        let accepted = server.accepted.recv().await.expect("open");
        ws.send("to nobody").await.expect("open");
        inject.send(frames.clone()).expect("open");
        let received = timeout(PATIENCE, ws.recv()).await;
        assert!(may_go_on || received.is_ok(), "{frames:?}: it ends");
        if let Ok(Ok(Some(message))) = received {
            panic!("{frames:?}: {message:?}");
        }
        drop((h2, server, accepted, inject));
        if may_go_on {
            // The peer has left.
            within("the end", ws.closed()).await.ok();
        }
        assert!(ws.close_info().is_some_and(|end| !end.was_clean), "{frames:?}");
        drop(ws);
        tasks_end(before).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_survives_hostile_frames() {
    let before = tasks();
    for (frames, may_go_on) in frames() {
        let (server, ends) = (server(), Ends::default());
        // What the client writes is joined with the frames.
        let (client, ours) = duplex(PIPE);
        let (to_host, inject) = joined(ours, PREFACE);
        let mut host = raw_h2::host(&server, &ends);
        let pipe = tokio::spawn(async move {
            let mut to_host = to_host;
            let _ = tokio::io::copy_bidirectional(&mut to_host, &mut host).await;
        });
        let mut client = raw_h2::client(client, OPEN).await;
        let (mut sends, receives) = raw_h2::open(&mut client).await;
        sends.send_data(masked(0x81, b"echo"), false).expect("open");
        for _ in 0..50 {
            yield_now().await;
        }
        inject.send(frames.clone()).expect("open");
        let ended = timeout(PATIENCE / 30, async {
            while ends.is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        });
        assert!(ended.await.is_ok() || may_go_on, "{frames:?}: it ends");
        drop((client, sends, receives, inject));
        within("no connection", async {
            while server.stats().connections > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        })
        .await;
        let recorded = ends.take();
        let [(_, end)] = &recorded[..] else { panic!("{recorded:?}") };
        assert!(!end.was_clean, "{end} after {frames:?}");
        pipe.abort();
        tasks_end(before).await;
    }
}
