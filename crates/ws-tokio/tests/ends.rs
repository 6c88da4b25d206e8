//! The end of a server whose runtime has shut down, or that nobody accepts for any more.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use support::{runtimes, settle};
use tokio::runtime::Handle;
use tokio::time::timeout;
use ws_tokio::testing::MemoryBus;
use ws_tokio::wsproto::CloseCode;
use ws_tokio::{
    Decision, Listener, ServerHandle, ServerOptions, WebSocket, WebSocketConnection,
    WebSocketServer, connect,
};

/// Nothing waits longer, except if it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a bus. Returns its handle.
async fn serve(bus: &MemoryBus, handled: bool) -> (SocketAddr, ServerHandle) {
    let options = ServerOptions::new().bus(bus.clone());
    if handled {
        let server = WebSocketServer::bind("127.0.0.1:0", options).await.expect("a free port");
        let address = server.local_addr().expect("TCP");
        let serving = server.spawn(|_: &_, _: &_| Decision::accept(())).expect("a runtime");
        return (address, serving.handle().clone());
    }
    let mut listener = Listener::bind("127.0.0.1:0", options).await.expect("a free port");
    let (address, server) = (listener.local_addr().expect("TCP"), listener.handle().clone());
    tokio::spawn(async move {
        while let Ok(Some(incoming)) = listener.accept().await {
            tokio::spawn(async move {
                let mut ws = incoming.accept().await.expect("a handshake");
                let _ = ws.closed().await;
            });
        }
        listener.ended().await;
    });
    (address, server)
}

/// A server ends with its runtime, and leaves its bus, although handles to it and to its connections are kept.
#[test]
fn a_server_ends_with_its_runtime() {
    for handled in [true, false] {
        for runtime in runtimes() {
            let bus = MemoryBus::new();
            let (server, connection, client) = runtime.block_on(async {
                let (address, server) = serve(&bus, handled).await;
                let client = connect(&format!("ws://{address}/")).await.expect("a server");
                while server.connections().is_empty() {
                    tokio::task::yield_now().await;
                }
                let connection = server.connections().remove(0);
                connection.subscribe("all").expect("open");
                (server, connection, client)
            });
            assert_eq!(bus.topics(), [["all"]]);
            drop(runtime);
            assert!(bus.topics().is_empty(), "with a handler: {handled}");
            assert!(server.is_terminated() && server.connections().is_empty());
            assert!(!connection.close_info().expect("the end").was_clean);
            server.terminate(None);
            drop(client);
        }
    }
}

/// A server that has not begun to accept ends with its runtime, too.
#[test]
fn a_server_that_was_just_begun_ends_with_its_runtime() {
    for handled in [true, false] {
        for runtime in runtimes() {
            let bus = MemoryBus::new();
            let (_, server) = runtime.block_on(serve(&bus, handled));
            drop(runtime);
            assert!(bus.topics().is_empty() && server.is_terminated(), "{handled}");
        }
    }
}

/// Accepts one client of a listener.
async fn one(options: ServerOptions) -> (Listener, WebSocket, WebSocket) {
    let mut listener = Listener::bind("127.0.0.1:0", options).await.expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("TCP"));
    let (client, ws) = tokio::join!(connect(&url), async {
        let incoming = listener.accept().await.expect("it accepts").expect("a client");
        incoming.accept().await.expect("a handshake")
    });
    (listener, client.expect("a server"), ws)
}

/// `terminate` keeps its promise without a listener: connections are closed, and aborted at the deadline.
#[tokio::test]
async fn the_end_of_a_server_does_not_need_its_listener() {
    for answers in [true, false] {
        let bus = MemoryBus::new();
        let (listener, mut client, mut ws) = one(ServerOptions::new().bus(bus.clone())).await;
        let server = listener.handle().clone();
        drop(listener);
        settle().await;
        assert_eq!((bus.topics().len(), server.is_terminated()), (1, false), "it goes on");
        let before = Handle::current().metrics().num_alive_tasks();
        server.terminate(Some(Duration::from_millis(50)));
        let served = tokio::spawn(async move { ws.closed().await });
        if answers {
            let end = timeout(PATIENCE, client.closed()).await.expect("in time");
            assert_eq!(end.expect("a Close").code, CloseCode::GOING_AWAY);
        }
        let end = timeout(PATIENCE, served).await.expect("in time").expect("no panic");
        assert_eq!(end.is_ok_and(|end| end.was_clean), answers);
        let ended = async {
            while !server.is_terminated() || !bus.topics().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, ended).await.expect("in time");
        settle().await;
        assert!(Handle::current().metrics().num_alive_tasks() <= before, "no task is left");
    }
}

/// A server that nobody can use any more ends, at its last connection.
#[tokio::test]
async fn a_server_without_a_listener_ends_with_its_last_connection() {
    let bus = MemoryBus::new();
    let options = ServerOptions::new().bus(bus.clone()).bus_linger(PATIENCE * 60);
    let (listener, client, ws) = one(options).await;
    let server = listener.handle().clone();
    ws.handle().subscribe("all").expect("open");
    drop(listener);
    // The topic lingers for an hour.
    assert!(ws.handle().unsubscribe("all"));
    drop((client, ws));
    let ended = async {
        while !server.is_terminated() || !bus.topics().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("in time");
    settle().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "no task is left");
}

/// Waiting for the end takes no longer than its deadline, although the application holds on to a connection.
#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_an_application_that_holds_on_to_a_connection() {
    let (mut listener, client, ws) = one(ServerOptions::new()).await;
    listener.handle().terminate(Some(Duration::from_secs(1)));
    timeout(PATIENCE, listener.ended()).await.expect("at the deadline");
    let server = listener.handle().clone();
    assert!(!server.is_terminated());
    drop((client, ws, listener));
    let ended = async {
        while !server.is_terminated() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("once it lets go");
}

/// Handles do not wake what is gone.
#[test]
fn the_handle_of_a_server_outlives_its_runtime() {
    for handled in [true, false] {
        for runtime in runtimes() {
            let (_, server) = runtime.block_on(serve(&MemoryBus::new(), handled));
            server.terminate(Some(PATIENCE));
            drop(runtime);
            server.terminate(Some(Duration::ZERO));
            assert!(server.is_terminated(), "with a handler: {handled}");
            assert_eq!(server.broadcast("nobody").sent, 0);
            server.connections().iter().for_each(WebSocketConnection::abort);
        }
    }
}

/// A connection that is dropped outside of its runtime, or in a `LocalSet`, says goodbye as any other.
#[test]
fn a_connection_may_be_dropped_anywhere() {
    for runtime in runtimes() {
        for outside in [true, false] {
            let (_listener, mut client, ws) = runtime.block_on(one(ServerOptions::new()));
            match outside {
                true => std::thread::spawn(move || drop(ws)).join().expect("no panic"),
                false => {
                    let local = tokio::task::LocalSet::new();
                    let drops = local.run_until(async {
                        let dropped = tokio::task::spawn_local(async move {
                            settle().await;
                            drop(ws);
                        });
                        dropped.await.expect("no panic");
                    });
                    runtime.block_on(drops);
                }
            }
            let end = runtime.block_on(async { timeout(PATIENCE, client.closed()).await });
            assert_eq!(end.expect("in time").expect("a Close").code, CloseCode::GOING_AWAY);
        }
    }
}
