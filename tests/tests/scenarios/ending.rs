//! How a server ends: S4-19, S4-20, X14, and the sixth to the eighth invariant.

use std::io::{Read, Write};
use std::time::Duration;

use conformance::adapters::Adapter;

use crate::actors::serve;
use crate::raw;

const SOON: Duration = Duration::from_millis(100);

pub(crate) fn a_server_says_goodbye<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (client, log) = running.connect::<C>("/");
    running.handle().terminate(None);
    running.handle().terminate(None);
    assert!(running.handle().is_ending());
    client.join();
    assert_eq!(log.lines(), ["open", "terminate 1001 \"\" true"]);
    let request = running.request("/");
    let lines = running.end();
    assert_eq!(lines[2..], ["open", "terminate 1001 \"\" true", "server terminate"]);
    let late = C::connect(request, ws_common::ClientOptions::default(), |_: &_, _| {});
    assert_eq!(late.expect_err("nobody listens any more").status, None);
}

pub(crate) fn a_server_that_ends_at_once_sends_nothing<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (client, log) = running.connect::<C>("/");
    let mut peer = raw::open::<S>(running.address());
    peer.write_all(b"\x81\x81\0\0\0\0x").expect("written");
    let mut echo = [0; 3];
    peer.read_exact(&mut echo).expect("an echo");
    running.log.wait(2, "open");
    running.handle().terminate(Some(Duration::ZERO));
    assert_eq!(raw::rest(&mut peer), b"", "not even a Close");
    client.join();
    assert_eq!(log.lines().last().map(String::as_str), Some("terminate 1006 \"\" false"));
    let lines = running.join();
    let ends = lines.iter().filter(|line| *line == "terminate 1006 \"\" false").count();
    assert_eq!(ends, 2, "{lines:?}");
}

pub(crate) fn a_silent_peer_is_cut_off<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (client, log) = running.connect::<C>("/");
    let mut peer = raw::open::<S>(running.address());
    running.log.wait(2, "open");
    running.handle().terminate(Some(SOON));
    let lines = running.join();
    assert_eq!(lines.iter().filter(|line| line.starts_with("terminate")).count(), 2, "{lines:?}");
    assert_eq!(raw::rest(&mut peer), b"\x88\x02\x03\xE9");
    client.join();
    assert_eq!(log.lines(), ["open", "terminate 1001 \"\" true"], "who answers is not cut off");
}

pub(crate) fn a_handshake_in_progress_is_cut_off<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (client, _) = running.connect::<C>("/");
    running.log.wait(1, "open");
    let mut peer = raw::connect::<S>(running.address());
    peer.write_all(b"GET / HTTP/1.1\r\n").expect("written");
    running.handle().terminate(Some(SOON));
    client.join();
    let lines = running.join();
    assert_eq!(lines[2..], ["open", "terminate 1001 \"\" true", "server terminate"]);
}

pub(crate) fn a_callback_ends_the_server<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (client, log) = running.connect::<C>("/");
    client.ws.send("end").expect("open");
    client.join();
    assert_eq!(log.lines(), ["open", "terminate 1001 \"\" true"]);
    let lines = running.join();
    assert_eq!(lines[2..], ["open", "message end", "terminate 1001 \"\" true", "server terminate"]);
}
