//! Faults of event loops only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use conformance::adapters::Mio;
use ws_common::{
    ClientOptions, Decision, IncomingRequest, Message, ServerOptions, WebSocketConnection,
};
use ws_mio::{EventLoop, WebSocketServer};
use wsproto::CloseCode;

use crate::liveness::{ENOUGH, streams};
use crate::support::{Calls, LONG, Peer, address, echo, end, frame, request, telling, wait_until};

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

// M11: newcomers do not wait for loops that are busy, but for those that have the fewest connections.
#[test]
fn busy_loops_keep_no_newcomers_waiting() {
    const LOOPS: usize = 3;
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let loads: Arc<Mutex<BTreeMap<_, usize>>> = Arc::default();
    let (busy, wait) = mpsc::channel::<()>();
    let (counted, wait) = (Arc::clone(&loads), Arc::new(Mutex::new(wait)));
    let server = server.threads(LOOPS).spawn(move |_: &_, _: &IncomingRequest| {
        let name = format!("{:?}", thread::current().id());
        *counted.lock().expect("no panic").entry(name).or_default() += 1;
        let wait = Arc::clone(&wait);
        Decision::accept(move |ws: &WebSocketConnection, message: Message| {
            if message == "wait".into() {
                ws.send("waiting").expect("open");
                // Until the test is done.
                let _ = wait.lock().expect("no panic").recv();
            } else {
                ws.send(message).expect("open");
            }
        })
    });
    let server = server.expect("threads");
    let mut peers: Vec<_> = (0..30).map(|_| Peer::open(address(&server))).collect();
    let spread: Vec<_> = loads.lock().expect("no panic").values().copied().collect();
    assert!(spread.len() == LOOPS && spread.iter().all(|load| *load >= 3), "{spread:?}");
    // Two of the loops are busy: one waits for the test, the other for the first.
    let mut stuck = Vec::new();
    while stuck.len() < LOOPS - 1 {
        let mut peer = peers.pop().expect("as many as it takes");
        peer.send(frame(0x81, b"Hello"));
        peer.0.set_read_timeout(Some(Duration::from_millis(200))).expect("not zero");
        if peer.try_frame().is_ok() {
            peer.send(frame(0x81, b"wait"));
            // The answer leaves after the handler's call.
            assert!(peer.try_frame().is_err());
            stuck.push(peer);
        }
    }
    let mut newcomers: Vec<_> = (0..30).map(|_| Peer::open(address(&server))).collect();
    newcomers.iter_mut().for_each(Peer::echoes);
    drop(busy);
    wait_until("all are open", || server.handle().connections().len() > 30);
    end(server);
}
