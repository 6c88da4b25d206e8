//! Servers that a bus joins.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use conformance::adapters::{Adapter, Client};
use ws_common::testing::MemoryBus;
use ws_common::{BusError, BusState, SubscribeError};
use wsproto::Deflate;

use crate::actors::{Log, Running, serve};
use crate::compressed::{connect, frame, leave, open, text};
use crate::raw::{self, LONG};

/// Starts servers, which join a bus one after the other.
fn servers<S: Adapter>(bus: &MemoryBus, count: usize) -> Vec<Running> {
    let start = |_| {
        let running = serve::<S>(|options| *options = options.clone().bus(bus.clone()));
        running.log.wait(1, "server bus Up");
        running
    };
    (0..count).map(start).collect()
}

/// Connects a client that subscribes these topics.
fn subscriber<C: Adapter>(running: &Running, topics: &[&str]) -> (Client, Log) {
    let (client, log) = running.connect::<C>("/");
    for topic in topics {
        client.ws.send(format!("subscribe {topic}")).expect("open");
    }
    log.wait(topics.len(), "message done");
    (client, log)
}

/// Returns the numbers of the messages of a publisher, in the order in which they came.
fn numbers(log: &Log, publisher: &str) -> Vec<usize> {
    let start = format!("message {publisher} ");
    let lines = log.lines().into_iter();
    let numbers = lines.filter_map(|line| line.strip_prefix(&start)?.parse().ok());
    numbers.collect()
}

/// Two servers, then three, whose threads publish at the same time.
pub(crate) fn servers_on_a_bus_reach_every_subscriber_once<S: Adapter, C: Adapter>() {
    const EACH: usize = 100;
    for count in [2, 3] {
        let bus = MemoryBus::new();
        let all = servers::<S>(&bus, count);
        let mut subscribers = Vec::new();
        for running in &all {
            subscribers
                .push((subscriber::<C>(running, &["even", "odd"]), ["even", "odd"].to_vec()));
            subscribers.push((subscriber::<C>(running, &["even"]), vec!["even"]));
        }
        subscribers.push((subscriber::<C>(&all[0], &["other"]), vec![]));
        let mut wanted = vec![vec!["even", "odd"]; count];
        wanted[0].push("other");
        wanted[0].sort_unstable();
        assert_eq!(bus.topics(), wanted);
        thread::scope(|scope| {
            for (number, running) in all.iter().enumerate() {
                scope.spawn(move || {
                    for at in 0..EACH {
                        let topic = ["even", "odd"][at % 2];
                        let done = running.handle().publish(topic, format!("{topic}{number} {at}"));
                        assert_eq!((done.sent, done.elsewhere), (2 - at % 2, Ok(())));
                        // Each reader keeps up: none is refused.
                        if at % 10 == 9 {
                            thread::sleep(Duration::from_millis(1));
                        }
                    }
                });
            }
        });
        // The last message behind all others.
        for running in &all {
            for (publisher, topic) in ["even", "odd", "other"].iter().enumerate() {
                running.handle().publish(topic, format!("last {publisher}"));
            }
        }
        for ((client, log), topics) in subscribers {
            log.wait(count * topics.len().max(1), "message last");
            for topic in ["even", "odd"] {
                for number in 0..count {
                    let all = (0..EACH).filter(|at| ["even", "odd"][at % 2] == topic);
                    let expected = all.filter(|_| topics.contains(&topic)).collect::<Vec<_>>();
                    assert_eq!(numbers(&log, &format!("{topic}{number}")), expected);
                }
            }
            leave(client);
        }
        for running in all {
            assert_eq!(running.handle().stats().broadcasts_refused, 0);
            assert!(running.end().iter().all(|line| !line.contains("error")));
        }
    }
}

pub(crate) fn a_bus_that_goes_and_comes_is_told<S: Adapter, C: Adapter>() {
    let bus = MemoryBus::new();
    let all = servers::<S>(&bus, 2);
    let clients: Vec<_> = all.iter().map(|running| subscriber::<C>(running, &["news"])).collect();
    let publish = |message: &str| {
        let done = all[0].handle().publish("news", message);
        assert_eq!(done.sent, 1);
        done.elsewhere
    };
    all.iter().for_each(|running| running.log.wait(1, "server bus Up"));
    for round in 1..=3 {
        bus.set_state(BusState::Down);
        all.iter().for_each(|running| running.log.wait(round, "server bus Down"));
        assert_eq!(publish("while it is down"), Err(BusError::Down));
        bus.set_state(BusState::Up);
        all.iter().for_each(|running| running.log.wait(round + 1, "server bus Up"));
        for error in [BusError::Full, BusError::TooBig] {
            bus.refuse(error);
            assert_eq!(publish("while it is refused"), Err(error));
        }
        bus.refuse(None);
        assert_eq!(publish("while it is up"), Ok(()));
        clients[0].1.wait(4 * round, "message while it is");
        clients[1].1.wait(round, "message while it is up");
    }
    assert_eq!(clients[1].1.count("message"), 4, "and the subscription");
    clients.into_iter().for_each(|(client, _)| leave(client));
    for running in all {
        let lines = running.end();
        let bus: Vec<_> = lines.iter().filter(|line| line.starts_with("server bus")).collect();
        let (up, down) = ("server bus Up", "server bus Down");
        assert_eq!(bus, [up, down, up, down, up, down, up]);
        assert_eq!(lines[0], "server open", "the first call");
    }
}

/// The time of each adapter reaches the bus.
pub(crate) fn topics_linger_on_the_bus<S: Adapter, C: Adapter>() {
    let bus = MemoryBus::new();
    let linger = Duration::from_millis(50);
    let running = serve::<S>(|options| {
        *options = options.clone().bus(bus.clone()).bus_linger(linger);
    });
    let until = Instant::now() + LONG;
    let wait = |topics: &[&str]| {
        while bus.topics() != [topics] {
            assert!(Instant::now() < until, "{:?} is not {topics:?}", bus.topics());
            thread::sleep(Duration::from_millis(1));
        }
    };
    let (client, log) = subscriber::<C>(&running, &["stays", "goes"]);
    let (other, _) = subscriber::<C>(&running, &["stays", "dies"]);
    wait(&["dies", "goes", "stays"]);
    client.ws.send("unsubscribe goes").expect("open");
    log.wait(3, "message done");
    wait(&["dies", "stays"]);
    leave(other);
    wait(&["stays"]);
    leave(client);
    wait(&[]);
    running.end();
    assert!(bus.topics().is_empty(), "it has left the bus");
}

pub(crate) fn a_server_ends_while_messages_come<S: Adapter, C: Adapter>() {
    let bus = MemoryBus::new();
    let mut all = servers::<S>(&bus, 2);
    let clients: Vec<_> = (0..3).map(|_| subscriber::<C>(&all[1], &["news"])).collect();
    let (stays, stays_log) = subscriber::<C>(&all[0], &["news"]);
    let (ending, staying) = (all.remove(1), &all[0]);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let mut at = 0;
            while !ended.load(Ordering::SeqCst) {
                assert_eq!(
                    staying.handle().publish("news", format!("news {at}")).elsewhere,
                    Ok(())
                );
                at += 1;
                stays_log.wait(at, "message news");
            }
            at
        });
        clients.iter().for_each(|(_, log)| log.wait(20, "message news"));
        let handle = ending.handle().clone();
        ending.end();
        assert_eq!(handle.publish("news", "too late").elsewhere, Err(BusError::Down));
        assert_eq!(bus.topics(), [["news"]]);
        let after = stays_log.count("message news");
        stays_log.wait(after + 10, "message news");
        ended.store(true, Ordering::SeqCst);
        publishing.join().expect("no panic");
    });
    for (client, log) in clients {
        client.join();
        let numbers = numbers(&log, "news");
        assert!(numbers.iter().copied().eq(0..numbers.len()), "{numbers:?}");
        assert_eq!(log.count("terminate 1001"), 1);
    }
    assert_eq!(stays_log.count("message too late"), 0);
    leave(stays);
    all.remove(0).end();
}

pub(crate) fn a_subscriber_that_does_not_read_misses_alone<S: Adapter, C: Adapter>() {
    let bus = MemoryBus::new();
    let mut all = servers::<S>(&bus, 2);
    let mut stuck = raw::open::<S>(all[1].address());
    stuck.write_all(&frame(0x81, b"subscribe news")).expect("written");
    let (reader, log) = subscriber::<C>(&all[1], &["news"]);
    all[1].log.wait(2, "message subscribe");
    let mut sent = 0;
    while all[1].handle().stats().broadcasts_refused < 10 {
        let done = all[0].handle().publish("news", vec![7; 1 << 20]);
        assert_eq!((done.sent, done.elsewhere), (0, Ok(())));
        sent += 1;
        log.wait(sent, "message of 1048576 bytes, binary");
    }
    assert_eq!(all[1].handle().stats().broadcasts_refused, 10, "only one misses any");
    leave(reader);
    drop(stuck);
    all.drain(..).for_each(|running| drop(running.end()));
}

pub(crate) fn a_topic_has_a_limit_on_every_server<S: Adapter, C: Adapter>() {
    let bus = MemoryBus::new();
    let all = servers::<S>(&bus, 2);
    let clients: Vec<_> = all.iter().map(|running| subscriber::<C>(running, &[])).collect();
    let (limit, long) = ("t".repeat(200), "t".repeat(201));
    for (running, (client, _)) in all.iter().zip(&clients) {
        running.log.wait(1, "open");
        let connection = running.handle().connections().remove(0);
        assert_eq!(connection.subscribe(&limit), Ok(()));
        assert_eq!(connection.subscribe(&long), Err(SubscribeError::TopicTooLong(201)));
        assert_eq!(client.ws.subscribe(&limit), Err(SubscribeError::NoServer));
    }
    let done = all[0].handle().publish(&long, "nobody");
    assert_eq!((done.sent, done.elsewhere), (0, Err(BusError::TopicTooLong)));
    let done = all[0].handle().publish(&limit, "everybody");
    assert_eq!((done.sent, done.elsewhere), (1, Ok(())));
    for (client, log) in clients {
        log.wait(1, "message everybody");
        assert_eq!(log.count("message nobody"), 0);
        leave(client);
    }
    all.into_iter().for_each(|running| drop(running.end()));
}

/// A message from the bus is a prepared message, which compresses once for all with the same window.
pub(crate) fn messages_from_the_bus_are_compressed<S: Adapter, C: Adapter>() {
    let bus = MemoryBus::new();
    let all = [(), ()].map(|()| {
        let deflate = Deflate::new();
        let running = serve::<S>(|options| {
            *options = options.clone().bus(bus.clone()).deflate(deflate).high_water_mark(64 << 20);
        });
        running.log.wait(1, "server bus Up");
        running
    });
    let kinds = [Some(Deflate::new()), Some(Deflate::frugal()), None, Some(Deflate::new())];
    let clients = kinds.map(|deflate| connect::<C>(&all[1], deflate));
    for (client, log) in &clients {
        client.ws.send("subscribe news").expect("open");
        log.wait(1, "message done");
    }
    let mut stream = open::<S>(all[1].address());
    stream.write_all(&frame(0x81, b"subscribe news")).expect("written");
    let mut done = [0; 6];
    stream.read_exact(&mut done).expect("the subscription");
    assert_eq!(&done, b"\x81\x04done");
    for round in 1..=5 {
        assert_eq!(all[0].handle().publish("news", text(round, 40_000)).elsewhere, Ok(()));
        // Between them, messages of each connection alone.
        clients.iter().for_each(|(client, _)| drop(client.ws.send(text(round, 700))));
    }
    for (client, log) in clients {
        log.wait(5, "message of 40000 bytes");
        log.wait(5, "message of 700 bytes");
        leave(client);
    }
    stream.write_all(&frame(0x88, &[])).expect("written");
    let received = raw::rest(&mut stream);
    assert_eq!(received.first(), Some(&0xC1), "a compressed text");
    assert!(received.len() < 5 * 10_000, "{} bytes", received.len());
    all.into_iter().for_each(|running| drop(running.end()));
}
