//! Tunnels through HTTP proxies that the tests implement.

#[cfg(feature = "tls")]
#[path = "support/identity.rs"]
mod identity;
#[path = "support/net.rs"]
mod net;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use net::{read_head, site, url, yes};
use ws_std::wsproto::handshake::{ClientRequest, HeadError, ResponseError};
use ws_std::wsproto::url::WsUrl;
use ws_std::{ClientOptions, Error, Proxy, ProxyError, WebSocket, connect_with};

const OPEN: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// A proxy for one connection: reads the CONNECT request and passes it to `serve`.
fn proxy<T: Send + 'static>(
    serve: impl FnOnce(TcpStream, String) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let thread = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let head = read_head(&mut client);
        serve(client, head)
    });
    (address, thread)
}

/// Connects to the target of a CONNECT request and relays bytes, at most `most` at a time.
fn tunnel(mut client: TcpStream, to: &str, most: usize) {
    let server = TcpStream::connect(to).expect("a server");
    for byte in OPEN {
        client.write_all(&[*byte]).expect("written");
    }
    thread::scope(|scope| {
        scope.spawn(|| pump(&server, &client, most));
        pump(&client, &server, most);
    });
}

fn pump(mut from: &TcpStream, mut to: &TcpStream, most: usize) {
    let mut buffer = vec![0; most];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // Fails if the peer is gone.
    let _ = to.shutdown(Shutdown::Write);
}

/// A proxy that sends `answer` and shuts down its writing side.
fn answering(answer: &'static [u8]) -> String {
    let (address, _) = proxy(move |mut client, _| {
        client.write_all(answer).expect("written");
        client.shutdown(Shutdown::Write).expect("open");
        // Until the client ends its side.
        let _ = client.read(&mut [0]);
    });
    address
}

fn through(proxy: Proxy, url: &str, timeout: Duration) -> Result<WebSocket, Error> {
    let mut options = ClientOptions::default();
    options.proxy = proxy.into();
    options.connect_timeout = Some(timeout);
    connect_with(ClientRequest::new(WsUrl::parse(url)?), options)
}

const LONG: Duration = Duration::from_secs(60);

fn refused(answer: &'static [u8]) -> ProxyError {
    let proxy = Proxy::new(&answering(answer)).expect("an address");
    match through(proxy, "ws://server.example/", LONG) {
        Err(Error::Proxy(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_go_through_a_tunnel() -> Result<(), Error> {
    // R6455-4.1-5
    let (server, requests) = site(yes);
    let to = server.clone();
    let (address, thread) = proxy(move |client, head| {
        tunnel(client, &to, 4096);
        head
    });
    let mut ws = through(Proxy::new(&address)?, &url(&server), LONG)?;
    for message in ["Hello".to_owned(), "x".repeat(100_000)] {
        ws.send(message.clone())?;
        assert_eq!(ws.recv()?, Some(message.into()));
    }
    assert_eq!(ws.url().to_string(), url(&server), "the proxy does not show");
    let peer = ws.handle().peer_addr().expect("an address");
    assert_eq!(peer.to_string(), address);
    ws.close(None)?;
    assert!(ws.wait_closed()?.was_clean);
    drop(ws);
    let head = thread.join().expect("no panic");
    assert_eq!(head, format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n\r\n"));
    assert_eq!(requests.recv().expect("a request").headers().get("host"), Some(&*server));
    Ok(())
}

#[test]
fn credentials_are_for_the_proxy_alone() -> Result<(), Error> {
    // R6455-4.1-5
    let (server, requests) = site(yes);
    let to = server.clone();
    let (address, thread) = proxy(move |client, head| {
        tunnel(client, &to, 4096);
        head
    });
    let proxy = Proxy::new(&address)?.credentials("user", "pass:w\u{F6}rd")?;
    assert!(!format!("{proxy:?}").contains("dXNlc"), "{proxy:?}");
    drop(through(proxy, &url(&server), LONG)?);
    let head = thread.join().expect("no panic");
    assert!(head.contains("\r\nProxy-Authorization: Basic dXNlcjpwYXNzOnfDtnJk\r\n"), "{head}");
    let request = requests.recv().expect("a request");
    assert_eq!(request.headers().get("proxy-authorization"), None);
    Ok(())
}

#[cfg(feature = "tls")]
#[test]
fn tls_goes_through_a_tunnel_byte_by_byte() -> Result<(), Error> {
    // R6455-4.1-5, R6455-4.1-8
    use ws_std::wsproto::Config;
    use ws_std::{Stream, accept_with};

    let identity = identity::Identity::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let tls = identity.server();
    let server = thread::spawn(move || -> Result<_, Error> {
        let (tcp, _) = listener.accept()?;
        let stream = Stream::accept_tls(&tls, tcp)?;
        let mut ws = accept_with(stream, Config::default(), yes)?.expect("an upgrade");
        while let Some(message) = ws.recv()? {
            ws.send(message)?;
        }
        Ok(())
    });
    let (address, thread) = proxy(move |client, head| {
        tunnel(client, &format!("127.0.0.1:{port}"), 1);
        head
    });
    let mut options = ClientOptions::default();
    options.proxy = Proxy::new(&address)?.into();
    options.tls = Some(identity.client());
    let url = WsUrl::parse(&format!("wss://localhost:{port}/"))?;
    let mut ws = connect_with(ClientRequest::new(url), options)?;
    ws.send("Hello")?;
    assert_eq!(ws.recv()?, Some("Hello".into()));
    ws.close(None)?;
    assert!(ws.wait_closed()?.was_clean);
    drop(ws);
    server.join().expect("no panic")?;
    // The proxy resolves the name.
    assert!(thread.join().expect("no panic").starts_with(&format!("CONNECT localhost:{port} ")));
    Ok(())
}

#[test]
fn names_are_looked_up_by_the_proxy() {
    let (address, thread) = proxy(|_, head| head);
    let proxy = Proxy::new(&address).expect("an address");
    assert!(through(proxy, "ws://no-such-host.invalid/", LONG).is_err());
    let head = thread.join().expect("no panic");
    assert!(head.starts_with("CONNECT no-such-host.invalid:80 HTTP/1.1\r\n"), "{head}");
}

#[test]
fn interim_answers_come_before_the_real_one() -> Result<(), Error> {
    let (server, _requests) = site(yes);
    let to = server.clone();
    let (address, _) = proxy(move |mut client, _| {
        client.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").expect("written");
        tunnel(client, &to, 4096);
    });
    let mut ws = through(Proxy::new(&address)?, &url(&server), LONG)?;
    ws.send("Hello")?;
    assert_eq!(ws.recv()?, Some("Hello".into()));
    Ok(())
}

#[test]
fn a_proxy_that_wants_credentials_says_so() {
    let error = refused(
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\
        Proxy-Authenticate: Basic realm=\"here\"\r\n\r\n",
    );
    assert_eq!(error.to_string(), "the proxy answered with status 407");
    let ProxyError::Refused(response) = error else { panic!("{error:?}") };
    assert_eq!(response.headers().get("proxy-authenticate"), Some("Basic realm=\"here\""));
}

#[test]
fn what_is_no_answer_is_an_error() {
    for (answer, expected) in [
        (&b"\x05\x00\x00 garbage\r\n\r\n"[..], "the proxy's answer: "),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "the proxy's answer: "),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "the proxy's answer: "),
        (b"", "the proxy ended the connection"),
        (b"HTTP/1.1 200 OK\r\n", "the proxy ended the connection"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "the proxy ended the connection"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "the proxy answered with status 302"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "the proxy answered with status 101"),
        // A server that speaks first: its bytes must not be taken for an answer.
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 ", "the proxy sent more than its answer"),
    ] {
        let error = refused(answer).to_string();
        assert!(error.starts_with(expected), "{:?}: {error}", answer.escape_ascii().to_string());
    }
}

#[test]
fn an_answer_without_end_meets_the_limit() {
    let (address, thread) = proxy(|mut client, _| {
        client.write_all(b"HTTP/1.1 200 OK\r\n").expect("written");
        while client.write_all(b"A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").is_ok() {}
    });
    let proxy = Proxy::new(&address).expect("an address");
    let error = through(proxy, "ws://server.example/", LONG).expect_err("no end");
    let Error::Proxy(ProxyError::Response(ResponseError::Head(error))) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(error, HeadError::TooLong | HeadError::TooManyFields), "{error:?}");
    thread.join().expect("no panic");
}

#[test]
fn a_proxy_that_is_silent_or_slow_meets_the_deadline() {
    for trickle in [false, true] {
        let (address, thread) = proxy(move |mut client, _| {
            let _ = client.write_all(if trickle { b"HTTP/1.1 200 " } else { b"" });
            while trickle && client.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(5));
            }
            // Until the client gives up.
            let _ = client.read(&mut [0]);
        });
        let error = through(
            Proxy::new(&address).expect("an address"),
            "ws://server.example/",
            Duration::from_millis(100),
        )
        .expect_err("no answer");
        assert!(error.to_string().contains(&address), "{error}");
        assert!(
            matches!(error, Error::Connect { ref error, .. } if error.kind() == ErrorKind::TimedOut),
            "{error:?}"
        );
        thread.join().expect("no panic");
    }
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let proxy = Proxy::new(&address).expect("an address");
    let error = through(proxy, "ws://server.example/", LONG).expect_err("nobody listens");
    assert!(error.to_string().starts_with(&format!("cannot connect to {address}: ")), "{error}");
}

#[test]
fn an_address_or_credentials_that_cannot_be_are_errors() {
    for bad in ["", ":3128", "proxy:port", "proxy:0", "proxy/path", "http://", "a b", "u@"] {
        assert!(matches!(Proxy::new(bad), Err(ProxyError::Address(_))), "{bad}");
    }
    for (user, password) in [("a:b", ""), ("a\r\n", ""), ("a", "b\nc"), ("a\0", "")] {
        let proxy = Proxy::new("proxy").expect("an address").credentials(user, password);
        assert!(matches!(proxy, Err(ProxyError::Credentials)), "{user:?} {password:?}");
    }
    let proxy = Proxy::new("[::1]:3128").expect("an address");
    assert_eq!((proxy.host(), proxy.port()), ("::1", 3128));
}

#[test]
fn a_refusal_comes_with_its_body() {
    // T11: in the same segment, delimited by HTTP.
    for (answer, body) in [
        (&b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nHello"[..], &b"Hello"[..]),
        (b"HTTP/1.1 403 No\r\n\r\nHello", b"Hello"),
        (b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n0\r\n\r\n", b"Hello"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", b""),
    ] {
        let ProxyError::Refused(response) = refused(answer) else { panic!("it refuses") };
        assert_eq!((response.status(), response.body_bytes()), (403, body));
    }
    // A proxy that keeps the connection open does not delay the error.
    let (address, _) = proxy(|mut client, _| {
        client.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nHello").expect("written");
        client.read_to_end(&mut Vec::new())
    });
    let proxy = Proxy::new(&address).expect("an address");
    let error = through(proxy, "ws://server.example/", LONG).expect_err("refused");
    let Error::Proxy(ProxyError::Refused(response)) = error else { panic!("{error:?}") };
    assert_eq!(response.body_bytes(), b"Hello");
}

#[test]
fn interim_answers_without_end_meet_the_limit() {
    // L6b
    let (address, thread) =
        proxy(|mut client, _| while client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {});
    let proxy = Proxy::new(&address).expect("an address");
    let error = through(proxy, "ws://server.example/", LONG).expect_err("no end");
    assert!(
        matches!(error, Error::Proxy(ProxyError::Response(ResponseError::Head(_)))),
        "{error:?}"
    );
    thread.join().expect("no panic");
}

#[test]
fn a_proxy_is_taken_with_its_credentials_and_no_error_shows_them() {
    // T9
    let (address, thread) = proxy(|mut client, head| {
        client.write_all(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n").expect("written");
        head
    });
    let proxy = Proxy::new(&format!("http://user:s%65cret@{address}/")).expect("a proxy");
    let error = through(proxy, "ws://server.example/", LONG).expect_err("refused");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("secret") && !shown.contains("dXNlcjp"), "{shown}");
    let head = thread.join().expect("no panic");
    assert!(head.contains("\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), "{head}");
}
