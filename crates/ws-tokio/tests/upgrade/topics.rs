//! Topics of connections that were handed over, on a bus.

use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::sleep;
use ws_tokio::testing::MemoryBus;
use ws_tokio::wsproto::Config;
use ws_tokio::{ServerHandle, ServerOptions, Upgrade, UpgradeServer};

use crate::refusals::good;
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

async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

/// One task has the time of a server, however its timers are set; none without a timer, or once the server is gone.
#[tokio::test(start_paused = true)]
async fn one_task_has_the_time_of_a_server() {
    let bus = MemoryBus::new();
    let hour = Duration::from_secs(3600);
    for linger in [Duration::ZERO, Duration::from_secs(10), hour] {
        let options = ServerOptions::new().keep_alive(None).bus(bus.clone()).bus_linger(linger);
        let server = UpgradeServer::new(options);
        let ws = open(&server, Http::One, request(), Config::new()).await.expect("open");
        settle().await;
        let (connection, before) = (server.connections().remove(0), tasks());
        for round in 0..200 {
            for topic in 0..5 {
                connection.subscribe(&format!("{}", round * topic)).expect("open");
            }
            settle().await;
            assert!(tasks() <= before + 1, "{} in round {round}", tasks() - before);
            for topic in 0..5 {
                connection.unsubscribe(&format!("{}", round * topic));
                assert!(tasks() <= before + 1, "{} in round {round}", tasks() - before);
            }
            settle().await;
            assert!(tasks() <= before + 1, "{} in round {round}", tasks() - before);
            // Up to three times the time that topics linger.
            sleep(Duration::from_millis(round * 7919 % 30_000)).await;
        }
        if linger < hour {
            sleep(hour).await;
            assert_eq!(tasks(), before, "nothing lingers");
        }
        drop((ws, connection, server));
        settle().await;
        assert_eq!((tasks(), bus.topics().len()), (0, 0), "nothing is left");
    }
}

/// Begins a connection that the web server never hands over, and gives it up.
fn begin(server: &UpgradeServer) {
    let mut request = good(Http::One);
    request.extensions_mut().insert(hyper::upgrade::on(http::Request::new(())));
    let upgrade = Upgrade::of(&mut request).expect("a handshake");
    drop(upgrade.accept::<Vec<u8>>(server).expect("accepted"));
}

/// The end of a server needs no runtime if there was no connection, and that of the last connection otherwise: earlier
/// ones may have shut down.
#[test]
fn a_server_ends_whatever_has_become_of_its_runtimes() {
    let runtime = || Builder::new_current_thread().enable_all().build().expect("a runtime");
    for runtimes in 0..3 {
        for awaited in [false, true] {
            let bus = MemoryBus::new();
            let server = UpgradeServer::new(ServerOptions::new().bus(bus.clone()));
            for _ in 0..runtimes {
                runtime().block_on(async { begin(&server) });
                assert_eq!(bus.topics().len(), 1, "it can be used in another runtime");
            }
            match awaited {
                true => runtime().block_on(server.terminate(None)),
                false => ServerHandle::terminate(&server, None),
            }
            assert!(server.is_terminated() && bus.topics().is_empty(), "{runtimes}, {awaited}");
        }
    }
}

/// A topic that lingers when its runtime shuts down ends in that of the next connection.
#[test]
fn topics_end_in_the_runtime_of_the_next_connection() {
    let runtime = || Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (bus, linger) = (MemoryBus::new(), Duration::from_millis(50));
    let server = UpgradeServer::new(ServerOptions::new().bus(bus.clone()).bus_linger(linger));
    let first = runtime();
    let ws = first.block_on(async {
        let ws = open(&server, Http::One, request(), Config::new()).await.expect("open");
        settle().await;
        let connection = server.connections().remove(0);
        connection.subscribe("all").expect("open");
        connection.unsubscribe("all");
        ws
    });
    drop((first, ws));
    runtime().block_on(async {
        begin(&server);
        let ended = async {
            while bus.topics() != [<[&str; 0]>::default()] {
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("in time");
    });
}
