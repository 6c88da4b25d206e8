//! Futures that connect, accept or open are dropped after each number of polls: their sockets, streams and places are
//! free, and the tasks end.

mod support;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use support::{REQUEST, poll_and_drop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use ws_tokio::wsproto::handshake::ClientRequest;
use ws_tokio::{ClientOptions, Listener, Proxy, ServerOptions, WebSocketServer, connect_with};

/// Nothing waits longer, except if it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// More polls than a connection needs to open.
const POLLS: usize = 60;

/// A server or proxy that answers each request with the next of these, the last one for ever. Counts the open sockets.
async fn far(answers: &'static [&'static str]) -> (SocketAddr, Arc<AtomicUsize>) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (address, open) = (tcp.local_addr().expect("TCP"), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&open);
    tokio::spawn(async move {
        while let Ok((stream, _)) = tcp.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                answer(stream, answers).await;
                count.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (address, open)
}

/// Answers until the client leaves.
async fn answer(mut stream: TcpStream, answers: &[&str]) {
    let (mut read, mut number) = (Vec::new(), 0);
    while stream.read_buf(&mut read).await.is_ok_and(|len| len > 0) {
        while let Some(end) = read.windows(4).position(|end| end == b"\r\n\r\n") {
            read.drain(..end + 4);
            // One byte at a time, so that there are many polls.
            for byte in answers[number.min(answers.len() - 1)].bytes() {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            number += 1;
        }
    }
}

async fn until(what: &str, mut met: impl FnMut() -> bool) {
    let wait = async {
        while !met() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what} in time"));
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Through a proxy, after a redirect, and with an answer that does not end.
#[tokio::test]
async fn a_dropped_client_leaves_no_socket() {
    const TUNNEL: &str = "HTTP/1.1 200 OK\r\n\r\n";
    const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9\r\n\r\n";
    let cases: [(&'static [&'static str], bool); 3] =
        [(&[TUNNEL, MOVED], true), (&[MOVED], false), (&["HTTP/1.1 101 Switching"], false)];
    for (answers, proxied) in cases {
        let (address, open) = far(answers).await;
        let before = tasks();
        let mut polled = 0;
        for polls in 0..POLLS {
            let request = ClientRequest::parse(&format!("ws://{address}/")).expect("a URL");
            let mut options = ClientOptions::new().redirects(2);
            if proxied {
                options = options.proxy(Proxy::new(&address.to_string()).expect("a proxy"));
            }
            if poll_and_drop(polls, connect_with(request, options)).await.is_none() {
                polled += 1;
            }
            until("no socket", || open.load(Ordering::SeqCst) == 0).await;
            until("no task", || tasks() == before).await;
        }
        assert!(polled > POLLS / 4, "{polled}");
    }
}

/// At each point of an opening handshake, the place of the client is free again.
#[tokio::test]
async fn a_dropped_incoming_connection_gives_up_its_place() {
    let mut listener = Listener::bind("127.0.0.1:0", ServerOptions::new()).await.expect("a port");
    let (address, server) = (listener.local_addr().expect("TCP"), listener.handle().clone());
    for polls in 0..10 {
        for len in [0, 1, REQUEST.len() - 1, REQUEST.len()] {
            let mut peer = TcpStream::connect(address).await.expect("a server");
            peer.write_all(&REQUEST[..len]).await.expect("open");
            // Accepting is polled and dropped until there is a client.
            let incoming = loop {
                if let Some(accepted) = poll_and_drop(polls % 3, listener.accept()).await {
                    break accepted.expect("it accepts").expect("not ended");
                }
                if polls % 3 == 0 {
                    break listener.accept().await.expect("it accepts").expect("not ended");
                }
            };
            drop(poll_and_drop(polls, incoming.accept()).await);
            // After a handshake, the server waits for the answer to its Close.
            if len < REQUEST.len() {
                let rest = timeout(PATIENCE, peer.read_to_end(&mut Vec::new())).await;
                let _ = rest.expect("it is dropped, or reset");
            }
            drop(peer);
            until("a free place", || server.stats().connections == 0).await;
        }
    }
}

/// A server's future ends the server, its connections and its tasks.
#[tokio::test]
async fn a_dropped_server_leaves_nothing() {
    for polls in [0, 1, 5, 20] {
        let before = tasks();
        let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).await;
        let server = server.expect("a free port");
        let address = server.local_addr().expect("TCP");
        let mut peer = TcpStream::connect(address).await.expect("it listens");
        peer.write_all(REQUEST).await.expect("open");
        {
            let mut runs = pin!(server.run(|_: &_, _: &_| ws_tokio::Decision::accept(())));
            for _ in 0..polls {
                let polled =
                    std::future::poll_fn(|context| Poll::Ready(runs.as_mut().poll(context)));
                assert!(polled.await.is_pending());
                tokio::task::yield_now().await;
            }
        }
        // It may be reset.
        let _ = timeout(PATIENCE, peer.read_to_end(&mut Vec::new())).await.expect("the end");
        until("no task", || tasks() == before).await;
    }
}

/// Passes bytes on, one at a time.
#[cfg(feature = "tls")]
async fn drip(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
) {
    let mut byte = [0];
    while let Ok(1) = from.read(&mut byte).await {
        if to.write_all(&byte).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    // The far end may have left.
    let _ = to.shutdown().await;
}

/// Over TLS, with a server whose bytes arrive one by one.
#[cfg(feature = "tls")]
#[tokio::test]
async fn a_dropped_client_over_tls_leaves_no_socket() {
    use ws_tokio::rustls::pki_types::PrivateKeyDer;
    use ws_tokio::rustls::{ClientConfig, RootCertStore, ServerConfig};
    use ws_tokio::{ClientTls, ServerTls};

    let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a certificate");
    let trusting = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).expect("a key");
    let options = ServerOptions::new().tls(ServerTls::from(config));
    let mut listener = Listener::bind("127.0.0.1:0", options).await.expect("a free port");
    let (address, server) = (listener.local_addr().expect("TCP"), listener.handle().clone());
    tokio::spawn(async move {
        while let Ok(Some(incoming)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut ws) = incoming.accept().await {
                    let _ = ws.closed().await;
                }
            });
        }
    });
    let relay = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = relay.local_addr().expect("TCP").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = relay.accept().await {
            let server = TcpStream::connect(address).await.expect("it listens");
            client.set_nodelay(true).expect("TCP");
            server.set_nodelay(true).expect("TCP");
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(async move {
                tokio::join!(drip(from_client, to_server), drip(from_server, to_client));
            });
        }
    });
    tokio::task::yield_now().await;
    let (before, mut dropped) = (tasks(), 0);
    let client = ClientOptions::new().tls(ClientTls::from(trusting));
    for polls in (0..).step_by(151) {
        let request = ClientRequest::parse(&format!("wss://localhost:{port}/")).expect("a URL");
        let opened = poll_and_drop(polls, connect_with(request, client.clone())).await;
        let is_open = opened.is_some();
        drop(opened.map(|opened| opened.expect("it opens")));
        until("no connection", || server.stats().connections == 0).await;
        until("no task", || tasks() == before).await;
        if is_open {
            break;
        }
        dropped += 1;
    }
    assert!(dropped > 3, "{dropped}");
}
