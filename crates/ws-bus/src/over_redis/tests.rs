use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ws_common::{Bus, BusConnection, BusError, BusSink, BusState};

use super::Redis;
use super::broker::{Broker, LONG, wait_until};
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

/// Topics come and go while the broker is asked for them.
#[test]
fn the_broker_knows_the_topics_of_a_busy_server() {
    let broker = Broker::start();
    let (changes, connection) = join(&broker, BusOptions::new());
    changes.wait(BusState::Up, 1);
    let topics: Vec<_> = (10..40).map(|number| number.to_string()).collect();
    let wanted: BTreeSet<_> = topics.iter().map(|topic| format!("ws.{topic}")).collect();
    topics.iter().for_each(|topic| connection.subscribe(topic));
    for round in 0..200 {
        for _ in 0..100 {
            topics.iter().for_each(|topic| connection.unsubscribe(topic));
            topics.iter().for_each(|topic| connection.subscribe(topic));
        }
        // All that was asked for before has been carried out when the broker knows a last change.
        for is_known in [true, false] {
            match is_known {
                true => connection.subscribe("last"),
                false => connection.unsubscribe("last"),
            }
            wait_until("the broker knows the last change", || {
                broker.topics().contains("ws.last") == is_known
            });
        }
        assert_eq!(broker.topics(), wanted, "{round}");
    }
}

#[test]
fn topics_that_come_without_end_do_not_delay_the_bus() {
    let broker = Broker::start();
    let (changes, connection) = join(&broker, BusOptions::new());
    let (connection, count) = (Arc::<dyn BusConnection>::from(connection), AtomicU64::new(0));
    let wanting = Arc::clone(&connection);
    // Before a topic is confirmed, another one is wanted.
    broker.while_asked(move || {
        wanting.subscribe(&count.fetch_add(1, Ordering::SeqCst).to_string());
    });
    connection.subscribe("a");
    let begun = Instant::now();
    while changes.count(BusState::Up) == 0 && begun.elapsed() < LONG {
        thread::sleep(Duration::from_millis(1));
    }
    connection.close();
    assert_eq!(changes.count(BusState::Up), 1);
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
