//! The setting by which a server allows WebSockets over HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::timeout;
use ws_tokio::wsproto::Config;
use ws_tokio::{Error, H2};

use crate::support::{PATIENCE, url};

/// R8441-3-2: a client opens nothing on a server that has not sent the setting.
#[tokio::test]
async fn a_server_without_the_setting_is_told_apart() {
    let (client, stream) = duplex(4096);
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    tokio::spawn(async move {
        let service = service_fn(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, std::io::Error>(hyper::Response::new(String::new())) }
        });
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    });
    let h2 = timeout(PATIENCE, H2::on(client, url(), Config::new())).await.expect("in time");
    let refused = h2.expect("HTTP/2").open_path("/").await;
    assert!(matches!(refused, Err(Error::NoExtendedConnect)), "{refused:?}");
    assert_eq!(seen.load(Ordering::Relaxed), 0, "no request was sent");
}

/// The length of a client's preface, in bytes (RFC 9113 section 3.4).
const PREFACE: usize = 24;

/// R8441-3-2: a server may send the setting at any time. A client that has seen none notices it on the same connection.
#[tokio::test]
async fn a_later_setting_is_noticed() {
    let (client, stream) = duplex(4096);
    let (mut reads, mut writes) = tokio::io::split(stream);
    let (allow, requests) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (allows, counted) = (Arc::clone(&allow), Arc::clone(&requests));
    let answer = Arc::new(Notify::new());
    let asked = Arc::clone(&answer);
    // The frames of the client: a request is answered.
    tokio::spawn(async move {
        let mut head = [0; 9];
        reads.read_exact(&mut [0; PREFACE]).await?;
        while reads.read_exact(&mut head).await.is_ok() {
            let [a, b, c, kind, ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            reads.read_exact(&mut payload).await?;
            if kind == 1 {
                counted.fetch_add(1, Ordering::Relaxed);
                asked.notify_one();
            }
        }
        Ok::<_, std::io::Error>(())
    });
    tokio::spawn(async move {
        // SETTINGS without a parameter, later SETTINGS_ENABLE_CONNECT_PROTOCOL = 1.
        writes.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await?;
        allows.notified().await;
        writes.write_all(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1]).await?;
        answer.notified().await;
        // HEADERS on stream 1: status 200, by its index in HPACK's table.
        writes.write_all(&[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88]).await?;
        Ok::<_, std::io::Error>(writes)
    });

    let h2 = timeout(PATIENCE, H2::on(client, url(), Config::new())).await.expect("in time");
    let h2 = h2.expect("HTTP/2");
    for _ in 0..3 {
        let refused = h2.open_path("/").await;
        assert!(matches!(refused, Err(Error::NoExtendedConnect)), "{refused:?}");
    }
    assert_eq!(requests.load(Ordering::Relaxed), 0, "no request was sent");
    allow.notify_one();
    let opened = timeout(PATIENCE, async {
        loop {
            match h2.clone().open_path("/").await {
                Err(Error::NoExtendedConnect) => yield_now().await,
                opened => break opened,
            }
        }
    });
    opened.await.expect("in time").expect("an open WebSocket");
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}
