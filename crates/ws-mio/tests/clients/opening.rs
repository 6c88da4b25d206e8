//! Connections that open, or fail before they are open.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use ws_mio::wsproto::Config;
use ws_mio::wsproto::handshake::accept_key;
use ws_mio::{ClientOptions, EventLoop, Proxy, ServerOptions};

use crate::support::{Log, Recorder, read_head, request};
use crate::{
    FINE, SOON, assert_fails, attempt, attempt_with, dead, greet, peer, silent, site, within,
};

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
