//! Topics of connections that were handed over, on a bus.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::sleep;
use ws_tokio::testing::MemoryBus;
use ws_tokio::wsproto::Config;
use ws_tokio::{ServerOptions, UpgradeServer};

use crate::support::*;

/// The server has no loop, and no handler: its time passes all the same.
#[tokio::test(start_paused = true)]
async fn topics_linger_on_the_bus_and_leave_it_with_the_server() {
    let bus = MemoryBus::new();
    let start = || UpgradeServer::new(ServerOptions::new().bus(bus.clone()));
    let (server, other) = (start(), start());
    let mut ws = open(&server, Http::One, request(), Config::new()).await.expect("open");
    while server.connections().is_empty() {
        yield_now().await;
    }
    let connection = server.connections().remove(0);
    for _ in 0..2 {
        connection.subscribe("lobby").expect("open");
        other.publish("lobby", "from the other server");
        assert_eq!(ws.recv().await.expect("no error"), Some("from the other server".into()));
        connection.unsubscribe("lobby");
        sleep(Duration::from_secs(9)).await;
        assert_eq!(bus.topics(), [vec!["lobby"], vec![]]);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(bus.topics(), [<[&str; 0]>::default(); 2]);
    }
    let (end, closed) = (server.terminate(Some(PATIENCE)), ws.closed());
    let ((), closed) = tokio::join!(end, closed);
    closed.expect("no error");
    while bus.topics().len() > 1 {
        sleep(Duration::from_millis(1)).await;
    }
    drop(other);
    assert!(bus.topics().is_empty(), "a server that is dropped leaves, too");
}
