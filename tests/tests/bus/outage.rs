//! Brokers that fail.

use std::thread;
use std::time::{Duration, Instant};

use conformance::adapters::Adapter;
use ws_bus::BusOptions;
use ws_common::{BusError, BusState};

use crate::broker::{Broker, Kind};
use crate::crowd::Crowd;
use crate::server::Server;
use crate::{HEAP, wait_until};

/// The size of a message of a flood.
const LARGE: usize = 64 << 10;

/// The most bytes that wait for the broker.
const LIMIT: usize = 1 << 20;

/// The heap that a flood may occupy beside the queue: what the client of the broker and the system hold.
const SLACK: usize = 2 << 20;

fn pair<S: Adapter>(broker: &Broker, options: &BusOptions) -> (Server, Server) {
    let start = |name| Server::start::<S>(broker, name, options.clone());
    (start("one"), start("other"))
}

fn wait_for_topic(broker: &Broker, name: &str) {
    wait_until("the broker has heard of the topic", || broker.census().contains_key(name));
}

/// Messages are lost only between the end of the broker and `Up`.
pub(crate) fn a_broker_that_ends_is_reported_and_found_again<S: Adapter>(kind: Kind) {
    let mut broker = Broker::start(kind);
    let (one, other) = pair::<S>(&broker, &BusOptions::new());
    let crowd = Crowd::one(other.address(), "news");
    wait_for_topic(&broker, "ws.news");
    for round in 0..3 {
        // From the second round on, right after `Up`, which promises that all topics are subscribed.
        let texts: Vec<_> = (0..100).map(|number| format!("{round} {number}")).collect();
        texts.iter().for_each(|text| one.must_publish("news", text));
        crowd.wait(100 * (round + 1));
        assert_eq!(crowd.texts(), texts);

        broker.kill();
        one.wait(BusState::Down, round + 1);
        other.wait(BusState::Down, round + 1);
        for _ in 0..10 {
            assert_eq!(one.publish("news", "lost").elsewhere, Err(BusError::Down));
        }
        broker.restart();
        one.wait(BusState::Up, round + 2);
        other.wait(BusState::Up, round + 2);
    }
    one.must_publish("news", "the end");
    crowd.wait(301);
    assert_eq!(crowd.texts(), ["the end"]);
    for server in [one, other] {
        let changes = server.changes();
        let expected = [BusState::Up, BusState::Down].into_iter().cycle().take(7);
        assert!(changes.iter().copied().eq(expected), "{changes:?}");
        server.end();
    }
}

/// A server that starts before the broker, and one that ends without it.
pub(crate) fn a_broker_may_come_later<S: Adapter>(kind: Kind) {
    let mut broker = Broker::start(kind);
    broker.kill();
    let server = Server::on::<S>(broker.bus("one", BusOptions::new()));
    let crowd = Crowd::one(server.address(), "news");
    server.wait(BusState::Down, 1);
    let here = server.publish("news", "here");
    assert_eq!((here.sent, here.elsewhere), (1, Err(BusError::Down)));
    broker.restart();
    server.wait(BusState::Up, 1);
    assert_eq!(server.changes(), [BusState::Down, BusState::Up]);
    wait_for_topic(&broker, "ws.news");
    assert_eq!(server.publish("news", "everywhere").elsewhere, Ok(()));
    crowd.wait(2);
    assert_eq!(crowd.texts(), ["here", "everywhere"]);
    broker.kill();
    server.wait(BusState::Down, 2);
    server.end();
}

/// A broker that stops reading: the queue is full, memory stays bounded, and local delivery does not wait.
pub(crate) fn a_broker_that_stops_reading_costs_its_own_messages_only<S: Adapter>(kind: Kind) {
    let broker = Broker::start(kind);
    let (one, other) = pair::<S>(&broker, &BusOptions::new().queue_limit(LIMIT));
    let (near, far) = (Crowd::one(one.address(), "near"), Crowd::one(other.address(), "far"));
    wait_for_topic(&broker, "ws.near");
    wait_for_topic(&broker, "ws.far");
    let usual = median_publish(&one, &near);

    broker.signal("STOP");
    let before = HEAP.current_usage();
    let large = vec![7; LARGE];
    let flood = || one.publish("far", large.clone()).elsewhere;
    let (mut accepted, mut refused) = (0, 0);
    while refused < 5000 {
        match flood() {
            Ok(()) => accepted += 1,
            Err(error) => {
                assert_eq!(error, BusError::Full);
                refused += 1;
            }
        }
        let heap = HEAP.current_usage().saturating_sub(before);
        assert!(heap < LIMIT + SLACK, "{heap} bytes after {accepted} messages");
    }
    assert!(accepted >= LIMIT / LARGE / 2, "{accepted}");
    let stopped = median_publish(&one, &near);
    println!(
        "{accepted} messages of 64 KiB accepted; a local publish: {usual:?}, {stopped:?} while the broker stops"
    );

    broker.signal("CONT");
    // The accepted messages arrive, and none was lost between them.
    far.wait(accepted);
    wait_until("there is room again", || flood().is_ok());
    far.wait(accepted + 1);
    assert_eq!(one.changes(), [BusState::Up]);
    near.leave();
    far.leave();
    one.end();
    other.end();
}

/// Returns the median time from publishing to receipt at the same server.
fn median_publish(server: &Server, crowd: &Crowd) -> Duration {
    let mut times: Vec<_> = (0..21)
        .map(|_| {
            let (begun, count) = (Instant::now(), crowd.total());
            // The result elsewhere does not matter.
            assert_eq!(server.publish("near", "it rains").sent, 1);
            while crowd.total() == count {
                assert!(begun.elapsed() < crate::LONG, "it was not delivered here");
                thread::yield_now();
            }
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}
