//! Everything that has ended is freed. One test, for it counts the descriptors of the process.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use support::{open, wait_until};
use ws_mio::wsproto::ReadyState;
use ws_mio::{
    ConnectionHandler, Decision, EventLoop, IncomingRequest, Message, ServerHandle, ServerHandler,
    ServerOptions, WebSocketConnection, WebSocketServer,
};

static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// A handler that keeps the handles of its connections, which know their server, which has its handler.
#[derive(Clone, Default)]
struct Keeping(Arc<Mutex<Vec<WebSocketConnection>>>);

struct Keeper(Keeping);

impl Drop for Keeper {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

impl ServerHandler for Keeper {
    type Handler = Keeping;

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Keeping> {
        Decision::accept(self.0.clone())
    }
}

impl ConnectionHandler for Keeping {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.0.lock().expect("no panic").push(ws.clone());
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux").count()
}

#[test]
fn what_has_ended_is_freed() {
    // B4: also where the handles of connections are kept, in the handler and elsewhere.
    const SERVERS: usize = 50;
    let before = descriptors();
    let mut kept = Vec::new();
    for number in 0..SERVERS {
        let mut event_loop = EventLoop::new().expect("a loop");
        let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new());
        let server = server.expect("a free port");
        let server = event_loop.serve(server, Keeper(Keeping::default())).expect("a listener");
        let handle = event_loop.handle();
        let running = thread::spawn(move || event_loop.run());
        let peer = open(server.local_addr().expect("an address"));
        wait_until("a connection", || server.connections().len() == 1);
        kept.extend(server.connections());
        match number % 3 {
            0 => server.terminate(Some(Duration::ZERO)),
            1 => server.terminate(Some(Duration::from_millis(50))),
            _ => handle.stop(),
        }
        drop(handle);
        running.join().expect("no panic").expect("events");
        assert!(server.is_terminated());
        drop(peer);
    }
    assert_eq!(DROPPED.load(Ordering::SeqCst), SERVERS);
    assert_eq!(descriptors(), before);
    assert!(kept.iter().all(|ws| ws.ready_state() == ReadyState::Closed));
    assert!(kept.iter().all(|ws| ws.send("late").is_err() && ws.close(None).is_ok()));
}
