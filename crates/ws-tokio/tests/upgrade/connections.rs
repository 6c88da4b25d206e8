//! Connections that are accepted.

use tokio::time::timeout;
use ws_tokio::wsproto::handshake::{Accept, AcceptError, ClientRequest};
use ws_tokio::wsproto::{CloseCode, CloseFrame, Config};
use ws_tokio::{Error, H2, Message};

use crate::support::*;

/// R8441-5-3, R8441-5-4: the same connection over both versions: messages of every size, the subprotocol, and an
/// orderly end.
#[tokio::test]
async fn messages_go_both_ways_over_both_versions() {
    for http in BOTH {
        let server = server();
        let offer = request().subprotocol("v1").and_then(|offer| offer.subprotocol("v2"));
        let mut ws =
            open(&server, http, offer.expect("tokens"), Config::new()).await.expect("open");
        assert_eq!(ws.subprotocol().as_deref(), Some("v2"), "{http:?}");
        assert_eq!(server.connections().len(), 1, "{http:?}");
        let status = ws.response().expect("the response").status();
        assert_eq!(status, if http == Http::One { 101 } else { 200 });

        for size in [0, 1, 125, 126, 1 << 16, 1_000_000] {
            let text = "x".repeat(size);
            ws.send(text.clone()).await.expect("open");
            let echo = timeout(PATIENCE, ws.recv()).await.expect("in time").expect("no error");
            assert_eq!(echo, Some(Message::Text(text)), "{size} over {http:?}");
        }
        let info = ws.close(CloseFrame::normal("done").ok()).await.expect("a closing handshake");
        assert!(info.was_clean && info.code == CloseCode::NORMAL, "{info} over {http:?}");
        server.terminate(Some(PATIENCE)).await;
        assert_eq!((server.connections().len(), server.stats().open), (0, 0));
        assert_eq!((server.stats().opened, server.stats().messages_in), (1, 6), "{http:?}");
    }
}

/// permessage-deflate is negotiated by the options of both ends, over both versions.
#[cfg(feature = "deflate")]
#[tokio::test]
async fn messages_are_compressed_over_both_versions() {
    use ws_tokio::wsproto::Deflate;
    use ws_tokio::{ServerOptions, UpgradeServer};

    for http in BOTH {
        let server = UpgradeServer::new(ServerOptions::new().deflate(Deflate::new()));
        let config = Config::new().deflate(Some(Deflate::new()));
        let mut ws = open(&server, http, request(), config).await.expect("open");
        assert_eq!(ws.extensions()[0].name(), "permessage-deflate");
        let text = "to and fro, ".repeat(1000);
        ws.send(text.clone()).await.expect("open");
        assert_eq!(ws.recv().await.expect("no error"), Some(Message::Text(text)));
    }
}

/// Bytes that a peer does not read stay unwritten, except for the window that it has opened and a few pieces: hyper keeps no
/// more, and the limits of the connection hold.
#[tokio::test]
async fn what_a_peer_does_not_read_stays_unwritten_over_http_2() {
    const SENT: usize = 8 << 20;
    /// That of a client of hyper.
    const WINDOW: usize = 2 << 20;
    let server = server();
    let _ws = open(&server, Http::Two, request(), Config::new()).await.expect("open");
    let sender = server.connections().pop().expect("a connection");
    sender.send(vec![7; SENT]).expect("open");
    timeout(PATIENCE, async {
        while sender.buffered_amount() > SENT - WINDOW {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the window is filled");
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    let unwritten = sender.buffered_amount();
    assert!(unwritten > SENT - WINDOW - (512 << 10), "{unwritten}");
}

/// R8441-4-1, R8441-5-1: any number of WebSockets share a connection of HTTP/2, and end one by one.
#[tokio::test]
async fn websockets_share_a_connection() {
    let server = server();
    let h2 = H2::on(host(&server, Http::Two), url(), Config::new()).await.expect("HTTP/2");
    let mut all = Vec::new();
    for number in 0..20 {
        all.push(h2.open_path(&format!("/{number}")).await.expect("open"));
    }
    assert_eq!(server.connections().len(), 20);
    for (number, ws) in all.iter_mut().enumerate() {
        ws.send(number.to_string()).await.expect("open");
    }
    for (number, ws) in all.iter_mut().enumerate().rev() {
        assert_eq!(ws.recv().await.expect("no error"), Some(Message::Text(number.to_string())));
    }
    let first = all.remove(0);
    drop(first);
    all[0].send("still here").await.expect("open");
    assert_eq!(all[0].recv().await.expect("no error"), Some("still here".into()));
    assert!(!h2.is_closed());
    // They outlive the handle.
    drop(h2);
    all[1].send("and here").await.expect("open");
    assert_eq!(all[1].recv().await.expect("no error"), Some("and here".into()));
}

/// Bytes that are no HTTP/2, and the end of the stream, are errors at once.
#[tokio::test]
async fn a_server_that_does_not_speak_http_2_is_told_apart() {
    use tokio::io::AsyncWriteExt;

    let (client, mut stream) = tokio::io::duplex(4096);
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.expect("room");
    let failed = timeout(PATIENCE, H2::on(client, url(), Config::new())).await.expect("in time");
    assert!(matches!(failed, Err(Error::Io(_))), "{failed:?}");

    let (client, stream) = tokio::io::duplex(4096);
    drop(stream);
    let failed = timeout(PATIENCE, H2::on(client, url(), Config::new())).await.expect("in time");
    assert!(failed.is_err(), "{failed:?}");
}

/// A URL of the other scheme would be a lie about TLS.
#[tokio::test]
async fn a_url_of_the_other_scheme_is_refused() {
    let h2 = H2::on(host(&server(), Http::Two), url(), Config::new()).await.expect("HTTP/2");
    let secure = ClientRequest::parse("wss://example.com/");
    let refused = h2.open(secure.expect("a URL")).await;
    assert!(matches!(refused, Err(Error::Option { option: "url", .. })), "{refused:?}");
}

/// A selection that was not offered cannot be accepted, and the client gets a 500; the request is the application's to look at.
#[tokio::test]
async fn an_acceptance_of_what_was_not_offered_is_a_500() {
    let (mut request, server) = (crate::refusals::good(Http::One), server());
    request.extensions_mut().insert(hyper::upgrade::on(http::Request::new(())));
    let upgrade = ws_tokio::Upgrade::of(&mut request).expect("a handshake");
    assert_eq!((upgrade.request().path(), upgrade.request().query()), ("/chat", Some("room=1")));
    let accept = Accept::new().subprotocol("other");
    let refused = upgrade.accept_with(accept).accept::<Vec<u8>>(&server).expect_err("not offered");
    assert_eq!(refused.response().status(), 500);
    assert_eq!(server.stats().connections, 0, "the place is free");
    let reserved = Accept::new().header("Upgrade", "x");
    assert!(matches!(reserved, Err(AcceptError::ReservedHeader(_))));
}
