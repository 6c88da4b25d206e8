//! Handlers that panic.

use std::io::Write;

use conformance::adapters::Adapter;

use crate::actors::serve;
use crate::raw;

/// A call that panics is the last one; other connections are unaffected.
pub(crate) fn a_panic_costs_its_connection_only<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (other, other_log) = running.connect::<C>("/");
    for (call, code) in [("open", "1011"), ("message", "1011"), ("terminate", "1005")] {
        let (client, log) = running.connect::<C>(&format!("/?{call}"));
        match call {
            "open" => {}
            "message" => {
                client.ws.send("Hello").expect("open");
            }
            _ => client.ws.close(None).expect("open"),
        }
        client.join();
        assert_eq!(log.lines().last(), Some(&format!("terminate {code} \"\" true")), "{call}");
    }
    // After an error, the code is that of the error.
    let mut peer = raw::connect::<S>(running.address());
    let request = String::from_utf8_lossy(raw::REQUEST).replace("GET / ", "GET /?error ");
    peer.write_all(request.as_bytes()).expect("written");
    peer.write_all(b"\x83\x80\0\0\0\0").expect("written");
    assert!(raw::rest(&mut peer).ends_with(b"\r\n\r\n\x88\x02\x03\xEA"));
    drop(peer);

    while running.handle().connections().len() > 1 {
        std::thread::yield_now();
    }
    other.ws.send("still here").expect("open");
    other_log.wait(1, "message still here");
    other.ws.close(None).expect("open");
    other.join();
    let lines = running.end();
    // The `terminate` of the other connection, and the one that panicked.
    assert_eq!(lines.iter().filter(|line| line.starts_with("terminate")).count(), 2, "{lines:?}");
}

pub(crate) fn a_panic_of_the_client_is_told<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let handler = |_: &_, _| panic!("as you wish");
    let client = C::connect(running.request("/"), ws_common::ClientOptions::default(), handler);
    let client = client.expect("it opens");
    client.ws.send("Hello").expect("open");
    running.log.wait(1, "terminate 1011 \"\" true");
    client.join();
    running.end();
}

/// The client whose decision panics gets status 500, and the server continues.
pub(crate) fn a_panic_in_deciding_costs_that_request_only<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (other, log) = running.connect::<C>("/");
    for _ in 0..3 {
        let refused = running.try_connect::<C>(running.request("/panic")).map(drop);
        assert_eq!(refused.expect_err("refused").status, Some(500));
    }
    other.ws.send("still here").expect("open");
    log.wait(1, "message still here");
    drop(running.connect::<C>("/").0.ws.close(None));
    other.ws.close(None).expect("open");
    other.join();
    running.end();
}
