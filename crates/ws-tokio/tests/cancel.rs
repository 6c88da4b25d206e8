//! Every future is dropped after each number of polls, with reads and writes cut at each byte: nothing is lost, and
//! nothing done in part.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::{Far, REQUEST, frame, frames, poll_and_drop, request, settle};
use tokio::time::timeout;
use ws_tokio::wsproto::handshake::Accept;
use ws_tokio::wsproto::{CloseCode, CloseInfo, Config};
use ws_tokio::{ConnectionHandler, Error, Message, WebSocket, WebSocketConnection};

/// The most polls before a future is dropped.
const POLLS: usize = 4;

/// Limits a wait that never ends. The time is virtual.
const LONG: Duration = Duration::from_secs(3600);

/// Two messages, one of them in fragments with a Ping between them, and a Close.
fn input() -> Vec<u8> {
    let mut input = REQUEST.to_vec();
    input.extend(frame(0x81, "Größe".as_bytes()));
    input.extend(frame(0x02, b"ab"));
    input.extend(frame(0x89, b"ping"));
    input.extend(frame(0x80, b"c"));
    input.extend(frame(0x88, &[0x03, 0xE8]));
    input
}

async fn accept(far: &Far) -> WebSocket {
    ws_tokio::accept(far.stream()).await.expect("an upgrade")
}

#[tokio::test(start_paused = true)]
async fn received_messages_are_not_lost() -> Result<(), Error> {
    let input = input();
    for polls in 0..POLLS {
        for cut in REQUEST.len()..=input.len() {
            let far = Far::new(&input, usize::MAX);
            far.lock().cuts = vec![cut];
            let mut ws = accept(&far).await;
            let mut received = Vec::new();
            loop {
                // `Stream` is the same poll.
                if let Some(message) = poll_and_drop(polls, ws.recv()).await {
                    match message? {
                        Some(message) => received.push(message),
                        None => break,
                    }
                }
                match timeout(LONG, ws.recv()).await.expect("in time")? {
                    Some(message) => received.push(message),
                    None => break,
                }
            }
            assert_eq!(received, [Message::from("Größe"), vec![b'a', b'b', b'c'].into()]);
            assert!(ws.close_info().is_some_and(|info| info.was_clean), "{polls} {cut}");
            settle().await;
            assert_eq!(far.sent(), *b"\x8A\x04ping\x88\x02\x03\xE8", "{polls} {cut}");
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn byte_by_byte_it_is_the_same() -> Result<(), Error> {
    let input = input();
    let far = Far::new(&input, usize::MAX);
    far.lock().cuts = (0..input.len()).collect();
    let mut ws = accept(&far).await;
    assert_eq!(ws.recv().await?, Some("Größe".into()));
    assert_eq!(ws.recv().await?, Some(b"abc"[..].into()));
    assert_eq!(ws.recv().await?, None);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_exactly_if_sending_has_succeeded() -> Result<(), Error> {
    for polls in 0..POLLS {
        for room in 0..40 {
            let far = Far::new(REQUEST, usize::MAX);
            let config = Config::new().high_water_mark(12);
            let request = ws_tokio::server(far.stream(), config).await?.expect("a request");
            let ws = request.accept(&Accept::new()).await?;
            settle().await;
            // From here on, the peer reads this much.
            far.change(|state| state.room = state.written.len() + room);
            let (mut taken, sender) = (Vec::new(), ws.sender().clone());
            for number in 0..8 {
                let text = format!("message {number}");
                if let Some(sent) = poll_and_drop(polls, sender.send(&*text)).await {
                    sent?;
                    taken.push(text);
                }
            }
            assert!(taken.len() < 8, "the peer does not read");
            far.change(|state| state.room = usize::MAX);
            sender.flush().await?;
            assert_eq!(far.sent(), frames(&taken), "{polls} {room}");
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn output_leaves_without_anybody_waiting() -> Result<(), Error> {
    for polls in 0..POLLS {
        let far = Far::new(REQUEST, usize::MAX);
        let ws = accept(&far).await;
        settle().await;
        far.change(|state| state.room = state.written.len());
        let texts: Vec<_> = (0..3).map(|number| number.to_string()).collect();
        for text in &texts {
            ws.send(&**text).await?;
        }
        assert_eq!(poll_and_drop(polls, ws.flush()).await.map(|flushed| flushed.is_ok()), None);
        for _ in 0..frames(&texts).len() {
            assert!(far.sent().len() < frames(&texts).len());
            far.change(|state| state.room += 1);
            settle().await;
        }
        assert_eq!(far.sent(), frames(&texts));
        ws.flush().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dropped_close_is_on_its_way() -> Result<(), Error> {
    for polls in 1..POLLS {
        let far = Far::new(REQUEST, usize::MAX);
        let mut ws = accept(&far).await;
        let closed = poll_and_drop(polls, ws.close(None)).await;
        assert!(closed.is_none(), "the peer has not answered");
        settle().await;
        assert_eq!(far.sent(), [0x88, 0]);
        assert!(matches!(ws.send("late").await, Err(Error::Send(_))));
        assert!(poll_and_drop(polls, ws.closed()).await.is_none());
        far.change(|state| state.input.extend(frame(0x88, &[])));
        assert!(ws.closed().await?.was_clean);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handshake_drops_its_stream() {
    for polls in 0..POLLS {
        for cut in 0..REQUEST.len() {
            let far = Far::new(&REQUEST[..cut], usize::MAX);
            let server = ws_tokio::server(far.stream(), Config::new());
            assert!(poll_and_drop(polls, server).await.is_none());
            settle().await;
            assert!(far.lock().dropped, "a server after {polls} polls");
        }
        for room in [0, 10, usize::MAX] {
            let far = Far::new(b"HTTP/1.1 101 Switch", room);
            let client = ws_tokio::client(far.stream(), request(), Config::new());
            assert!(poll_and_drop(polls, client).await.is_none());
            settle().await;
            assert!(far.lock().dropped, "a client after {polls} polls");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_refused() -> Result<(), Error> {
    let far = Far::new(REQUEST, usize::MAX);
    drop(ws_tokio::server(far.stream(), Config::new()).await?);
    settle().await;
    assert!(far.lock().written.starts_with(b"HTTP/1.1 503"), "{:?}", far.lock().written);
    far.change(|state| state.ends = true);
    settle().await;
    assert!(far.lock().dropped);
    Ok(())
}

/// Records its last call.
struct Last(Arc<Mutex<Vec<CloseInfo>>>);

impl ConnectionHandler for Last {
    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        self.0.lock().expect("no panic").push(info.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_has_its_last_call() {
    for polls in 1..POLLS {
        let far = Far::new(REQUEST, usize::MAX);
        let ws = accept(&far).await;
        let ends = Arc::<Mutex<Vec<_>>>::default();
        let run = ws.run(Last(Arc::clone(&ends)));
        assert!(poll_and_drop(polls, run).await.is_none());
        settle().await;
        let ends = ends.lock().expect("no panic");
        assert!(matches!(&ends[..], [info] if !info.was_clean), "{ends:?}");
        assert!(far.lock().dropped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connection_says_goodbye() -> Result<(), Error> {
    let far = Far::new(REQUEST, usize::MAX);
    let ws = accept(&far).await;
    settle().await;
    far.change(|state| state.room = state.written.len() + 1);
    ws.send("unsent").await?;
    drop(ws);
    settle().await;
    far.change(|state| state.room = usize::MAX);
    settle().await;
    assert_eq!(far.sent(), *b"\x81\x06unsent\x88\x02\x03\xE9");
    far.change(|state| state.input.extend(frame(0x88, &[0x03, 0xE9])));
    settle().await;
    assert!(far.lock().shut && !far.lock().dropped, "a server waits for the end of the stream");
    far.change(|state| state.ends = true);
    settle().await;
    assert!(far.lock().dropped);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_of_a_dropped_connection_is_not_waited_for_long() {
    let far = Far::new(REQUEST, usize::MAX);
    drop(accept(&far).await);
    settle().await;
    assert!(!far.lock().dropped);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(far.lock().dropped, "after the close timeout");
}

#[test]
fn a_runtime_that_shuts_down_leaves_nothing() {
    let builder = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (runtime, far) = (builder().expect("a runtime"), Far::new(REQUEST, usize::MAX));
    let ends = Arc::<Mutex<Vec<_>>>::default();
    let (mut ws, handled) = runtime.block_on(async {
        let handled = Far::new(REQUEST, usize::MAX);
        let run = accept(&handled).await.run(Last(Arc::clone(&ends)));
        tokio::spawn(run);
        let ws = accept(&far).await;
        settle().await;
        (ws, handled)
    });
    drop(runtime);
    assert!(handled.lock().dropped);
    assert_eq!(ends.lock().expect("no panic").len(), 1);
    // An idle connection has no task that could end with the runtime. It ends when it needs one.
    let info = builder().expect("a runtime").block_on(async {
        ws.send("late").await.expect("taken, and lost");
        assert!(far.lock().dropped && far.sent().is_empty());
        assert!(matches!(ws.send("later").await, Err(Error::Send(_))));
        assert_eq!(ws.recv().await.expect("no error"), None);
        ws.close_info().cloned().expect("the end")
    });
    assert_eq!((info.code, info.was_clean), (CloseCode::ABNORMAL, false));
}
