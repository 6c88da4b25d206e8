//! Servers that send our client an endless response.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use conformance::adapters::Refused;
use ws_common::{ClientOptions, Message, Proxy, WebSocketConnection};
use wsproto::Config;
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;

use crate::flood::{FLOOD, Flooded, SMALL, assert_within, grown, settle};
use crate::heap::{self, Meter};
use crate::peer::LONG;

/// Answers one client with `begin`, then with `more` until it disconnects.
fn answer(listener: &TcpListener, begin: &[u8], more: &[u8]) -> usize {
    let (mut stream, _) = listener.accept().expect("a client");
    stream.set_read_timeout(Some(LONG)).expect("not zero");
    stream.set_write_timeout(Some(LONG)).expect("not zero");
    read_head(&mut stream);
    stream.write_all(begin).expect("a client that reads");
    let mut sent = begin.len();
    while !more.is_empty() && sent < FLOOD && stream.write_all(more).is_ok() {
        sent += more.len();
    }
    sent
}

fn read_head(stream: &mut TcpStream) {
    let mut last = [0; 4];
    while &last != b"\r\n\r\n" {
        last.rotate_left(1);
        stream.read_exact(&mut last[3..]).expect("a request");
    }
}

/// Connects to such a server; returns the error and the bytes sent.
fn ask<C: Flooded>(begin: &[u8], more: &[u8], proxied: bool) -> (Refused, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::scope(|scope| {
        let answering = scope.spawn(|| answer(&listener, begin, more));
        let refused = connect::<C>(address, proxied);
        (refused, answering.join().expect("no panic"))
    })
}

fn connect<C: Flooded>(address: SocketAddr, proxied: bool) -> Refused {
    let url = WsUrl::parse(&format!("ws://{address}/")).expect("a URL");
    let mut options = ClientOptions::default();
    let proxy = proxied.then(|| Proxy::new(&address.to_string()).expect("an address"));
    options.proxy = proxy.into();
    let ignore = |_: &WebSocketConnection, _: Message| {};
    match C::connect(ClientRequest::new(url), options, ignore) {
        Ok(_) => panic!("nobody has accepted it"),
        Err(refused) => refused,
    }
}

/// Measures the memory of a client; returns its error.
fn flooded<C: Flooded>(name: &str, begin: &[u8], most: usize, proxied: bool) -> Refused {
    let ordinary = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
    let before = heap::live() + C::CLIENTS_KEEP;
    // The first client triggers allocations made only once; the second measures an ordinary client.
    ask::<C>(ordinary, b"", proxied);
    settle("a client left", before);
    let meter = Meter::start();
    ask::<C>(ordinary, b"", proxied);
    let ordinary = meter.peak();
    settle("a client left", before);
    let meter = Meter::start();
    let (refused, sent) = ask::<C>(begin, &[b'a'; 1000], proxied);
    assert!(sent < FLOOD, "the client gives up");
    assert_within::<C>(name, sent, &meter, ordinary + C::BUFFER + grown(most) + SMALL);
    settle("a client left", before + refused.body.len());
    refused
}

/// A54: the same for a proxy's response.
pub(crate) fn a_response_head_without_end_is_an_error<C: Flooded>() {
    let most = Config::default().max_head_size;
    let head = b"HTTP/1.1 101 Switching Protocols\r\nX: ";
    let refused = flooded::<C>("54: a response head without end", head, most, false);
    assert!(refused.error.contains("maximum head size"), "{refused:?}");
    let head = b"HTTP/1.1 200 OK\r\nX: ";
    let refused = flooded::<C>("54: a proxy's head without end", head, most, true);
    assert!(refused.error.contains("maximum head size"), "{refused:?}");
}

/// A54: the error holds the received part of the body, up to the limit.
pub(crate) fn a_response_body_without_end_is_an_error<C: Flooded>() {
    let most = Config::default().max_body_size;
    let refused = flooded::<C>("54: a 200 without end", b"HTTP/1.1 200 OK\r\n\r\n", most, false);
    assert_eq!((refused.status, refused.body.len()), (Some(200), most));
}
