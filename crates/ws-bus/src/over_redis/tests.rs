use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parking_lot::Mutex;
use ws_common::{Bus, BusConnection, BusError, BusSink, BusState};

use super::Redis;
use super::broker::{Broker, wait_until};
use crate::BusOptions;

/// A server that notes the changes of its bus.
#[derive(Default)]
struct Changes(Mutex<Vec<BusState>>);

impl Changes {
    fn count(&self, state: BusState) -> usize {
        self.0.lock().iter().filter(|change| **change == state).count()
    }

    fn wait(&self, state: BusState, count: usize) {
        wait_until(&format!("the bus is {state:?} {count} times"), || self.count(state) >= count);
    }
}

impl BusSink for Changes {
    fn deliver(&self, _: &str, _: &[u8]) {}

    fn down(&self) {
        self.0.lock().push(BusState::Down);
    }

    fn up(&self) {
        self.0.lock().push(BusState::Up);
    }
}

fn join(broker: &Broker, options: BusOptions) -> (Arc<Changes>, Box<dyn BusConnection>) {
    let changes = Arc::<Changes>::default();
    let connection = broker.join(Arc::clone(&changes) as _, options);
    (changes, connection)
}

#[test]
fn messages_that_are_lost_with_a_connection_leave_the_queue() {
    const LIMIT: usize = 4000;
    let broker = Broker::start();
    let (changes, connection) = join(&broker, BusOptions::new().queue_limit(LIMIT));
    let publish = || connection.publish("a", vec![b'a'; LIMIT / 2]);
    broker.hang_up(true);
    for round in 1..=5 {
        changes.wait(BusState::Up, round);
        assert_eq!(publish(), Ok(()), "{round}");
        changes.wait(BusState::Down, round);
    }
    broker.hang_up(false);
    changes.wait(BusState::Up, 6);
    assert_eq!(publish(), Ok(()));
    wait_until("it has arrived", || broker.published().len() == 1);
    connection.close();
    assert_eq!(publish(), Err(BusError::Down));
}

#[test]
fn a_confirmation_that_was_not_asked_for_ends_the_connection() {
    let broker = Broker::start();
    let (changes, connection) = join(&broker, BusOptions::new());
    changes.wait(BusState::Up, 1);
    broker.repeat();
    connection.subscribe("a");
    changes.wait(BusState::Down, 1);
    changes.wait(BusState::Up, 2);
    assert_eq!(broker.topics(), ["ws.a".into()].into());
}

/// Topics come and go as fast as they can.
#[test]
fn the_broker_knows_the_topics_of_a_busy_server() {
    let broker = Broker::start();
    let (changes, connection) = join(&broker, BusOptions::new());
    let names = ["b", "c", "d"];
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::SeqCst) {
                names.iter().for_each(|name| connection.subscribe(name));
                names.iter().for_each(|name| connection.unsubscribe(name));
            }
            names.iter().for_each(|name| connection.subscribe(name));
        });
        changes.wait(BusState::Up, 1);
        thread::sleep(std::time::Duration::from_secs(1));
        ended.store(true, Ordering::SeqCst);
    });
    let wanted = names.map(|name| format!("ws.{name}")).into();
    connection.subscribe("the last one");
    wait_until("the last change is done", || {
        broker.topics().len() > 3 || broker.topics().contains("ws.the%20last%20one")
    });
    connection.unsubscribe("the last one");
    wait_until("the broker knows the topics", || broker.topics() == wanted);
}

/// A message that was accepted leaves, also if the server ends at once.
#[test]
fn the_last_message_leaves() {
    let broker = Broker::start();
    for round in 0..200 {
        let (changes, connection) = join(&broker, BusOptions::new());
        changes.wait(BusState::Up, 1);
        connection.subscribe("a");
        // The thread that publishes wakes up and looks for messages.
        (0..10 * round).for_each(|_| std::hint::spin_loop());
        assert_eq!(connection.publish("a", b"last".to_vec()), Ok(()));
        connection.close();
        wait_until(&format!("message {round} has left"), || broker.published().len() == round + 1);
    }
}

/// The threads of a member own its sink.
#[test]
fn threads_end_with_the_server() {
    let broker = Broker::start();
    let (changes, connection) = join(&broker, BusOptions::new());
    changes.wait(BusState::Up, 1);
    connection.close();
    drop(connection);
    wait_until("no thread is left", || Arc::strong_count(&changes) == 1);

    for address in ["127.0.0.1:1", "a.invalid"] {
        let changes = Arc::<Changes>::default();
        let bus = Redis::connect(format!("redis://{address}"), BusOptions::new()).expect("a URL");
        let connection = bus.join(Arc::clone(&changes) as _);
        changes.wait(BusState::Down, 1);
        drop(connection);
        wait_until("no thread is left", || Arc::strong_count(&changes) == 1);
    }
}

#[test]
fn secrets_are_in_no_debug_output() {
    let bus = Redis::connect("redis://ann:secret@h:1/2", BusOptions::new()).expect("a URL");
    let debug = format!("{bus:?}");
    assert!(debug.contains("h:1") && !debug.contains("secret"), "{debug}");
}

#[test]
fn invalid_urls_are_refused_without_their_secrets() {
    let urls = [
        "",
        "http://ann:secret@h",
        "redis://ann:secret@h:port",
        "redis://ann:secret@h/x",
        "redis://:secret@",
    ];
    for url in urls {
        let error = Redis::connect(url, BusOptions::new()).expect_err(url);
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{url}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(Redis::connect("redis://h", BusOptions::new().prefix("*")).is_err());
}
