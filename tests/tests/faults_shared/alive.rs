//! The keep-alive tells a busy peer from a dead one.

use std::io::Read;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use conformance::adapters::Adapter;
use ws_common::{Message, ServerOptions, WebSocketConnection};
use wsproto::KeepAlive;

use crate::support::{Calls, On, Peer, address, echo, end, frame, serve, telling};

const INTERVAL: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(1);

fn impatient() -> ServerOptions {
    ServerOptions::new().keep_alive(Some(KeepAlive::new(INTERVAL, PATIENCE)))
}

// L14: the upload of one frame takes several patiences, without a Pong in between.
pub(crate) fn a_slow_upload_is_a_sign_of_life<S: Adapter>() {
    let server = echo::<S>(impatient());
    let mut peer = Peer::open(address(&server));
    let frame = frame(0x82, &vec![7; 1 << 20]);
    for part in frame.chunks(16 << 10) {
        peer.send(part);
        thread::sleep(3 * PATIENCE / 64);
    }
    loop {
        match peer.frame() {
            (0x89, _) => {}
            (first, payload) => break assert_eq!((first, payload.len()), (0x82, 1 << 20)),
        }
    }
    end(server);
}

// L14: a download takes several patiences; the Ping waits behind it.
pub(crate) fn a_long_download_is_a_sign_of_life<S: Adapter>() {
    download::<S>(48 << 20, Peer::open, 4 * PATIENCE);
}

// L14: what a socket holds of a slow download takes less than a patience.
pub(crate) fn a_slow_download_is_a_sign_of_life<S: Adapter>() {
    download::<S>(900_000, Peer::open_narrow, 3 * PATIENCE);
}

/// Downloads a message of `len` bytes in `time`, then gets an echo.
fn download<S: Adapter>(len: usize, open: fn(SocketAddr) -> Peer, time: Duration) {
    let server = serve::<S, _>(impatient(), move || {
        On::open(move |ws| {
            ws.send(vec![7; len]).expect("nothing waits yet");
        })
        .message(|ws, message| {
            // Fails if the peer is gone.
            let _ = ws.send(message);
        })
    });
    let mut peer = open(address(&server));
    let (begun, mut buffer) = (Instant::now(), vec![0; (len / 60).min(64 << 10)]);
    let mut left = len + 10;
    while left > 0 {
        let most = left.min(buffer.len());
        let read = peer.0.read(&mut buffer[..most]).expect("the rest");
        assert_ne!(read, 0, "{left} are left");
        left -= read;
        let due = time * ((len - left.min(len)) >> 10) as u32 / (len >> 10) as u32;
        thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    peer.send(frame(0x81, b"Hello"));
    loop {
        match peer.frame() {
            (0x89, payload) => peer.send(frame(0x8A, &payload)),
            other => break assert_eq!(other, (0x81, b"Hello".to_vec())),
        }
    }
    end(server);
}

// L14: a reply takes several times the write timeout, after a computation that takes as long.
pub(crate) fn a_reading_peer_is_not_given_up<S: Adapter>() {
    const LEN: usize = 48 << 20;
    const TIMEOUT: Duration = Duration::from_millis(500);
    let options = ServerOptions::new().write_timeout(Some(TIMEOUT)).keep_alive(None);
    let server = serve::<S, _>(options, || {
        |ws: &WebSocketConnection, _: Message| {
            thread::sleep(2 * TIMEOUT);
            ws.send(vec![7; LEN]).expect("nothing waits yet");
            // A blocking server waits for room here.
            let _ = ws.send("end");
        }
    });
    let mut peer = Peer::open(address(&server));
    peer.send(frame(0x81, b"go"));
    let mut buffer = vec![0; 64 << 10];
    let (mut left, mut begun) = (LEN + 10, None);
    while left > 0 {
        let most = left.min(buffer.len());
        let read = peer.0.read(&mut buffer[..most]).expect("the rest");
        assert_ne!(read, 0, "{left} are left");
        left -= read;
        let begun = begun.get_or_insert_with(Instant::now);
        let due = 4 * TIMEOUT * ((LEN - left.min(LEN)) >> 10) as u32 / (LEN >> 10) as u32;
        thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    peer.send(frame(0x88, b"\x03\xE8"));
    end(server);
}

// L14: a trickle of single bytes is not progress.
pub(crate) fn a_trickle_is_no_sign_of_life<S: Adapter>() {
    let (to, calls) = Calls::new();
    let keep_alive = KeepAlive::new(INTERVAL, INTERVAL);
    let options = ServerOptions::new().keep_alive(Some(keep_alive));
    let server = serve::<S, _>(options, move || telling(to.clone()));
    let mut peer = Peer::open(address(&server));
    let frame = frame(0x82, &[7; 10_000]);
    for byte in frame.chunks(1) {
        if std::io::Write::write_all(&mut peer.0, byte).is_err() || calls_end(&calls) {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let mut frames = Vec::new();
    let ended = loop {
        match peer.try_frame() {
            Ok(frame) => frames.push(frame),
            Err(error) => break error,
        }
    };
    let (first, payload) = frames.last().expect("a frame");
    assert!(*first == 0x88 && payload.starts_with(b"\x03\xF3"), "{frames:?}, then {ended}");
    end(server);
}

/// Whether `on_terminate` was called.
fn calls_end(calls: &Calls) -> bool {
    calls.0.try_iter().any(|call| matches!(call, crate::support::Call::Terminate(_)))
}

/// Counts the Pings that arrive while a peer sends messages and answers every Ping.
fn pings(
    options: ServerOptions,
    server: impl FnOnce(ServerOptions) -> ws_common::RunningServer,
) -> (usize, Duration) {
    let server = server(options);
    let begun = Instant::now();
    let mut peer = Peer::open(address(&server));
    let mut pings = 0;
    for _ in 0..20 {
        peer.send(frame(0x81, b"Hello"));
        loop {
            match peer.frame() {
                (0x89, payload) => {
                    pings += 1;
                    peer.send(frame(0x8A, &payload));
                }
                other => break assert_eq!(other, (0x81, b"Hello".to_vec()), "it is alive"),
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
    let elapsed = begun.elapsed();
    end(server);
    (pings, elapsed)
}

// B11: zero turns the keep-alive off; a very short interval works.
pub(crate) fn zeros_of_the_keep_alive_turn_it_off<S: Adapter, C: Adapter>() {
    let options = |interval, patience| {
        ServerOptions::new().keep_alive(Some(KeepAlive::new(interval, patience)))
    };
    let (zero, tiny) = (Duration::ZERO, Duration::from_nanos(1));
    for (interval, patience) in [(zero, zero), (zero, INTERVAL), (tiny, zero)] {
        assert_eq!(pings(options(interval, patience), echo::<S>).0, 0);
    }
    let (pings, elapsed) = pings(options(tiny, Duration::from_secs(30)), echo::<S>);
    let most = elapsed.as_millis() / 10 + 2;
    assert!(pings > 0 && pings as u128 <= most, "{pings} in {elapsed:?}");
    // The client's keep-alive.
    let config = wsproto::Config::new().keep_alive(Some(KeepAlive::new(zero, zero)));
    let server = echo::<S>(ServerOptions::new());
    let (to, calls) = Calls::new();
    let client = crate::support::connect::<C>(address(&server), config.into(), telling(to));
    let client = client.expect("it opens");
    let _ = |_: &WebSocketConnection, _: Message| {};
    client.ws.send("Hello").expect("open");
    calls.opened();
    client.ws.close(None).expect("open");
    assert!(calls.ended().0.was_clean);
    client.join();
    end(server);
}
