//! Streams outlast their connections for a moment, so that the peer gets the last bytes.

mod support;

use std::sync::{Arc, Mutex};

use support::{Far, REQUEST, frame, settle};
use ws_tokio::wsproto::handshake::Accept;
use ws_tokio::wsproto::{CloseInfo, Config};
use ws_tokio::{ConnectionHandler, Message, WebSocket, WebSocketConnection};

/// Records its calls.
struct Calls(Arc<Mutex<Vec<String>>>);

impl ConnectionHandler for Calls {
    fn on_open(&mut self, _: &WebSocketConnection) {
        self.0.lock().expect("no panic").push("open".into());
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        self.0.lock().expect("no panic").push(format!("{}", u16::from(info.code)));
    }
}

/// A handler has its last call exactly once, with the code of the end, and nothing is opened that is closed: whether the
/// stream lingers or is dropped.
#[tokio::test]
async fn a_handler_of_a_closed_connection_has_its_last_call() {
    for lingers in [true, false] {
        let far = Far::new(REQUEST, usize::MAX);
        let mut ws = accept(&far).await;
        far.change(|state| {
            state.input.extend(frame(0x88, &[0x03, 0xE9]));
            state.ends = !lingers;
        });
        assert_eq!(u16::from(ws.closed().await.expect("no error").code), 1001);
        settle().await;
        assert_eq!(far.lock().dropped, !lingers);
        let calls = Arc::default();
        let end = ws.run(Calls(Arc::clone(&calls))).await;
        far.change(|state| state.ends = true);
        settle().await;
        assert_eq!(u16::from(end.code), 1001);
        assert_eq!(*calls.lock().expect("no panic"), ["1001"], "lingers: {lingers}");
    }
}

async fn accept(far: &Far) -> WebSocket {
    let server = ws_tokio::server(far.stream(), Config::new());
    let request = server.await.expect("valid").expect("a request");
    request.accept(&Accept::new()).await.expect("an upgrade")
}

/// The peer closes, and then does not end its side of the stream. A stream that lingers does so whether the application
/// has taken the events of its connection, or a handler has, and whatever has become of others before.
#[tokio::test]
async fn a_stream_lingers_whoever_took_the_events() {
    for (number, handled) in [false, true, false, true].into_iter().enumerate() {
        let far = Far::new(REQUEST, usize::MAX);
        let mut ws = accept(&far).await;
        far.change(|state| state.input.extend(frame(0x88, &[0x03, 0xE8])));
        let end = match handled {
            true => ws.run(|_: &WebSocketConnection, _: Message| {}).await,
            false => ws.closed().await.expect("no error"),
        };
        assert!(end.was_clean);
        settle().await;
        let (shut, dropped) = {
            let state = far.lock();
            (state.shut, state.dropped)
        };
        assert!(shut && !dropped, "number {number}: shut {shut}, dropped {dropped}");
        far.change(|state| state.ends = true);
        settle().await;
        assert!(far.lock().dropped, "the peer has ended, too");
    }
}
