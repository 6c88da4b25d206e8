//! Every message at every subscriber.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use conformance::adapters::Adapter;
use ws_bus::BusOptions;

use crate::broker::{Broker, Kind};
use crate::crowd::Crowd;
use crate::server::Server;
use crate::wait_until;

const SUBSCRIBERS: usize = 1000;

/// The messages of each server on each topic.
const MESSAGES: usize = 20;

/// The topic of a subscriber: each server has one that only it wants, and the others have from 1 to over 100
/// subscribers.
fn topic(subscriber: usize, server: usize) -> String {
    match subscriber % 7 {
        0 => format!("only-{server}"),
        _ => format!("room/{}", (40 * subscriber * subscriber) / (SUBSCRIBERS * SUBSCRIBERS)),
    }
}

/// Two servers, then three, with a thousand subscribers in topics of very different sizes.
pub(crate) fn a_thousand_subscribers_hear_everything_once<S: Adapter>(kind: Kind) {
    for servers in [2, 3] {
        hear_everything_once::<S>(&Broker::start(kind), servers);
    }
}

fn hear_everything_once<S: Adapter>(broker: &Broker, count: usize) {
    let start = |number: usize| Server::start::<S>(broker, &number.to_string(), BusOptions::new());
    let servers: Vec<_> = (0..count).map(start).collect();
    let places: Vec<_> = (0..SUBSCRIBERS)
        .map(|subscriber| (subscriber % count, topic(subscriber, subscriber % count)))
        .collect();
    let clients = places.iter().map(|(at, topic)| (servers[*at].address(), topic.clone()));
    let crowd = Crowd::gather(clients);

    // Each server hears only of the topics that it wants: counted at the broker.
    let wanted = |at| places.iter().filter(move |place| place.0 == at).map(|place| &*place.1);
    let wanted: Vec<BTreeSet<&str>> = (0..count).map(|at| wanted(at).collect()).collect();
    let mut expected = BTreeMap::new();
    for topic in wanted.iter().flatten() {
        *expected.entry(format!("ws.{}", topic.replace('/', "%2F"))).or_insert(0) += 1;
    }
    assert!(expected.values().filter(|servers| **servers == 1).count() >= count);
    wait_until("the broker has heard of all topics", || broker.census() == expected);
    let before = sent(broker);

    let topics: BTreeSet<_> = wanted.iter().flatten().copied().collect();
    thread::scope(|scope| {
        for (number, server) in servers.iter().enumerate() {
            let topics = &topics;
            scope.spawn(move || {
                for message in 0..MESSAGES {
                    for topic in topics {
                        server.must_publish(topic, &format!("{number} {message} {topic}"));
                    }
                }
            });
        }
    });
    crowd.wait(SUBSCRIBERS * count * MESSAGES);
    for (received, (_, topic)) in crowd.take().iter().zip(&places) {
        let texts: Vec<_> = received.iter().filter_map(|message| message.as_text()).collect();
        assert_eq!(texts.len(), count * MESSAGES, "{topic}");
        for number in 0..count {
            let begin = format!("{number} ");
            let of_one: Vec<_> = texts.iter().filter(|text| text.starts_with(&begin)).collect();
            let expected = (0..MESSAGES).map(|message| format!("{number} {message} {topic}"));
            assert!(expected.eq(of_one.iter().map(ToString::to_string)), "{topic}: {of_one:?}");
        }
    }
    for (number, before) in before {
        let heard = sent(broker)[&number] - before;
        let at: usize = number.parse().expect("a number");
        let expected = wanted[at].len() * (count - 1) * MESSAGES;
        assert_eq!(heard, expected as u64, "server {number} heard what it does not want");
    }

    // Topics without subscribers are unsubscribed after a while.
    crowd.leave();
    wait_until("the broker has heard of all ends", || broker.census().is_empty());
    servers.into_iter().for_each(Server::end);
}

/// Returns the number of messages that each server was sent; only NATS counts them.
fn sent(broker: &Broker) -> BTreeMap<String, u64> {
    match broker.kind {
        Kind::Nats => {
            broker.connections().into_iter().map(|(name, counts)| (name, counts.sent)).collect()
        }
        Kind::Redis => BTreeMap::new(),
    }
}

/// Topics come and go faster than the broker is told of them.
pub(crate) fn topics_that_come_and_go_are_right_in_the_end<S: Adapter>(kind: Kind) {
    let broker = Broker::start(kind);
    let (one, other) = (
        Server::start::<S>(&broker, "one", BusOptions::new()),
        Server::start::<S>(&broker, "other", BusOptions::new()),
    );
    let crowd = Crowd::one(other.address(), "a");
    let ws = other.handle().connections().pop().expect("a client");
    for round in 0..1000 {
        for topic in ["b", "c", "d"] {
            ws.subscribe(topic).expect("open");
            if round < 999 || topic == "c" {
                ws.unsubscribe(topic);
            }
        }
    }
    let wanted = ["a", "b", "d"].map(|topic| (format!("ws.{topic}"), 1));
    wait_until("the broker has heard of all changes", || broker.census() == wanted.clone().into());
    for topic in ["a", "b", "c", "d"] {
        one.must_publish(topic, topic);
    }
    one.must_publish("a", "end");
    wait_until("the last one arrives", || crowd.total() == 4);
    let mut texts = crowd.texts();
    texts.sort();
    assert_eq!(texts, ["a", "b", "d", "end"]);
    crowd.leave();
    one.end();
    other.end();
}
