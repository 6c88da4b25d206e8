//! Endless opening handshakes.

use std::net::SocketAddr;
use std::thread;

use wsproto::Config;

use crate::flood::{Flood, Flooded, SMALL, assert_within, grown};
use crate::heap::Meter;
use crate::peer::{Peer, REQUEST};

/// Returns a valid upgrade request without the final empty line.
fn begun() -> Vec<u8> {
    REQUEST[..REQUEST.len() - 2].to_vec()
}

/// Sends a request, then `more` up to `times` times, until a write fails; expects a refusal with `status`.
/// Returns the bytes sent, and the meter of the server.
fn ask(
    address: SocketAddr,
    request: &[u8],
    more: &[u8],
    times: usize,
    status: u16,
) -> (usize, Meter) {
    let meter = Meter::start();
    let mut peer = Peer::connect(address);
    let mut writer = peer.clone();
    let sent = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            writer.send(request);
            request.len() + more.len() * (0..times).take_while(|_| writer.try_send(more)).count()
        });
        peer.expect(format!("HTTP/1.1 {status} ").as_bytes());
        peer.last();
        writing.join().expect("no panic")
    });
    (sent, meter)
}

/// Measures the memory of a refused request, compared with an ordinary refusal.
fn refused<S: Flooded>(name: &str, request: &[u8], more: &[u8], status: u16) {
    let flood = Flood::<S>::new();
    let (_, meter) = ask(flood.address(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", 0, 426);
    let ordinary = meter.peak();
    flood.settle();
    let (sent, meter) = ask(flood.address(), request, more, (8 << 20) / more.len(), status);
    let bound = ordinary + S::BUFFER + grown(Config::default().max_head_size) + SMALL;
    assert_within::<S>(name, sent, &meter, bound);
    flood.end();
}

/// A43.
pub(crate) fn a_head_without_end_is_refused<S: Flooded>() {
    let endless = [&begun(), &b"X: "[..]].concat();
    refused::<S>("43: a header without end", &endless, &[b'a'; 1000], 431);
    let long = [&endless, &b"a".repeat(1 << 20)[..], b"\r\n\r\n"].concat();
    refused::<S>("43: a header of 1 MiB", &long, REQUEST, 431);
    let many = [&begun(), &b"a:b\r\n".repeat(2000)[..], b"\r\n"].concat();
    refused::<S>("43: 2000 tiny headers", &many, REQUEST, 431);
    let target = [b"GET /", &b"a".repeat(1 << 20)[..], b" HTTP/1.1\r\n"].concat();
    refused::<S>("43: a target of 1 MiB", &target, REQUEST, 414);
}

/// A49: an upgrade has no body, and body bytes are not taken for frames.
pub(crate) fn a_body_without_end_is_refused<S: Flooded>() {
    let long = [&begun(), &b"Content-Length: 1000000000000\r\n\r\n"[..]].concat();
    refused::<S>("49: a body without end", &long, b"\x81\x85\0\0\0\0Hello", 400);
    let chunked = [&begun(), &b"Transfer-Encoding: chunked\r\n\r\n"[..]].concat();
    refused::<S>("49: chunks without end", &chunked, b"5\r\nHello\r\n", 400);
}

/// A43: many clients that stop just below the limit.
pub(crate) fn heads_that_stop_hold_their_bytes<S: Flooded>() {
    const PEERS: usize = 100;
    /// The memory of a connection besides its head, in bytes.
    const EACH: usize = 2 << 10;

    let most = Config::default().max_head_size;
    let head = [&begun(), &b"X: "[..]].concat();
    let head = [&head[..], &b"a".repeat(most - head.len())].concat();
    let flood = Flood::<S>::new();
    let meter = Meter::start();
    let mut peers: Vec<_> = (0..PEERS).map(|_| Peer::connect(flood.address())).collect();
    let sent = peers.iter_mut().map(|peer| peer.repeat(&head, 1)).sum();
    let (least, each) = (sent, PEERS * (EACH + 2 * most));
    meter.settle(least..=each + S::KEEPS + SMALL);
    // One more byte exceeds the limit.
    for peer in &mut peers {
        peer.send(b"a");
        peer.expect(b"HTTP/1.1 431 ");
        peer.last();
    }
    let bound = each + PEERS * S::BUFFER + grown(most) + SMALL;
    assert_within::<S>("43: many heads that stop", sent, &meter, bound);
    drop(peers);
    flood.end();
}
