//! The moment at which a web server hands over its stream.

use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::Instant;
use ws_tokio::wsproto::{CloseCode, Config};
use ws_tokio::{Error, ServerHandle, Upgrade, UpgradeServer, Upgrading};

use crate::harness::poll_and_drop;
use crate::raw_h2::{self, Ends, OPEN, masked};
use crate::support::*;

const HEAD: &[u8] = b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Bytes that arrive with the request or behind it belong to the WebSocket, wherever they are cut.
#[tokio::test(start_paused = true)]
async fn frames_behind_the_request_are_received() {
    let mut input = HEAD.to_vec();
    input.extend(masked(0x81, b"early"));
    input.extend(masked(0x81, b"too"));
    let close = masked(0x88, &[0x03, 0xE8]);
    for cut in 1..=input.len() {
        let server = server();
        let mut peer = host(&server, Http::One);
        peer.write_all(&input[..cut]).await.expect("open");
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        peer.write_all(&input[cut..]).await.expect("open");
        peer.write_all(&close).await.expect("open");
        let mut output = Vec::new();
        within("the end", peer.read_to_end(&mut output)).await.expect("no error");
        let frames = b"\x81\x05early\x81\x03too\x88\x02\x03\xE8";
        assert!(output.ends_with(frames), "{cut}: {}", output.escape_ascii());
        assert!(output.starts_with(b"HTTP/1.1 101 "), "{cut}: {}", output.escape_ascii());
    }
}

/// A body would be taken for frames.
#[tokio::test(start_paused = true)]
async fn a_request_with_a_body_is_refused() {
    for body in ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"] {
        let server = server();
        let mut peer = host(&server, Http::One);
        let head = &HEAD[..HEAD.len() - 2];
        peer.write_all(&[head, body.as_bytes()].concat()).await.expect("open");
        let mut output = vec![0; 12];
        within("an answer", peer.read_exact(&mut output)).await.expect("an answer");
        assert_eq!(output.escape_ascii().to_string(), "HTTP/1.1 400", "{body}");
        drop(peer);
        nothing_left(&server).await;
    }
}

/// Accepts each request over HTTP/1.1, and passes its connection on.
async fn begin(server: &UpgradeServer) -> (tokio::io::DuplexStream, Upgrading) {
    let (client, stream) = tokio::io::duplex(1 << 16);
    let (begun, begins) = oneshot::channel();
    let (server, begun) = (server.clone(), Mutex::new(Some(begun)));
    let service = service_fn(move |mut request: Request<Incoming>| {
        let upgrade = Upgrade::of(&mut request).expect("a handshake");
        let (answer, upgrading) = upgrade.accept::<Full<Bytes>>(&server).expect("accepted");
        let begun = begun.lock().expect("no panic").take().expect("one request");
        drop(begun.send(upgrading));
        async move { Ok::<Response<Full<Bytes>>, Infallible>(answer) }
    });
    tokio::spawn(async move {
        let builder = hyper::server::conn::http1::Builder::new();
        // It fails if the client leaves.
        let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    });
    let mut client = client;
    client.write_all(HEAD).await.expect("open");
    let upgrading = within("a request", begins).await.expect("a request");
    (client, upgrading)
}

/// A connection that is given up while it opens frees its place, and its stream ends.
#[tokio::test(start_paused = true)]
async fn an_upgrade_is_dropped_after_each_poll() {
    for polls in 0..6 {
        let (server, before) = (server(), tasks());
        let (mut client, upgrading) = begin(&server).await;
        assert_eq!(server.stats().connections, 1);
        drop(poll_and_drop(polls, upgrading).await);
        let mut rest = Vec::new();
        // After a handshake, the Close of a connection that was dropped is not answered.
        within("the end", client.read_to_end(&mut rest)).await.expect("no error");
        drop(client);
        nothing_left(&server).await;
        tasks_end(before).await;
    }
}

/// The server ends while a connection is being handed over: it is closed as soon as it opens, or not opened at all.
#[tokio::test(start_paused = true)]
async fn a_server_ends_while_a_connection_opens() {
    for at_once in [true, false] {
        for opens in [true, false] {
            let (server, before) = (server(), tasks());
            let (mut client, upgrading) = begin(&server).await;
            let timeout = at_once.then_some(Duration::ZERO);
            ServerHandle::terminate(&server, timeout);
            if opens {
                let opened = within("the hand-over", upgrading).await;
                match opened {
                    Ok(mut ws) if !at_once => {
                        let mut close = Vec::new();
                        while !close.ends_with(b"\x88\x02\x03\xE9") {
                            client.read_buf(&mut close).await.expect("open");
                        }
                        client.write_all(&masked(0x88, &[0x03, 0xE9])).await.expect("open");
                        let end = within("the end", ws.closed()).await.expect("no error");
                        assert_eq!(end.code, CloseCode::GOING_AWAY);
                    }
                    Ok(mut ws) => {
                        let end = within("the end", ws.closed()).await.expect("no error");
                        assert!(!end.was_clean, "{end}");
                    }
                    Err(_) => assert!(at_once),
                }
            } else {
                drop(upgrading);
            }
            drop(client);
            nothing_left(&server).await;
            tasks_end(before).await;
            assert!(server.is_terminated(), "{at_once}, {opens}");
        }
    }
}

/// A panic ends its own connection, with code 1011; others of the same HTTP/2 connection go on.
#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_own_connection() {
    let (client, stream) = tokio::io::duplex(1 << 16);
    let server = server();
    let hosted = server.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let panics = request.uri().path() == "/panic";
        let upgrade = Upgrade::of(&mut request).expect("a handshake");
        let answer: Response<Full<Bytes>> = upgrade.run(&hosted, move |mut ws| async move {
            let _ = ws.recv().await;
            assert!(!panics, "as the test wants");
            echo(ws).await;
        });
        async move { Ok::<_, Infallible>(answer) }
    });
    tokio::spawn(async move {
        let executor = hyper_util::rt::TokioExecutor::new();
        let mut builder = hyper::server::conn::http2::Builder::new(executor);
        builder.enable_connect_protocol();
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    });
    let h2 = ws_tokio::H2::on(client, url(), Config::new()).await.expect("HTTP/2");
    let mut panics = h2.open_path("/panic").await.expect("open");
    let mut other = h2.open_path("/").await.expect("open");
    for ws in [&panics, &other] {
        ws.send("begin").await.expect("open");
    }
    let end = within("the end", panics.closed()).await.expect("no error");
    assert_eq!(end.code, CloseCode::INTERNAL_ERROR);
    other.send("still here").await.expect("open");
    let echo = within("an echo", other.recv()).await.expect("no error");
    assert_eq!(echo, Some("still here".into()));
    assert_eq!(server.stats().open, 1);
}

/// R8441-5-5: a stream that ends inside of a frame is as a TCP connection that ends there, wherever that is.
#[tokio::test(start_paused = true)]
async fn a_stream_may_end_inside_of_a_frame() {
    let before = tasks();
    let frame = masked(0x81, b"whole");
    for len in 0..=frame.len() {
        let (server, ends) = (server(), Ends::default());
        let mut client = raw_h2::client(raw_h2::host(&server, &ends), OPEN).await;
        let (mut sends, mut receives) = raw_h2::open(&mut client).await;
        sends.send_data(frame.slice(..len), true).expect("open");
        let mut output = Vec::new();
        while let Some(Ok(data)) = within("the end", receives.data()).await {
            output.extend_from_slice(&data);
        }
        // The echo is worth writing: only one direction has ended.
        assert_eq!(output.starts_with(b"\x81\x05whole"), len == frame.len(), "{len}: {output:?}");
        nothing_left(&server).await;
        let recorded = ends.take();
        let [(_, end)] = &recorded[..] else { panic!("{recorded:?}") };
        assert!(!end.was_clean && end.code == CloseCode::ABNORMAL, "{end} after {len}");
        drop((client, sends, receives));
        tasks_end(before).await;
    }
}

/// A client that gives up a WebSocket while it opens resets its stream; others go on.
#[tokio::test(start_paused = true)]
async fn an_opening_stream_is_dropped_after_each_poll() {
    let (server, before) = (server(), tasks());
    let h2 = ws_tokio::H2::on(host(&server, Http::Two), url(), Config::new()).await;
    let h2 = h2.expect("HTTP/2");
    let mut other = h2.open_path("/").await.expect("open");
    for polls in 0..12 {
        if let Some(opened) = poll_and_drop(polls, h2.open_path("/")).await {
            assert!(polls > 1);
            drop(opened.expect("open"));
        }
        within("one connection", async {
            while server.stats().connections > 1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        other.send("still here").await.expect("open");
        let echo = within("an echo", other.recv()).await.expect("no error");
        assert_eq!(echo, Some("still here".into()), "{polls}");
    }
    drop((h2, other));
    nothing_left(&server).await;
    tasks_end(before).await;
}

/// A list of header fields beyond the limits of the web server is refused by that, for its stream alone.
#[tokio::test(start_paused = true)]
async fn a_large_list_of_fields_ends_its_stream_alone() {
    let server = server();
    let h2 = ws_tokio::H2::on(host(&server, Http::Two), url(), Config::new()).await;
    let h2 = h2.expect("HTTP/2");
    let mut other = h2.open_path("/").await.expect("open");
    let large = request().header("X-Large", "x".repeat(1 << 15)).expect("a field");
    let refused = within("an answer", h2.open(large)).await;
    assert!(matches!(refused, Err(Error::Io(_) | Error::Http(_))), "{refused:?}");
    other.send("still here").await.expect("open");
    let echo = within("an echo", other.recv()).await.expect("no error");
    assert_eq!(echo, Some("still here".into()));
}

/// The task of a connection that has not opened ends at the deadline of the server's end, too.
#[tokio::test(start_paused = true)]
async fn a_connection_that_never_opens_ends_at_the_deadline() {
    let (mut client, stream) = tokio::io::duplex(1 << 16);
    let server = server();
    let hosted = server.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let upgrade = Upgrade::of(&mut request).expect("a handshake");
        let answer: Response<Full<Bytes>> = upgrade.run(&hosted, echo);
        async move {
            std::future::pending::<()>().await;
            Ok::<_, Infallible>(answer)
        }
    });
    let serving = tokio::spawn(async move {
        let builder = hyper::server::conn::http1::Builder::new();
        let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    });
    let before = tasks();
    client.write_all(HEAD).await.expect("open");
    within("a request", async {
        while server.stats().connections == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let begun = Instant::now();
    server.terminate(Some(Duration::from_secs(1))).await;
    tasks_end(before).await;
    nothing_left(&server).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    serving.abort();
}
