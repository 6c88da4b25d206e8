//! Connecting end to end: redirects followed at the head of the response, and requests that wait for TLS.

#[cfg(feature = "tls")]
#[path = "support/identity.rs"]
mod identity;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ws_std::wsproto::Config;
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::wsproto::url::WsUrl;
use ws_std::{ClientOptions, Decision, Error, accept_with, connect_with};

fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.extend(byte);
    }
}

fn echo_once() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let (tcp, _) = listener.accept().expect("a client");
        let ws = accept_with(tcp, Config::default(), |_| Decision::accept(()));
        let mut ws = ws.expect("a request").expect("an upgrade");
        while let Ok(Some(message)) = ws.recv() {
            let _ = ws.send(message);
        }
    });
    port
}

#[test]
fn a_redirect_is_followed_at_its_head() -> Result<(), Error> {
    // L8: an endless body.
    for body in ["Transfer-Encoding: chunked\r\n\r\n5\r\nHel", "\r\n", "Content-Length: 0\r\n\r\n"]
    {
        let to = echo_once();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = WsUrl::parse(&format!("ws://{}/", listener.local_addr()?))?;
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:{to}/\r\n{body}");
        let gate = thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            read_head(&mut client);
            client.write_all(answer.as_bytes()).expect("written");
            // Until the client disconnects.
            let _ = client.read_to_end(&mut Vec::new());
        });
        let began = Instant::now();
        let config = Config::default().handshake_timeout(Some(Duration::from_secs(60)));
        let options = ClientOptions::from(config).redirects(1);
        let mut ws = connect_with(ClientRequest::new(url), options)?;
        assert!(began.elapsed() < Duration::from_secs(30), "it waited for the body");
        ws.send("Hello")?;
        assert_eq!(ws.recv()?, Some("Hello".into()));
        gate.join().expect("no panic");
    }
    Ok(())
}

#[cfg(feature = "tls")]
#[test]
fn a_long_request_waits_for_tls() -> Result<(), Error> {
    // L16
    let identity = identity::Identity::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let tls = identity.server();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let config = Config::default().max_head_size(1 << 20);
            let stream = ws_std::Stream::accept_tls(&tls, tcp.expect("a client")).expect("a key");
            let _ = accept_with(stream, config, |_| Decision::accept(()))
                .map(|ws| ws.map(|mut ws| ws.recv().map(drop)));
        }
    });
    let url = WsUrl::parse(&format!("wss://localhost:{port}/"))?;
    let long = "x".repeat(10_000);
    let mut request = ClientRequest::new(url);
    for number in 0..20 {
        request = request.header(&format!("X-{number}"), &long)?;
    }
    let options = ClientOptions::new().tls(identity.client());
    let mut ws = connect_with(request.clone(), options)?;
    ws.close(None)?;
    assert!(ws.wait_closed()?.was_clean);
    let error = connect_with(request, ClientOptions::new()).expect_err("not to be trusted");
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
    Ok(())
}
