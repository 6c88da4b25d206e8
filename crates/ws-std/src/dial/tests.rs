//! Opening a stream with both implementations of `Connect`.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use socket2::{Domain, Socket, Type};
use ws_common::{ClientOptions, Proxies, Proxy};
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;

use super::one_by_one::Attempts as OneByOne;
use super::*;

fn target(url: &str, options: ClientOptions) -> Target {
    let request = ClientRequest::new(WsUrl::parse(url).expect("a URL"));
    Target::new(request, options).expect("a target")
}

/// Opens a stream with both implementations; the second is for systems other than Unix.
fn open_both(url: &str, options: &ClientOptions) -> [Result<TcpStream, Error>; 2] {
    let mut target = target(url, options.clone());
    let mut dials =
        [(); 2].map(|()| Dial::new(&mut target, Duration::ZERO).expect("a configuration"));
    let [first, second] = &mut dials;
    [open(first, Attempts::default(), None), open(second, OneByOne::default(), None)]
}

#[test]
fn a_stream_opens_and_blocks_without_a_timeout() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    for timeout in [None, Some(Duration::from_secs(60)), Some(Duration::MAX)] {
        let mut options = ClientOptions::default();
        options.connect_timeout = timeout;
        for host in ["127.0.0.1", "localhost"] {
            for tcp in open_both(&format!("ws://{host}:{port}/"), &options) {
                let tcp = tcp.expect("a listener");
                assert_eq!(tcp.peer_addr()?.port(), port);
                assert_eq!((tcp.read_timeout()?, tcp.write_timeout()?), (None, None));
            }
        }
    }
    Ok(())
}

#[test]
fn an_address_that_refuses_is_told() -> io::Result<()> {
    // A port that no longer listens.
    let dead = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    for result in open_both(&format!("ws://{dead}/"), &ClientOptions::default()) {
        let Err(Error::Connect { to, error }) = result else { panic!("{result:?}") };
        assert_eq!((to, error.kind()), (dead.to_string(), ErrorKind::ConnectionRefused));
    }
    Ok(())
}

#[test]
fn a_tunnel_opens_through_small_writes() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut options = ClientOptions::default();
    options.connect_timeout = Some(Duration::MAX);
    options.proxy =
        Proxies::from(Proxy::new(&listener.local_addr()?.to_string()).expect("a proxy"));
    let proxy = thread::spawn(move || -> io::Result<()> {
        for _ in 0..2 {
            let (mut client, _) = listener.accept()?;
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte)?;
                request.extend(byte);
            }
            for byte in b"HTTP/1.1 200 OK\r\n\r\n" {
                client.write_all(&[*byte])?;
            }
        }
        Ok(())
    });
    for tcp in open_both("ws://server.example/", &options) {
        let tcp = tcp.expect("a tunnel");
        assert_eq!((tcp.read_timeout()?, tcp.write_timeout()?), (None, None));
    }
    proxy.join().expect("no panic")
}

/// A listener with a full backlog: the kernel drops further SYNs. Returned with the streams that fill it.
fn silent() -> io::Result<(Socket, Vec<TcpStream>, SocketAddr)> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into())?;
    listener.listen(0)?;
    let address = listener.local_addr()?.as_socket().expect("an Internet address");
    let mut filled = Vec::new();
    while let Ok(tcp) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        assert!(filled.len() < 100, "it takes everything");
        filled.push(tcp);
    }
    Ok((listener, filled, address))
}

/// A dial whose lookup returned these addresses.
fn dial_to(addresses: &[SocketAddr], timeout: Option<Duration>) -> Dial {
    let mut options = ClientOptions::default();
    options.connect_timeout = timeout;
    let mut target = target("ws://host.example/", options);
    let mut dial = Dial::new(&mut target, Duration::ZERO).expect("a configuration");
    assert!(matches!(dial.next(Duration::ZERO), Ok(DialStep::Resolve { .. })));
    dial.resolved(Ok(addresses.into()), Duration::ZERO);
    dial
}

#[test]
fn every_address_is_tried_whatever_the_others_do() -> io::Result<()> {
    // L9: a connect to the silent address alone would take minutes to fail.
    let (_listener, _filled, silent) = silent()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let alive = listener.local_addr()?;
    let dead = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    for addresses in
        [&[alive][..], &[dead, alive], &[alive, dead], &[silent, alive], &[silent, dead, alive]]
    {
        let tcp =
            open(&mut dial_to(addresses, None), Attempts::default(), None).expect("one is alive");
        assert_eq!(tcp.peer_addr()?, alive);
        let timeout = Some(Duration::from_secs(1));
        let tcp = open(&mut dial_to(addresses, timeout), OneByOne::default(), None);
        assert_eq!(tcp.expect("one is alive").peer_addr()?, alive);
    }
    for addresses in [&[silent][..], &[silent, dead]] {
        for result in [
            open(
                &mut dial_to(addresses, Some(Duration::from_millis(300))),
                Attempts::default(),
                Some(&Cancel::new()),
            ),
            open(
                &mut dial_to(&[silent], Some(Duration::from_millis(50))),
                OneByOne::default(),
                Some(&Cancel::new()),
            ),
        ] {
            let Err(Error::Connect { to, error }) = result else { panic!("{result:?}") };
            assert_eq!((&*to, error.kind()), ("host.example:80", ErrorKind::TimedOut));
        }
    }
    Ok(())
}

#[test]
fn a_proxy_that_does_not_answer_is_named() -> io::Result<()> {
    // T3
    for (act, kind) in [("silent", ErrorKind::TimedOut), ("resets", ErrorKind::ConnectionReset)] {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let mut options = ClientOptions::default();
        options.connect_timeout = Some(Duration::from_millis(200));
        options.proxy = Proxies::from(Proxy::new(&address).expect("a proxy"));
        let proxy = thread::spawn(move || -> io::Result<Vec<TcpStream>> {
            let mut clients = Vec::new();
            for _ in 0..2 {
                let (client, _) = listener.accept()?;
                if act == "resets" {
                    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
                } else {
                    clients.push(client);
                }
            }
            Ok(clients)
        });
        for result in open_both("ws://server.example/", &options) {
            let Err(Error::Connect { to, error }) = result else { panic!("{act}: {result:?}") };
            assert_eq!((to, error.kind()), (address.clone(), kind), "{act}");
        }
        drop(proxy.join().expect("no panic")?);
    }
    Ok(())
}
