//! Faults of event loops only.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use conformance::adapters::Mio;
use ws_common::{ClientOptions, ServerOptions};
use ws_mio::EventLoop;
use wsproto::CloseCode;

use crate::liveness::{ENOUGH, streams};
use crate::support::{Calls, LONG, address, echo, end, request, telling};

// L20: a delayed reconnect: the loop runs on although it has no connections.
#[test]
fn a_loop_that_can_be_used_goes_on() {
    let server = echo::<Mio>(ServerOptions::new());
    let to = address(&server);
    let event_loop = EventLoop::new().expect("a loop");
    let handle = event_loop.handle();
    let (calls_to, calls) = Calls::new();
    let first = event_loop.handle();
    let reconnects = calls_to.clone();
    drop(first.connect(request(to, "/"), ClientOptions::new(), telling(calls_to)));
    drop(first);
    let (ended, ends) = mpsc::channel();
    let running = thread::spawn(move || ended.send(event_loop.run().is_ok()));
    calls.opened();
    for ws in server.handle().connections() {
        ws.terminate(CloseCode::SERVICE_RESTART, "").expect("a server's code");
    }
    assert_eq!(calls.ended().0.code, CloseCode::SERVICE_RESTART);
    assert!(ends.recv_timeout(Duration::from_millis(500)).is_err(), "it goes on");
    let again = thread::spawn(move || {
        let ws = handle.connect(request(to, "/"), ClientOptions::new(), telling(reconnects));
        drop(ws.expect("the loop still runs"));
        handle
    });
    let handle = again.join().expect("no panic");
    calls.opened().send("Hello").expect("open");
    handle.stop();
    assert_eq!(ends.recv_timeout(LONG), Ok(true));
    running.join().expect("no panic").expect("the test waits");
    end(server);
}

// L1: handlers that use `on_drained` send at full speed without a thread.
#[test]
fn both_stream_from_their_handlers() {
    streams::<Mio, Mio>(false, |received| received > ENOUGH);
}
