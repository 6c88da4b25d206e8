//! Peers that do not answer, or not in time.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use conformance::adapters::{Adapter, Network};
use ws_common::ClientOptions;
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;
use wsproto::{Config, KeepAlive};

use crate::actors::serve;
use crate::raw;

const SOON: Duration = Duration::from_millis(100);

fn config(change: impl FnOnce(&mut Config)) -> Arc<Config> {
    let mut config = Config::default();
    change(&mut config);
    Arc::new(config)
}

/// A39. A peer that answers stays connected, and its round trip is known.
pub(crate) fn a_peer_that_answers_no_ping_is_given_up<S: Adapter, C: Adapter>() {
    // Long enough that a starved client is not taken for a silent one.
    let keep_alive = KeepAlive { interval: SOON, patience: Duration::from_secs(2) };
    let running = serve::<S>(|options| {
        options.config = config(|config| {
            (config.keep_alive, config.close_timeout) = (Some(keep_alive), Some(SOON));
        });
    });
    let (client, log) = running.connect::<C>("/");
    let mut peer = raw::open::<S>(running.address());
    let sent = raw::rest(&mut peer);
    assert_eq!(sent[0], 0x89, "a Ping: {sent:?}");
    running.log.wait(1, "terminate 1006 \"\" false");
    assert_eq!(running.log.count("error"), 1, "{:?}", running.log.lines());
    let [connection] = &running.handle().connections()[..] else { panic!("one is left") };
    assert!(connection.round_trip().is_some());
    client.ws.send("Hello").expect("open");
    log.wait(1, "message Hello");
    client.ws.close(None).expect("open");
    client.join();
    running.end();
}

/// A39: after our Close.
pub(crate) fn a_close_is_not_waited_for_long<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|options| {
        options.config = config(|config| config.close_timeout = Some(SOON));
    });
    let (client, log) = running.connect::<C>("/");
    let mut peer = raw::open::<S>(running.address());
    peer.write_all(b"\x81\x85\0\0\0\0close").expect("written");
    running.log.wait(1, "terminate 1006 \"\" false");
    assert_eq!(raw::rest(&mut peer), b"\x88\x0D\x0F\xA1as you wish");
    client.ws.send("Hello").expect("open");
    log.wait(1, "message Hello");
    client.ws.close(None).expect("open");
    client.join();
    running.end();
}

/// A39: single bytes do not extend a deadline.
pub(crate) fn a_slow_handshake_is_given_up<S: Adapter, C: Adapter>() {
    client_gives_up::<C>();

    let running = serve::<S>(|options| {
        options.config = config(|config| {
            (config.handshake_timeout, config.close_timeout) = (Some(SOON), Some(SOON));
        });
    });
    let mut peer = raw::connect::<S>(running.address());
    for byte in raw::REQUEST.iter().cycle().take(100_000) {
        if running.log.count("server error") > 0 || peer.write_all(&[*byte]).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    running.log.wait(1, "server error");
    let lines = running.end();
    assert_eq!(
        lines.iter().filter(|line| line.starts_with("server error")).count(),
        1,
        "{lines:?}"
    );
}

/// The same for a slow server.
fn client_gives_up<C: Adapter>() {
    let (listener, address) = C::Network::listen().expect("a free address");
    let url = format!("ws://{address}/");
    let slow = thread::spawn(move || {
        let mut stream = C::Network::accept(&listener).expect("a client");
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n".iter().chain([b'a'; 10_000].iter()) {
            if stream.write_all(&[*byte]).is_err() {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    });
    let options = config(|config| config.handshake_timeout = Some(SOON));
    let request = ClientRequest::new(WsUrl::parse(&url).expect("a URL"));
    let client = C::connect(request, ClientOptions::from(options), |_: &_, _| {});
    assert_eq!(client.expect_err("no answer").status, None);
    assert!(slow.join().expect("no panic"), "the client is gone");
}
