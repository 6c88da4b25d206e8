//! Ends: of a server, of a connection, and of its stream.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::Builder;
use tokio::time::timeout;
use ws_tokio::wsproto::{CloseCode, Config};
use ws_tokio::{Error, H2, Listener, ServerOptions, Upgrade};

use crate::harness::block_on;
use crate::refusals::good;
use crate::support::*;

/// The end of the server reaches connections that were handed over: 1001, and further requests get 503.
#[tokio::test]
async fn the_end_of_the_server_closes_connections_with_1001() {
    for http in BOTH {
        let server = server();
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(open(&server, http, request(), Config::new()).await.expect("open"));
        }
        let ended = tokio::spawn({
            let server = server.clone();
            async move { server.terminate(Some(PATIENCE)).await }
        });
        for mut ws in clients {
            let info = timeout(PATIENCE, ws.closed()).await.expect("in time").expect("no error");
            assert!(info.was_clean && info.code == CloseCode::GOING_AWAY, "{info} over {http:?}");
        }
        timeout(PATIENCE, ended).await.expect("in time").expect("no panic");
        assert_eq!(server.stats().open, 0);
        let late = open(&server, http, request(), Config::new()).await;
        let Err(Error::Http(response)) = late else { panic!("{late:?}") };
        assert_eq!(response.status(), 503, "{http:?}");
    }
}

/// Clients that do not answer, and tasks that do not look, are cut off at the deadline.
#[tokio::test]
async fn the_end_of_the_server_has_a_deadline() {
    for http in BOTH {
        let server = server();
        let silent = open(&server, http, request(), Config::new()).await.expect("open");
        let terminated = server.terminate(Some(Duration::from_millis(50)));
        timeout(PATIENCE, terminated).await.expect("in time");
        // The handler's thread is told at once, and carries it out.
        let mut silent = silent;
        let info = timeout(PATIENCE, silent.closed()).await.expect("in time").expect("no error");
        assert!(info.code == CloseCode::GOING_AWAY || info.code == CloseCode::ABNORMAL, "{info}");
        let over = async {
            while !server.is_terminated() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, over).await.expect("in time");
        assert_eq!(server.stats().connections, 0);
    }
}

/// R8441-5-5: a stream that ends or is reset without a Close is as a TCP connection that is.
#[tokio::test]
async fn a_stream_that_ends_is_no_clean_end() {
    let server = server();
    let h2 = H2::on(host(&server, Http::Two), url(), Config::new()).await.expect("HTTP/2");
    let first = h2.open_path("/").await.expect("open");
    let mut second = h2.open_path("/").await.expect("open");
    let handle = first.handle().clone();
    handle.abort();
    let gone = async {
        while server.connections().len() > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("in time");
    // Only that stream has ended.
    second.send("still here").await.expect("open");
    assert_eq!(second.recv().await.expect("no error"), Some("still here".into()));

    // The server's end of the stream.
    server.connections()[0].abort();
    let info = timeout(PATIENCE, second.closed()).await.expect("in time").expect("no error");
    assert!(!info.was_clean && info.code == CloseCode::ABNORMAL, "{info}");
    assert!(h2.open_path("/").await.is_ok(), "the connection goes on");
}

/// A server without a handler has nobody to tell about timers, and keeps none.
#[tokio::test(start_paused = true)]
async fn a_server_without_a_handler_keeps_no_timers() {
    let server = server();
    let timer = server.set_timer(Duration::from_secs(1));
    assert!(!server.cancel_timer(timer));
    let listener = Listener::bind("127.0.0.1:0", ServerOptions::new()).await.expect("a free port");
    let timer = listener.handle().set_timer(Duration::from_secs(1));
    assert!(!listener.handle().cancel_timer(timer));
}

/// A client's connection of HTTP/2 ends with its runtime, although it is still referred to, and requests say so at once.
#[test]
fn a_connection_of_http_2_ends_with_its_runtime() {
    let runtime = || Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (client, mut far) = duplex(1 << 14);
    let first = runtime();
    let h2 = first.block_on(async {
        // SETTINGS_ENABLE_CONNECT_PROTOCOL = 1.
        far.write_all(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1]).await.expect("open");
        H2::on(client, url(), Config::new()).await.expect("HTTP/2")
    });
    drop(first);
    assert!(h2.is_closed());
    runtime().block_on(async {
        let mut output = Vec::new();
        let ends = timeout(PATIENCE, far.read_to_end(&mut output));
        ends.await.expect("its stream is dropped").expect("no error");
        let opened = h2.open_path("/").await;
        assert!(matches!(opened, Err(Error::Io(_))), "{opened:?}");
    });
}

/// A request whose stream the web server never hands over.
fn never_handed_over() -> Upgrade {
    let mut request = good(Http::One);
    request.extensions_mut().insert(hyper::upgrade::on(http::Request::new(())));
    Upgrade::of(&mut request).expect("a handshake")
}

/// Outside of a runtime, nothing begins, and nothing panics.
#[test]
fn nothing_begins_outside_of_a_runtime() {
    let connected = block_on(H2::connect("ws://127.0.0.1:9/"));
    assert!(matches!(connected, Err(Error::Io(_))), "{connected:?}");
    let connected = block_on(H2::on(duplex(100).0, url(), Config::new()));
    assert!(matches!(connected, Err(Error::Io(_))), "{connected:?}");

    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let server = server();
    let (h2, upgrading) = runtime.block_on(async {
        let h2 = H2::on(host(&server, Http::Two), url(), Config::new()).await.expect("HTTP/2");
        (h2, never_handed_over().accept::<Vec<u8>>(&server).expect("accepted").1)
    });
    let opened = block_on(h2.open_path("/"));
    assert!(matches!(opened, Err(Error::Io(_))), "{opened:?}");
    let opened = block_on(upgrading);
    assert!(matches!(opened, Err(Error::Io(_))), "{opened:?}");
    assert_eq!(server.stats().connections, 0);
    block_on(server.terminate(None));
    assert!(server.is_terminated());
}

/// The deadline of the end holds for one that waits outside of a runtime, and while another runtime that the server has
/// been used in is not driven.
#[test]
fn the_end_of_the_server_is_awaited_anywhere() {
    for is_inside in [false, true] {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let (runtime, server) = (runtime.expect("a runtime"), server());
        let still = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let begin = || never_handed_over().accept::<Vec<u8>>(&server).expect("accepted").1;
        let entered = if is_inside { still.enter() } else { runtime.enter() };
        let held = begin();
        drop(entered);
        let limit = Some(Duration::from_millis(20));
        let waits = server.clone();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            match is_inside {
                true => runtime.block_on(waits.terminate(limit)),
                false => block_on(waits.terminate(limit)),
            }
            let _ = tell.send(());
        });
        told.recv_timeout(PATIENCE).expect("at the deadline");
        drop(held);
        drop(still);
        assert!(server.is_terminated() || is_inside);
    }
}
