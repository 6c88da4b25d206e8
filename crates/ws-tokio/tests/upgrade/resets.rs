//! Streams of HTTP/2 that are reset, connections that are going away, and windows that stay closed, at both ends.

use std::sync::Arc;
use std::time::Duration;

use h2::Reason;
use hyper::body::Bytes;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};
use ws_tokio::wsproto::{CloseCode, CloseFrame, CloseInfo};
use ws_tokio::{Error, ServerOptions, UpgradeServer, WebSocket};

use crate::raw_h2::{self, Ends, OPEN, masked};
use crate::support::{nothing_left, server, tasks, tasks_end, within};

const REASONS: [Reason; 5] = [
    Reason::CANCEL,
    Reason::NO_ERROR,
    Reason::INTERNAL_ERROR,
    Reason::STREAM_CLOSED,
    Reason::REFUSED_STREAM,
];

/// R8441-5-5: at a server, a stream that is reset in the middle of a message ends as a TCP connection that is reset.
#[tokio::test(start_paused = true)]
async fn a_server_survives_resets_in_the_middle_of_a_message() {
    let before = tasks();
    for reason in REASONS {
        let (server, ends) = (server(), Ends::default());
        let mut client = raw_h2::client(raw_h2::host(&server, &ends), OPEN).await;
        let (mut sends, unread) = raw_h2::open(&mut client).await;
        let (mut kept, mut echoes) = raw_h2::open(&mut client).await;
        // Half of a message: its header announces more.
        sends.send_data(masked(0x81, b"whole").slice(..8), false).expect("open");
        kept.send_data(masked(0x81, b"kept"), false).expect("open");
        let echo = within("an echo", echoes.data()).await.expect("a stream").expect("no error");
        assert_eq!(echo, b"\x81\x04kept"[..]);
        sends.send_reset(reason);
        within("the end", async {
            while server.connections().len() > 1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let recorded = ends.take();
        let [(_, end)] = &recorded[..] else { panic!("{recorded:?}") };
        assert!(!end.was_clean && end.code == CloseCode::ABNORMAL, "{end} after {reason}");
        // The other stream goes on.
        kept.send_data(masked(0x81, b"on"), false).expect("open");
        let echo = within("an echo", echoes.data()).await.expect("a stream").expect("no error");
        assert_eq!(echo, b"\x81\x02on"[..], "{reason}");
        drop((client, sends, kept, echoes, unread));
        nothing_left(&server).await;
        tasks_end(before).await;
    }
}

/// A reset in place of the answering Close, and one right behind a Close.
#[tokio::test(start_paused = true)]
async fn a_server_survives_resets_at_the_closing_handshake() {
    let before = tasks();
    for reason in REASONS {
        // The client's Close, and no wait for the answer.
        let (server, ends) = (server(), Ends::default());
        let mut client = raw_h2::client(raw_h2::host(&server, &ends), OPEN).await;
        let (mut first, unread) = raw_h2::open(&mut client).await;
        first.send_data(masked(0x88, &[0x03, 0xE8]), false).expect("open");
        for _ in 0..20 {
            yield_now().await;
        }
        first.send_reset(reason);
        nothing_left(&server).await;
        let recorded = ends.take();
        let [(_, end)] = &recorded[..] else { panic!("{recorded:?}") };
        assert_eq!(end.code, CloseCode::NORMAL, "the peer's code is kept after {reason}");

        // The server's Close, which is not answered.
        let (mut sends, mut receives) = raw_h2::open(&mut client).await;
        let closing = server.connections().pop().expect("open");
        closing.close(CloseFrame::new(CloseCode::GOING_AWAY, "").ok()).expect("open");
        let close = within("a Close", receives.data()).await.expect("a stream").expect("no error");
        assert_eq!(close, b"\x88\x02\x03\xE9"[..]);
        sends.send_reset(reason);
        nothing_left(&server).await;
        let recorded = ends.take();
        let [(_, end)] = &recorded[..] else { panic!("{recorded:?}") };
        assert!(!end.was_clean, "{end} after {reason}");
        drop((client, first, sends, receives, unread));
        tasks_end(before).await;
    }
}

/// RFC 9113 section 6.8: a client that is going away does not end its streams; one that then leaves does.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_going_away_keeps_its_websockets() {
    let before = tasks();
    for reason in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let (server, ends, tell) = (server(), Ends::default(), Arc::new(Notify::new()));
        let host = raw_h2::host(&server, &ends);
        let mut client =
            raw_h2::client(raw_h2::with_goaway(host, reason, Arc::clone(&tell)), OPEN).await;
        let (mut sends, mut receives) = raw_h2::open(&mut client).await;
        tell.notify_one();
        for _ in 0..100 {
            yield_now().await;
        }
        // An error of the connection ends it, and the streams with it (section 5.4.1).
        if reason == Reason::NO_ERROR {
            sends.send_data(masked(0x81, b"still"), false).expect("open");
            let echo =
                within("an echo", receives.data()).await.expect("a stream").expect("no error");
            assert_eq!(echo, b"\x81\x05still"[..]);
        }
        drop((client, sends, receives));
        nothing_left(&server).await;
        let recorded = ends.take();
        let [(_, end)] = &recorded[..] else { panic!("{recorded:?}") };
        assert!(!end.was_clean && end.code == CloseCode::ABNORMAL, "{end} after {reason}");
        tasks_end(before).await;
    }
}

/// A client that never opens its window takes nothing: the server's replies end with its write timeout, and the end of
/// the server with its deadline.
#[tokio::test(start_paused = true)]
async fn a_server_gives_up_a_client_whose_window_stays_closed() {
    let before = tasks();
    // The replies, and a client that is silent.
    for floods in [true, false] {
        let options = ServerOptions::new().keep_alive(None);
        let (server, ends) = (UpgradeServer::new(options), Ends::default());
        let mut client = raw_h2::client(raw_h2::host(&server, &ends), 0).await;
        let (mut sends, unread) = raw_h2::open(&mut client).await;
        let begun = Instant::now();
        if floods {
            let message = masked(0x82, &[7; 125]);
            let flood = Bytes::from(message.repeat(200));
            within("the write timeout", async {
                while ends.is_empty() {
                    sends.reserve_capacity(flood.len());
                    let room = std::future::poll_fn(|context| sends.poll_capacity(context));
                    let room = timeout(Duration::from_secs(1), room).await;
                    if let Ok(Some(Ok(room))) = room {
                        let part = flood.slice(..room.min(flood.len()) / 131 * 131);
                        let _ = sends.send_data(part, false);
                    }
                }
            })
            .await;
        } else {
            server.connections()[0].send(vec![7; 1 << 20]).expect("taken");
            within("the end", server.terminate(Some(Duration::from_secs(2)))).await;
        }
        assert!(begun.elapsed() <= Duration::from_secs(25), "{:?}", begun.elapsed());
        drop((client, sends, unread));
        nothing_left(&server).await;
        tasks_end(before).await;
    }
}

/// Returns the end of a client's connection, and how long it took.
async fn end(ws: &mut WebSocket) -> (CloseInfo, Duration) {
    let begun = Instant::now();
    within("the end", async { while let Ok(Some(_)) = ws.recv().await {} }).await;
    (ws.close_info().cloned().expect("an end"), begun.elapsed())
}

/// R8441-5-5: the same at a client.
#[tokio::test(start_paused = true)]
async fn a_client_survives_resets() {
    let before = tasks();
    for reason in REASONS {
        let (stream, mut server) = raw_h2::server(OPEN);
        let h2 = raw_h2::h2(stream).await;
        let (mut cut, mut kept, mut closing) = (
            h2.open_path("/cut").await.expect("open"),
            h2.open_path("/kept").await.expect("open"),
            h2.open_path("/closing").await.expect("open"),
        );
        let (mut cuts, cut_unread) = server.accepted.recv().await.expect("open");
        let (mut keeps, kept_unread) = server.accepted.recv().await.expect("open");
        let (mut closes, mut closed) = server.accepted.recv().await.expect("open");
        // In the middle of a message.
        cuts.send_data(Bytes::from_static(b"\x81\x05who"), false).expect("open");
        for _ in 0..20 {
            yield_now().await;
        }
        cuts.send_reset(reason);
        let (info, _) = end(&mut cut).await;
        assert!(!info.was_clean && info.code == CloseCode::ABNORMAL, "{info} after {reason}");
        assert!(matches!(cut.send("late").await, Err(Error::Send(_))), "{reason}");
        // In place of the answering Close.
        closing.handle().close(CloseFrame::normal("").ok()).expect("open");
        let waits = tokio::spawn(async move { closing.closed().await });
        let close = within("a Close", closed.data()).await.expect("a stream").expect("no error");
        assert_eq!(close.len(), 8, "masked, with a code");
        closes.send_reset(reason);
        if let Ok(info) = within("the end", waits).await.expect("no panic") {
            assert!(!info.was_clean, "{info} after {reason}");
        }
        // The third goes on.
        keeps.send_data(Bytes::from_static(b"\x81\x02on"), false).expect("open");
        assert_eq!(within("a message", kept.recv()).await.expect("no error"), Some("on".into()));
        drop((h2, cut, kept, server, cuts, keeps, closes, closed, cut_unread, kept_unread));
        tasks_end(before).await;
    }
}

/// RFC 9113 section 6.8: a server that is going away lets WebSockets go on, and opens no more; one that gives up the
/// connection ends them.
#[tokio::test(start_paused = true)]
async fn a_client_of_a_server_that_is_going_away() {
    let before = tasks();
    for abrupt in [false, true] {
        let (stream, mut server) = raw_h2::server(OPEN);
        let h2 = raw_h2::h2(stream).await;
        let mut ws = h2.open_path("/").await.expect("open");
        let (mut sends, unread) = server.accepted.recv().await.expect("open");
        let act: raw_h2::Act = match abrupt {
            true => Box::new(|server| server.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM)),
            false => Box::new(h2::server::Connection::graceful_shutdown),
        };
        server.tell.send(act).expect("it runs");
        if !abrupt {
            for _ in 0..100 {
                yield_now().await;
            }
            let late = within("an answer", h2.open_path("/late")).await;
            assert!(matches!(late, Err(Error::Io(_))), "{late:?}");
            sends.send_data(Bytes::from_static(b"\x81\x05still"), false).expect("open");
            assert_eq!(
                within("a message", ws.recv()).await.expect("no error"),
                Some("still".into())
            );
            sends.send_data(Bytes::from_static(b"\x88\x02\x03\xE9"), true).expect("open");
        }
        let (info, _) = end(&mut ws).await;
        let code = if abrupt { CloseCode::ABNORMAL } else { CloseCode::GOING_AWAY };
        assert_eq!(info.code, code, "{info}");
        assert!(within("an answer", h2.open_path("/later")).await.is_err());
        drop((h2, ws, server, sends, unread));
        tasks_end(before).await;
    }
}

/// A server that never opens its window: sending is refused after the write timeout, the message is handed back, and
/// closing takes no longer than the close timeout.
#[tokio::test(start_paused = true)]
async fn a_client_gives_up_a_server_whose_window_stays_closed() {
    let before = tasks();
    let (stream, mut server) = raw_h2::server(0);
    let h2 = raw_h2::h2(stream).await;
    let mut ws = h2.open_path("/").await.expect("open");
    let stream_of_it = server.accepted.recv().await.expect("open");
    let begun = Instant::now();
    let refused = within("a refusal", async {
        loop {
            if let Err(error) = ws.send(vec![7; 60_000]).await {
                break error;
            }
        }
    })
    .await;
    assert!(
        matches!(refused, Error::WouldExceed(Some(message)) if message == vec![7; 60_000].into())
    );
    assert!(begun.elapsed() <= Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(ws.buffered_amount() < 256 << 10, "{}", ws.buffered_amount());
    let begun = Instant::now();
    let closed = within("the end", ws.close(None)).await;
    assert!(!closed.is_ok_and(|info| info.was_clean));
    assert!(begun.elapsed() <= Duration::from_secs(15), "{:?}", begun.elapsed());
    drop((h2, ws, server, stream_of_it));
    tasks_end(before).await;
}
