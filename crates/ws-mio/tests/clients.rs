//! Clients on a loop: all the ways in which a connection does not open, and what its handler is told.

#[cfg(feature = "tls")]
#[path = "../../ws-std/tests/support/identity.rs"]
mod identity;
mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use support::{Log, Recorder, read_head, request};
#[cfg(feature = "tls")]
use ws_mio::wsproto::handshake::ClientRequest;
use ws_mio::wsproto::handshake::{Response, accept_key};
#[cfg(feature = "tls")]
use ws_mio::wsproto::url::WsUrl;
use ws_mio::wsproto::{Config, KeepAlive, ReadyState};
use ws_mio::{
    ClientOptions, ConnectionHandler, Decision, EventLoop, IncomingRequest, Message, Proxy,
    RunningServer, ServerHandle, ServerOptions, WebSocketConnection, WebSocketServer,
};

const SOON: Duration = Duration::from_millis(100);

/// Begins a connection, lets `act` do something with it, and returns what its handler was told.
fn attempt_with(
    url: &str,
    options: ClientOptions,
    act: impl FnOnce(WebSocketConnection) + Send + 'static,
) -> Vec<String> {
    let (mut event_loop, log) = (EventLoop::new().expect("a loop"), Log::default());
    let ws = event_loop.connect(request(url), options, Recorder(log.clone())).expect("a request");
    assert_eq!(ws.ready_state(), ReadyState::Connecting);
    assert!(ws.send("early").is_err());
    let (actor, same) = (
        thread::spawn({
            let ws = ws.clone();
            move || act(ws)
        }),
        ws,
    );
    event_loop.run().expect("events");
    actor.join().expect("no panic");
    assert_eq!(same.ready_state(), ReadyState::Closed);
    log.lines()
}

fn attempt(url: &str, options: ClientOptions) -> Vec<String> {
    attempt_with(url, options, |_| {})
}

/// Asserts that there was one error like this, and the end.
fn assert_fails(lines: &[String], error: &str) {
    assert!(
        matches!(lines, [first, last] if first.starts_with("error ") && first.contains(error)
            && last == "terminate 1006"),
        "{error}: {lines:?}"
    );
}

fn within(timeout: Duration) -> ClientOptions {
    let mut options = ClientOptions::default();
    options.connect_timeout = Some(timeout);
    options
}

/// Nobody listens there.
fn dead() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address")
}

/// A peer that does with a connection what `act` says.
fn peer(act: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            act(stream.expect("a client"));
        }
    });
    address
}

/// Says hello, redirects from `/to?URL`, and closes after the answer.
fn site(options: ServerOptions) -> (RunningServer, SocketAddr) {
    let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
    let address = server.local_addr().expect("an address");
    let server = server.spawn(|_: &ServerHandle, request: &IncomingRequest| {
        if request.path() == "/to" {
            let to = request.query().expect("a URL");
            return Response::new(302).header("Location", to).expect("a header").into();
        }
        Decision::accept(|ws: &WebSocketConnection, message: Message| {
            ws.send(message).expect("open");
            ws.close(None).expect("open");
        })
    });
    (server.expect("a thread"), address)
}

/// Says hello when it can, which ends the connection in order.
fn greet(ws: &WebSocketConnection) {
    support::wait_until("it is open or closed", || ws.ready_state() != ReadyState::Connecting);
    // If it is closed, the log tells why.
    let _ = ws.send("Hello");
}

const FINE: [&str; 3] = ["open", "message Hello", "terminate 1005"];

#[test]
fn what_cannot_be_reached_is_one_error_and_the_end() {
    assert_fails(&attempt(&format!("ws://{}/", dead()), ClientOptions::default()), "refused");
    assert_fails(&attempt("ws://no-such-host.invalid/", ClientOptions::default()), "no-such-host");
}

#[test]
fn a_name_is_looked_up_and_every_address_is_tried() {
    // The name may be ::1 first, where nobody listens.
    let (server, address) = site(ServerOptions::new());
    let url = format!("ws://localhost:{}/", address.port());
    assert_eq!(attempt_with(&url, ClientOptions::default(), |ws| greet(&ws)), FINE);
    server.handle().terminate(None);
    server.join();
}

#[test]
fn a_peer_that_fails_in_the_handshake_is_one_error_and_the_end() {
    let gone = peer(|mut stream| drop(read_head(&mut stream)));
    assert_fails(&attempt(&format!("ws://{gone}/"), ClientOptions::default()), "");
    let reset = peer(|stream| {
        read_head(&mut &stream);
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    });
    assert_fails(&attempt(&format!("ws://{reset}/"), ClientOptions::default()), "reset");
    let wrong = peer(|mut stream| {
        read_head(&mut stream);
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").expect("written");
    });
    assert_fails(&attempt(&format!("ws://{wrong}/"), ClientOptions::default()), "");
}

/// A listener whose peers wait for ever.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    (listener, url)
}

#[test]
fn silence_meets_a_deadline() {
    let (_listener, url) = silent();
    let mut config = Config::default();
    config.handshake_timeout = Some(SOON);
    assert_fails(&attempt(&url, config.into()), "");
    // A proxy that is silent is not connected to.
    let mut options = within(SOON);
    options.proxy =
        Proxy::new(url.trim_start_matches("ws://").trim_end_matches('/')).expect("one").into();
    // T3
    let named = format!(
        "cannot connect to {}: timed out",
        url.trim_start_matches("ws://").trim_end_matches('/')
    );
    assert_fails(&attempt("ws://server.example/", options), &named);
}

#[test]
fn a_proxy_that_trickles_or_resets_or_floods_is_named_or_judged() {
    // T3, L6b
    let through = |proxy: SocketAddr| {
        let mut options = within(Duration::from_millis(300));
        options.proxy = Proxy::new(&format!("http://user:secret@{proxy}/")).expect("one").into();
        let lines = attempt("ws://server.example/", options);
        assert!(!lines.iter().any(|line| line.contains("secret")), "{lines:?}");
        lines
    };
    let trickling = peer(|mut stream| {
        read_head(&mut stream);
        let mut part: &[u8] = b"HTTP/1.1 200 OK\r\nX: ";
        while stream.write_all(part).is_ok() {
            thread::sleep(Duration::from_millis(5));
            part = b"x";
        }
    });
    assert_fails(&through(trickling), &format!("cannot connect to {trickling}: timed out"));
    let resetting = peer(|stream| {
        read_head(&mut &stream);
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    });
    assert_fails(&through(resetting), &format!("cannot connect to {resetting}: "));
    let flooding = peer(|mut stream| {
        read_head(&mut stream);
        while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {}
    });
    assert_fails(&through(flooding), "proxy: the proxy's answer: ");
}

#[test]
fn many_names_need_few_threads() {
    // L11
    const COUNT: usize = 600;
    let (mut event_loop, log) = (EventLoop::new().expect("a loop"), Log::default());
    for number in 0..COUNT {
        let url = format!("ws://no-such-host-{number}.invalid/");
        let handler = Recorder(log.clone());
        // Where there is no name server, each look-up may take long.
        let ws = event_loop.connect(request(&url), within(Duration::from_millis(500)), handler);
        // Half of them are not wanted any more.
        if number % 2 == 0 {
            ws.expect("a request").abort();
        }
    }
    event_loop.run().expect("events");
    let resolver = ws_common::adapter::Resolver::shared();
    assert!(resolver.threads() <= 64, "{}", resolver.threads());
    let lines = log.lines();
    assert_eq!(lines.iter().filter(|line| *line == "terminate 1006").count(), COUNT);
    let errors = lines.iter().filter(|line| line.starts_with("error cannot connect to no-such-"));
    assert_eq!(errors.count(), COUNT / 2);
}

#[cfg(feature = "tls")]
#[test]
fn a_host_that_no_certificate_can_be_for_is_an_error_of_the_url() {
    // T4
    let mut event_loop = EventLoop::new().expect("a loop");
    for url in ["wss://a..b/", "wss://127.1/"] {
        // The URL itself may be refused already.
        let Ok(url) = WsUrl::parse(url) else { continue };
        let (request, handler) = (ClientRequest::new(url), Recorder(Log::default()));
        let error = event_loop.connect(request, ClientOptions::default(), handler);
        assert!(matches!(error, Err(ws_mio::Error::Url(_))), "{error:?}");
    }
}

#[test]
fn a_connection_can_be_given_up_at_any_moment() {
    for wait in [Duration::ZERO, Duration::from_millis(20)] {
        let (_listener, url) = silent();
        for url in [url, "ws://localhost:9/".into()] {
            for abort in [false, true] {
                let lines = attempt_with(&url, ClientOptions::default(), move |ws| {
                    thread::sleep(wait);
                    if abort { ws.abort() } else { ws.close(None).expect("harmless") }
                });
                assert_eq!(lines.last().map(String::as_str), Some("terminate 1006"), "{lines:?}");
                assert!(lines.len() <= 2, "{lines:?}");
            }
        }
    }
}

#[test]
fn redirects_are_followed_up_to_the_limit() {
    let (server, address) = site(ServerOptions::new());
    let url = format!("ws://{address}/to?/to?ws://{address}/end");
    let mut options = ClientOptions::default();
    assert_fails(&attempt(&url, options.clone()), "302");
    options.redirects = 1;
    assert_fails(&attempt(&url, options.clone()), "302");
    options.redirects = 2;
    let lines = attempt_with(&url, options.clone(), move |ws| {
        greet(&ws);
        assert_eq!(ws.url().map(|url| url.to_string()), Some(format!("ws://{address}/end")));
    });
    assert_eq!(lines, FINE);
    assert_fails(&attempt(&format!("ws://{address}/to?ws://{}/", dead()), options), "refused");
    server.handle().terminate(None);
    server.join();
}

/// Connects to what a client asks for, and moves bytes, one at a time.
fn tunnel(mut client: &TcpStream, to: SocketAddr) {
    fn pump(mut from: &TcpStream, mut to: &TcpStream) {
        let mut byte = [0];
        while let Ok(1) = from.read(&mut byte) {
            if to.write_all(&byte).is_err() {
                break;
            }
        }
        // Fails if the client is gone.
        let _ = to.shutdown(std::net::Shutdown::Write);
    }
    let server = TcpStream::connect(to).expect("a server");
    assert!(read_head(&mut client).starts_with("CONNECT server.example:80 HTTP/1.1\r\n"));
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("written");
    thread::scope(|scope| {
        scope.spawn(|| pump(&server, client));
        pump(client, &server);
    });
}

#[test]
fn a_proxy_is_gone_through_or_is_the_error() {
    let (server, address) = site(ServerOptions::new());
    let through = |proxy: SocketAddr| {
        let mut options = ClientOptions::default();
        options.proxy = Proxy::new(&proxy.to_string()).expect("an address").into();
        attempt_with("ws://server.example/", options, |ws| greet(&ws))
    };
    assert_eq!(through(peer(move |client| tunnel(&client, address))), FINE);
    let refusing = peer(|mut client| {
        read_head(&mut client);
        client.write_all(b"HTTP/1.1 407 No\r\n\r\n").expect("written");
    });
    assert_fails(&through(refusing), "the proxy answered with status 407");
    assert_fails(&through(peer(drop)), "");
    assert_fails(&through(dead()), "refused");
    server.handle().terminate(None);
    server.join();
}

/// The first bytes of the server may come together with its answer.
#[test]
fn what_comes_with_the_answer_is_not_lost() {
    let address = peer(|mut stream| {
        let head = read_head(&mut stream);
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = accept_key(key.expect("a key"));
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        let bytes = [answer.as_bytes(), b"\x81\x05Hello\x88\x00"].concat();
        stream.write_all(&bytes).expect("written");
        // Until the client has answered the Close.
        let _ = stream.read(&mut [0; 64]);
    });
    assert_eq!(attempt(&format!("ws://{address}/"), ClientOptions::default()), FINE);
}

#[cfg(feature = "tls")]
#[test]
fn tls_works_at_both_ends_and_whom_not_to_trust_is_told() {
    let identity = identity::Identity::new();
    let (server, address) =
        site(ServerOptions::new().max_message_size(4 << 20).tls(identity.server()));
    let url = format!("wss://localhost:{}/", address.port());
    let mut options = ClientOptions::default();
    options.tls = Some(identity.client());
    assert_eq!(attempt_with(&url, options.clone(), |ws| greet(&ws)), FINE);
    // Larger than any record, both ways.
    let lines = attempt_with(&url, options, |ws| {
        support::wait_until("it is open", || ws.ready_state() == ReadyState::Open);
        ws.send(vec![7; 4 << 20]).expect("open");
    });
    assert_eq!(lines, ["open", "binary", "terminate 1005"]);

    let mut options = ClientOptions::default();
    options.tls = Some(identity::Identity::new().client());
    assert_fails(&attempt(&url, options), "TLS: ");
    assert_fails(&attempt(&url, ClientOptions::default()), "TLS: ");
    // And those who do not speak it.
    let plain = peer(|mut stream| drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    let url = format!("wss://localhost:{}/", plain.port());
    assert_fails(&attempt(&url, ClientOptions::default()), "does not speak TLS");
    // The server lives on after a peer without TLS.
    let mut stranger = TcpStream::connect(address).expect("a server");
    stranger.write_all(support::REQUEST).expect("written");
    let _ = stranger.read_to_end(&mut Vec::new());
    server.handle().terminate(None);
    server.join();
}

/// Says hello at once.
struct Hello;

impl ConnectionHandler for Hello {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        ws.send("Hello").expect("open");
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}
}

// M13, M14: what is set before there is a transport, and before a redirect, holds for the connection.
#[test]
fn a_pause_and_a_keep_alive_may_be_set_while_connecting() {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address");
    let server = server.spawn(|_: &ServerHandle, request: &IncomingRequest| {
        if request.path() == "/to" {
            return Response::new(302).header("Location", "/").expect("a header").into();
        }
        Decision::accept(Hello)
    });
    let server = server.expect("a thread");
    for path in ["/", "/to"] {
        let (mut event_loop, log) = (EventLoop::new().expect("a loop"), Log::default());
        let url = request(&format!("ws://{address}{path}"));
        let options = ClientOptions::new().redirects(1);
        let ws = event_loop.connect(url, options, Recorder(log.clone())).expect("a request");
        ws.pause();
        let often = Duration::from_millis(10);
        ws.set_keep_alive(Some(KeepAlive::new(often, support::LONG)));
        let (paused, lines) = (ws.clone(), log.clone());
        let acting = thread::spawn(move || {
            support::wait_until("it is open", || paused.ready_state() == ReadyState::Open);
            thread::sleep(SOON);
            assert_eq!(lines.lines(), ["open"], "it is paused");
            paused.resume();
            support::wait_until("a Pong", || paused.round_trip().is_some());
            paused.close(None).expect("open");
        });
        event_loop.run().expect("events");
        acting.join().expect("no panic");
        assert_eq!(log.lines(), FINE);
    }
    server.handle().terminate(None);
    server.join();
}
