//! Connections over TLS, on a stream that moves a few bytes at a time, whose futures are dropped after each number of
//! polls.

#[path = "../../tests/support/polling.rs"]
mod polling;

use std::pin::pin;

use tokio::io::{AsyncReadExt, DuplexStream, copy, duplex};
use tokio::time::timeout;
use ws_common::adapter::server_endpoint;
use ws_common::adapter::tls::TlsState;
use ws_common::{ClientTls, Message, ServerTls};
use wsproto::handshake::Accept;
use wsproto::{CloseCode, Config, SessionError};

use polling::poll_and_drop;

use super::*;
use crate::Request;
use crate::client::begin;
use crate::io::tests::configs;

/// Nothing waits longer, except if it hangs. The time is virtual.
const PATIENCE: Duration = Duration::from_secs(3600);

fn over_tls(
    stream: DuplexStream,
    tls: impl Into<ws_common::rustls::Connection>,
) -> Transported<DuplexStream> {
    Transported { tls: Some(TlsState::new(tls.into())), ..Transported::unknown(stream) }
}

async fn client(stream: DuplexStream, tls: ClientTls) -> Result<WebSocket, Error> {
    let transported = over_tls(stream, tls.begin("localhost").expect("a name"));
    let request = ClientRequest::parse("wss://localhost/")?;
    let mut ws = begin(transported, OriginParts::default(), request, Arc::new(Config::new()))?;
    ws.open().await?;
    Ok(ws)
}

async fn server(stream: DuplexStream, tls: ServerTls) -> Result<WebSocket, Error> {
    let endpoint = server_endpoint(Config::new(), Duration::ZERO);
    let transported = over_tls(stream, tls.begin().expect("a configuration"));
    let connection = connection(OriginParts::default(), Instant::now(), endpoint, transported);
    let ws = WebSocket::begin(connection, Conversation::client(()), None)?;
    match Request::read(ws, None).await? {
        Some(request) => request.accept(&Accept::new()).await,
        None => Err(SessionError::EndOfInput.into()),
    }
}

async fn no_task_is_left() {
    let ended = async {
        while Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("the end of all tasks");
}

/// An opening handshake that is given up, at either end: its stream is dropped, and the other end learns it.
#[tokio::test(start_paused = true)]
async fn an_opening_handshake_is_dropped_at_each_poll() {
    let (client_tls, server_tls) = configs();
    for drops_client in [true, false] {
        // Bytes in the pipe, and polls between two drops.
        for (room, step) in [(1, 61), (7, 11), (100, 1), (1 << 16, 1)] {
            let mut dropped = 0;
            for polls in (0..).step_by(step) {
                let (here, there) = duplex(room);
                let (here, there) =
                    (client(here, client_tls.clone()), server(there, server_tls.clone()));
                let completed = match drops_client {
                    true => {
                        let other = tokio::spawn(there);
                        let opened = poll_and_drop(polls, here).await;
                        let other = timeout(PATIENCE, other).await.expect("it ends");
                        settle(opened, other.expect("no panic")).await
                    }
                    false => {
                        let other = tokio::spawn(here);
                        let opened = poll_and_drop(polls, there).await;
                        let other = timeout(PATIENCE, other).await.expect("it ends");
                        settle(opened, other.expect("no panic")).await
                    }
                };
                no_task_is_left().await;
                if completed {
                    break;
                }
                dropped += 1;
            }
            assert!(dropped > 2, "{room}: {dropped}");
        }
    }
}

/// Checks an end that was dropped or has opened, and the other one. Returns whether it has opened.
async fn settle(
    dropped: Option<Result<WebSocket, Error>>,
    other: Result<WebSocket, Error>,
) -> bool {
    let completed = dropped.is_some();
    drop(dropped.map(|opened| opened.expect("it opens")));
    match other {
        Ok(mut ws) => {
            // It has opened before the drop, of the connection or of its future.
            let end = timeout(PATIENCE, ws.closed()).await.expect("it ends");
            assert!(!completed || end.is_ok_and(|end| end.code == CloseCode::GOING_AWAY));
        }
        Err(error) => assert!(!completed, "{error}"),
    }
    completed
}

/// Nothing is lost of messages in either direction, whatever is dropped.
#[tokio::test(start_paused = true)]
async fn no_message_is_lost_over_tls() -> Result<(), Error> {
    let (client_tls, server_tls) = configs();
    let messages =
        || [Message::from("Größe"), vec![7; 300].into(), "".into(), vec![8; 2000].into()];
    for room in [1, 7, 100] {
        for polls in 0..4 {
            let (here, there) = duplex(room);
            let server = tokio::spawn(server(there, server_tls.clone()));
            let mut client = client(here, client_tls.clone()).await?;
            let mut server = server.await.expect("no panic")?;
            let echoes = tokio::spawn(async move {
                loop {
                    let received = match poll_and_drop(polls, server.recv()).await {
                        Some(received) => received?,
                        None => server.recv().await?,
                    };
                    let Some(message) = received else { return server.closed().await };
                    server.send(message).await?;
                    if let Some(flushed) = poll_and_drop(polls, server.flush()).await {
                        flushed?;
                    }
                }
            });
            for message in messages() {
                client.send(message).await?;
            }
            for message in messages() {
                let received = match poll_and_drop(polls, client.recv()).await {
                    Some(received) => received?,
                    None => timeout(PATIENCE, client.recv()).await.expect("in time")?,
                };
                assert_eq!(received, Some(message), "{room}, {polls}");
            }
            if let Some(closed) = poll_and_drop(polls, client.close(None)).await {
                closed?;
            }
            client.handle().close(None)?;
            let end = timeout(PATIENCE, client.closed()).await.expect("in time")?;
            assert!(end.was_clean, "{end}");
            assert!(echoes.await.expect("no panic")?.was_clean);
            drop(client);
            no_task_is_left().await;
        }
    }
    Ok(())
}

/// The server's ciphertext ends after `len` bytes, or breaks off there when it is to.
async fn cut(near: DuplexStream, far: DuplexStream, len: u64) {
    let (mut from_client, mut to_client) = tokio::io::split(near);
    let (from_server, mut to_server) = tokio::io::split(far);
    let mut first = from_server.take(len);
    let forth = pin!(copy(&mut from_client, &mut to_server));
    let back = pin!(copy(&mut first, &mut to_client));
    let _ = futures_util::future::select(forth, back).await;
}

/// The server's ciphertext ends at any byte of the opening handshake, and of a message behind it.
#[tokio::test(start_paused = true)]
async fn the_ciphertext_may_end_anywhere() {
    let (client_tls, server_tls) = configs();
    for len in (0..).step_by(7) {
        let (here, near) = duplex(1 << 16);
        let (far, there) = duplex(1 << 16);
        let relay = tokio::spawn(cut(near, far, len));
        let opening = server(there, server_tls.clone());
        let serves = tokio::spawn(async move {
            let mut ws = opening.await?;
            ws.send("whole").await?;
            ws.closed().await
        });
        let received = timeout(PATIENCE, async {
            let mut ws = client(here, client_tls.clone()).await?;
            let received = ws.recv().await;
            if let Ok(None) = received {
                let end = ws.close_info().expect("an end");
                assert_eq!(end.code, CloseCode::ABNORMAL, "{end} after {len}");
            }
            received
        });
        let received = received.await.expect("it ends");
        let served = timeout(PATIENCE, serves).await.expect("it ends").expect("no panic");
        relay.await.expect("no panic");
        no_task_is_left().await;
        match received {
            Ok(Some(message)) => {
                assert_eq!(message, "whole".into());
                return;
            }
            Ok(None) | Err(Error::Io(_) | Error::Tls(_) | Error::Session(_)) => {
                assert!(!served.is_ok_and(|end| end.was_clean), "{len}");
            }
            Err(error) => panic!("{len}: {error:?}"),
        }
    }
}
