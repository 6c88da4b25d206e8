//! Connections that are used outside of a runtime, in another one than theirs, and in one without timers.

mod support;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use futures_util::{Sink, SinkExt};
use support::{Far, REQUEST, accept, block_on, frames, pair, request, settle};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use ws_tokio::wsproto::{CloseCode, Config};
use ws_tokio::{
    Error, Listener, Message, ServerOptions, TrustedProxies, WebSocket, WebSocketServer,
};

/// Nothing waits longer, except if it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A runtime that is driven in the background.
fn driven() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// A runtime that is driven only in `block_on`.
fn idle() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A connection of that runtime whose peer reads nothing, with more than its mark of output.
async fn full(write_timeout: Option<Duration>) -> (Far, WebSocket) {
    let far = Far::new(REQUEST, usize::MAX);
    let config = Config::new().high_water_mark(100).write_timeout(write_timeout);
    let mut ws = accept(&far, config).await;
    while !far.lock().written.ends_with(b"\r\n\r\n") {
        tokio::task::yield_now().await;
    }
    far.change(|state| state.room = state.written.len());
    // What follows a call that has received nothing is no reply: those have a limit of their own.
    assert!(support::poll_and_drop(1, ws.recv()).await.is_none());
    ws.send(vec![7; 200]).await.expect("there is room");
    settle().await;
    (far, ws)
}

type Waits = fn(WebSocket) -> Pin<Box<dyn Future<Output = Result<(), Error>>>>;

/// All that waits for room.
const WAITS: [(&str, Waits); 5] = [
    ("send", |ws| Box::pin(async move { ws.send("more").await })),
    ("a sender", |ws| Box::pin(async move { ws.sender().send("more").await })),
    ("a sink", |mut ws| Box::pin(async move { SinkExt::send(&mut ws, "more".into()).await })),
    ("the sink of a sender", |ws| {
        Box::pin(async move { SinkExt::send(&mut ws.sender().clone(), "more".into()).await })
    }),
    ("a stream of bytes", |ws| {
        Box::pin(async move {
            let mut stream = ws.into_byte_stream();
            let written = AsyncWriteExt::write_all(&mut stream, b"more").await;
            written.map_err(|error| match error.kind() {
                std::io::ErrorKind::TimedOut => Error::WouldExceed(None),
                _ => error.into(),
            })
        })
    }),
];

/// The peer reads at last.
#[test]
fn a_send_that_waits_outside_of_a_runtime_gets_room() {
    for (name, waits) in WAITS {
        let runtime = driven();
        let (far, ws) = runtime.block_on(full(Some(PATIENCE * 60)));
        let reads = far.clone();
        let reading = thread::spawn(move || reads.change(|state| state.room = usize::MAX));
        let handle = ws.handle().clone();
        block_on(waits(ws)).unwrap_or_else(|error| panic!("{name}: {error}"));
        reading.join().expect("no panic");
        drop(handle);
    }
}

/// The peer never reads: the wait ends all the same.
#[test]
fn a_send_that_waits_outside_of_a_runtime_ends() {
    for (name, waits) in WAITS {
        let runtime = driven();
        let (_far, ws) = runtime.block_on(full(Some(Duration::from_millis(20))));
        let result = block_on(waits(ws));
        assert!(matches!(result, Err(Error::WouldExceed(_))), "{name}: {result:?}");
    }
}

/// The same in a runtime that has no timers, and in one that has been shut down since the wait began.
#[test]
fn a_send_waits_in_any_runtime() {
    for (name, waits) in WAITS {
        let runtime = driven();
        let (_far, ws) = runtime.block_on(full(Some(Duration::from_millis(20))));
        let without_timers = Builder::new_current_thread().build().expect("a runtime");
        let result = without_timers.block_on(waits(ws));
        assert!(matches!(result, Err(Error::WouldExceed(_))), "{name}: {result:?}");
    }
    let runtime = driven();
    let (far, ws) = runtime.block_on(full(Some(PATIENCE * 60)));
    let mut sink = ws.sender().clone();
    for _ in 0..3 {
        let other = idle();
        other.block_on(async {
            let polled = poll_fn(|context| Poll::Ready(Pin::new(&mut sink).poll_ready(context)));
            assert!(polled.await.is_pending());
        });
    }
    assert!(Pin::new(&mut sink).poll_ready(&mut Context::from_waker(Waker::noop())).is_pending());
    far.change(|state| state.room = usize::MAX);
    block_on(SinkExt::send(&mut sink, "more".into())).expect("there is room");
}

/// Several wait, each for its own time; those that have begun later are not forgotten when the first gives up.
#[tokio::test(start_paused = true)]
async fn each_wait_has_its_own_time() {
    let (far, ws) = full(Some(Duration::from_secs(10))).await;
    let begun = tokio::time::Instant::now();
    let mut waits = Vec::new();
    for number in 0..5 {
        let sender = ws.sender().clone();
        waits.push(tokio::spawn(async move {
            let sent = sender.send(format!("message {number}")).await;
            (sent, begun.elapsed().as_secs())
        }));
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    // The peer takes a byte, which is no room, and counts for all that still wait.
    far.change(|state| state.room += 1);
    let mut ends = Vec::new();
    for wait in waits {
        let (sent, at) =
            tokio::time::timeout(PATIENCE, wait).await.expect("in time").expect("no panic");
        assert!(matches!(sent, Err(Error::WouldExceed(Some(_)))), "{sent:?}");
        ends.push(at);
    }
    assert_eq!(ends, [10, 13, 25, 25, 25]);
    // A wait that begins after all others were given up.
    let begun = tokio::time::Instant::now();
    assert!(matches!(ws.send("again").await, Err(Error::WouldExceed(Some(_)))));
    assert_eq!(begun.elapsed().as_secs(), 10);
    // One that was dropped leaves no deadline behind.
    let dropped = tokio::time::timeout(Duration::from_secs(1), ws.send("dropped")).await;
    assert!(dropped.is_err());
    far.change(|state| state.room = usize::MAX);
    settle().await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0, "it is idle");
    far.change(|state| state.room = state.written.len());
    ws.send(vec![7; 200]).await.expect("there is room");
    let begun = tokio::time::Instant::now();
    assert!(matches!(ws.send("last").await, Err(Error::WouldExceed(Some(_)))));
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[test]
fn a_connection_is_used_outside_of_its_runtime() {
    let runtime = driven();
    let (mut client, mut server) = runtime.block_on(pair());
    let echoes = thread::spawn(move || {
        block_on(async {
            while let Some(message) = server.recv().await? {
                server.send(message).await?;
                server.flush().await?;
            }
            server.closed().await
        })
    });
    for message in [Message::from("Hello"), vec![7; 300_000].into()] {
        block_on(client.send(message.clone())).expect("open");
        assert_eq!(block_on(client.recv()).expect("no error"), Some(message));
    }
    let info = block_on(client.close(None)).expect("no error");
    assert!(info.was_clean, "{info}");
    assert!(echoes.join().expect("no panic").expect("no error").was_clean);
    assert!(block_on(client.recv()).expect("no error").is_none());
}

fn outside<T>(result: Result<T, Error>, what: &str) {
    match result {
        Err(Error::Io(_)) => {}
        Err(error) => panic!("{what}: {error:?}"),
        Ok(_) => panic!("{what} works"),
    }
}

/// What begins a connection or a server fails outside of a runtime, and drops its stream.
#[test]
fn nothing_begins_outside_of_a_runtime() {
    let far = Far::new(REQUEST, usize::MAX);
    outside(block_on(ws_tokio::server(far.stream(), Config::new())), "server");
    assert!(far.lock().dropped);
    let far = Far::new(REQUEST, usize::MAX);
    outside(block_on(ws_tokio::accept(far.stream())), "accept");
    assert!(far.lock().dropped);
    let far = Far::new(b"", usize::MAX);
    outside(block_on(ws_tokio::client(far.stream(), request(), Config::new())), "client");
    assert!(far.lock().dropped);
    for url in ["ws://127.0.0.1:9/", "wss://localhost:9/"] {
        if url.starts_with("wss") && !cfg!(feature = "tls") {
            continue;
        }
        outside(block_on(ws_tokio::connect(url)), url);
    }
    for address in ["127.0.0.1:0", "localhost:0"] {
        assert!(block_on(WebSocketServer::bind(address, ServerOptions::new())).is_err());
        assert!(block_on(Listener::bind(address, ServerOptions::new())).is_err());
    }
    let tcp = || std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    assert!(Listener::from_listener(tcp(), ServerOptions::new()).is_err());
    let server = WebSocketServer::from_listener(tcp(), ServerOptions::new());
    assert!(block_on(server.run(|_: &_, _: &_| ws_tokio::Decision::accept(()))).is_err());
}

fn trusted() -> TrustedProxies {
    TrustedProxies::new(["127.0.0.1"]).expect("an address").proxy_protocol()
}

/// A listener refuses to work outside of its runtime, and goes on in it.
#[test]
fn a_listener_is_used_outside_of_a_runtime() {
    let runtime = driven();
    for options in [
        ServerOptions::new(),
        // The client is refused, and that of a proxy is not known yet.
        ServerOptions::new().max_connections(0),
        ServerOptions::new().trusted_proxies(trusted()),
    ] {
        let mut listener =
            runtime.block_on(Listener::bind("127.0.0.1:0", options)).expect("a port");
        let address = listener.local_addr().expect("TCP");
        let _client = std::net::TcpStream::connect(address).expect("it listens");
        for _ in 0..2 {
            let accepted = block_on(listener.accept());
            assert!(accepted.is_err(), "{accepted:?}");
        }
        listener.handle().terminate(Some(Duration::from_millis(20)));
        block_on(listener.ended());
        assert!(listener.handle().is_terminated());
    }
    let options = ServerOptions::new().trusted_proxies(trusted());
    let mut listener = runtime.block_on(Listener::bind("127.0.0.1:0", options)).expect("a port");
    let address = listener.local_addr().expect("TCP");
    let (_client, incoming) = runtime.block_on(async {
        let client = TcpStream::connect(address).await.expect("it listens");
        (client, listener.accept().await.expect("it accepts").expect("a client"))
    });
    outside(block_on(incoming.request()), "a request");
    // The end of the server does not wait for a connection that the application holds on to.
    let (_client, _incoming) = runtime.block_on(async {
        let client = TcpStream::connect(address).await.expect("it listens");
        (client, listener.accept().await.expect("it accepts").expect("a client"))
    });
    listener.handle().terminate(Some(Duration::from_millis(20)));
    block_on(listener.ended());
}

/// A runtime that is not driven holds a connection up. Dropping that neither blocks nor panics, and it says goodbye once
/// the runtime is driven again.
#[test]
fn a_connection_is_dropped_while_nobody_drives_its_runtime() {
    for unsent in [false, true] {
        let runtime = idle();
        let (far, ws) = runtime.block_on(async {
            let far = Far::new(REQUEST, usize::MAX);
            let ws = accept(&far, Config::new()).await;
            settle().await;
            (far, ws)
        });
        if unsent {
            block_on(ws.send("unsent")).expect("taken");
        }
        drop(ws);
        assert!(far.sent().is_empty() && !far.lock().dropped);
        runtime.block_on(settle());
        let mut sent = if unsent { frames(&["unsent".into()]) } else { Vec::new() };
        sent.extend([0x88, 2, 0x03, 0xE9]);
        assert_eq!(far.sent(), sent);
        drop(runtime);
        assert!(far.lock().dropped);
    }
}

/// Dropped outside, after its runtime has shut down: the stream is gone, and the peer sees no Close.
#[test]
fn halves_are_dropped_in_any_order_and_anywhere() {
    for (receiver_first, shut_down) in [(true, true), (true, false), (false, true), (false, false)]
    {
        let runtime = driven();
        let (mut client, server) = runtime.block_on(pair());
        let (receiver, sender) = server.into_split();
        let keeper = (!shut_down).then_some(runtime);
        match receiver_first {
            true => {
                drop(receiver);
                thread::spawn(move || drop(sender)).join().expect("no panic");
            }
            false => {
                drop(sender);
                thread::spawn(move || drop(receiver)).join().expect("no panic");
            }
        }
        let end = match &keeper {
            Some(_) => block_on(client.closed()),
            // Its runtime is gone, too.
            None => idle().block_on(client.closed()),
        };
        match (shut_down, end) {
            (true, Ok(end)) => assert_eq!(end.code, CloseCode::ABNORMAL),
            (false, Ok(end)) => assert_eq!(end.code, CloseCode::GOING_AWAY),
            (_, Err(error)) => panic!("{error}"),
        }
    }
}
