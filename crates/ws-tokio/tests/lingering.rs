//! Streams outlast their connections for a moment, so that the peer gets the last bytes.

mod support;

use support::{Far, REQUEST, frame, settle};
use ws_tokio::wsproto::Config;
use ws_tokio::wsproto::handshake::Accept;
use ws_tokio::{Message, WebSocket, WebSocketConnection};

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
        let state = far.lock();
        let (shut, dropped) = (state.shut, state.dropped);
        drop(state);
        assert!(shut && !dropped, "number {number}: shut {shut}, dropped {dropped}");
        far.change(|state| state.ends = true);
        settle().await;
        assert!(far.lock().dropped, "the peer has ended, too");
    }
}
