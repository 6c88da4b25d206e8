//! Many connections of one server.

use std::collections::BTreeSet;

use conformance::adapters::{Adapter, Client};
use ws_common::WebSocketConnection;

use crate::actors::{Log, Running, serve};

fn gather<C: Adapter>(running: &Running, count: usize) -> Vec<(Client, Log)> {
    let clients = (0..count).map(|_| running.connect::<C>("/")).collect();
    running.log.wait(count, "open");
    clients
}

fn leave(clients: Vec<(Client, Log)>) {
    for (client, _) in clients {
        client.ws.close(None).expect("open");
        client.join();
    }
}

/// S1-3, S1-7, S4-16.
pub(crate) fn connections_are_listed_and_found<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let mut clients = gather::<C>(&running, 5);
    let all = running.handle().connections();
    let ids: BTreeSet<_> = all.iter().map(WebSocketConnection::id).collect();
    assert_eq!(ids.len(), 5);
    assert!(all.is_sorted(), "the oldest first");
    for connection in &all {
        assert_eq!(running.handle().connection(connection.id()).as_ref(), Some(connection));
        assert_eq!(connection.server(), Some(running.handle()));
    }
    leave(clients.split_off(2));
    running.log.wait(3, "terminate");
    let left = running.handle().connections();
    assert_eq!(left.len(), 2);
    for connection in &all {
        let found = running.handle().connection(connection.id());
        assert_eq!(found.is_some(), left.contains(connection));
        assert_eq!(connection.send("Hello").is_ok(), left.contains(connection));
    }
    leave(clients);
    running.end();
}

pub(crate) fn a_broadcast_reaches_all<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let clients = gather::<C>(&running, 5);
    let done = running.handle().broadcast("from outside");
    assert_eq!((done.sent, done.refused.len()), (5, 0));
    clients[0].0.ws.send("everybody").expect("open");
    for (_, log) in &clients {
        log.wait(1, "message from outside");
        log.wait(1, "message hello all");
    }
    let large = vec![7; 1 << 20];
    assert_eq!(running.handle().broadcast(large).sent, 5);
    for (_, log) in &clients {
        log.wait(1, "message of 1048576 bytes, binary");
    }
    leave(clients);
    assert_eq!(running.handle().broadcast("nobody").sent, 0);
    running.end();
}

/// Subscribing, unsubscribing and publishing, inside and outside of handlers.
pub(crate) fn topics_reach_those_who_subscribed<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let clients = gather::<C>(&running, 3);
    let tell = |index: usize, text: &str, answer: &str| {
        let (client, log) = &clients[index];
        let count = log.count(&format!("message {answer}"));
        client.ws.send(text).expect("open");
        log.wait(count + 1, &format!("message {answer}"));
    };
    tell(0, "subscribe cats", "done");
    tell(0, "subscribe cats", "done");
    tell(1, "subscribe cats", "done");
    tell(1, "subscribe dogs", "done");
    tell(2, "publish cats", "reached 2");
    clients[0].1.wait(1, "message about cats");
    clients[1].1.wait(1, "message about cats");
    assert_eq!(running.handle().publish("dogs", "from outside").sent, 1);
    clients[1].1.wait(1, "message from outside");
    assert_eq!(running.handle().publish("birds", "to nobody").sent, 0);

    tell(0, "unsubscribe cats", "done");
    tell(0, "unsubscribe cats", "was not");
    tell(2, "publish cats", "reached 1");
    assert_eq!(running.handle().subscribers("cats").len(), 1);
    clients[1].0.ws.close(None).expect("open");
    running.log.wait(1, "terminate");
    assert_eq!(running.handle().subscribers("cats").len(), 0, "gone when closed");
    assert_eq!(running.handle().publish("cats", "to nobody").sent, 0);
    assert_eq!(clients[0].1.count("message about cats"), 1);
    assert_eq!(clients[2].1.count("message about"), 0);
    leave(clients);
    running.end();
}
