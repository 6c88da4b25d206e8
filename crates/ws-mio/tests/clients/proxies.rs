//! Connections through a proxy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use ws_mio::{ClientOptions, Proxy, ServerOptions};

use crate::support::read_head;
use crate::{FINE, assert_fails, attempt, attempt_with, dead, greet, peer, site, within};

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
