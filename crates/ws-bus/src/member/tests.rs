use std::sync::mpsc::{self, Receiver, Sender};

use super::*;

/// Calls of a sink and of a wake.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Deliver(String, Vec<u8>),
    Down,
    Up,
    Messages,
    Topics,
    Closed,
}

struct Calls(Sender<Call>);

impl Calls {
    fn tell(&self, call: Call) {
        self.0.send(call).expect("the test reads");
    }
}

impl BusSink for Calls {
    fn deliver(&self, topic: &str, payload: &[u8]) {
        self.tell(Call::Deliver(topic.into(), payload.into()));
    }

    fn down(&self) {
        self.tell(Call::Down);
    }

    fn up(&self) {
        self.tell(Call::Up);
    }
}

impl Wake for Calls {
    fn messages(&self) {
        self.tell(Call::Messages);
    }

    fn topics(&self) {
        self.tell(Call::Topics);
    }

    fn closed(&self) {
        self.tell(Call::Closed);
    }
}

struct Test {
    connection: Connection<Calls>,
    calls: Receiver<Call>,
}

impl Test {
    fn new(options: &BusOptions) -> Self {
        let (calls, received) = mpsc::channel();
        let member = Member::new(options, Arc::new(Calls(calls.clone())), Calls(calls));
        Self { connection: Connection(member), calls: received }
    }

    fn member(&self) -> &Member<Calls> {
        &self.connection.0
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.try_iter().collect()
    }

    fn publish(&self, length: usize) -> Result<(), BusError> {
        self.connection.publish("a", vec![0; length])
    }
}

#[test]
fn nothing_is_queued_or_delivered_while_the_bus_is_down() {
    let test = Test::new(&BusOptions::new());
    assert_eq!(test.publish(1), Err(BusError::Down));
    test.member().deliver("a", b"lost");
    test.member().down();
    test.member().down();
    assert_eq!(test.calls(), [Call::Down], "the first attempt has failed");
    test.member().up(100);
    test.member().deliver("a", b"Hello");
    assert_eq!(test.calls(), [Call::Up, Call::Deliver("a".into(), b"Hello".into())]);
    assert_eq!(test.publish(1), Ok(()));
    assert_eq!(test.publish(2), Ok(()));
    assert_eq!(test.calls(), [Call::Messages], "the thread is awake");
    assert_eq!(test.member().pop().map(|message| message.bytes.len()), Some(1));
    test.member().down();
    test.member().deliver("a", b"lost");
    assert_eq!(test.calls(), [Call::Down]);
    assert_eq!(test.member().pop(), None, "the message was lost with the connection");
    assert_eq!(test.publish(1), Err(BusError::Down));
    test.member().up(100);
    test.member().up(100);
    assert_eq!(test.calls(), [Call::Up]);
}

#[test]
fn the_queue_is_limited_in_bytes_until_the_broker_has_taken_them() {
    let test = Test::new(&BusOptions::new().queue_limit(4096));
    test.member().up(3000);
    let queued = (0..5000).take_while(|_| test.publish(0) == Ok(())).count();
    assert!((10..100).contains(&queued), "{queued}");
    assert_eq!(test.publish(0), Err(BusError::Full));
    let taken = test.member().pop().expect("a message");
    assert_eq!(test.publish(0), Err(BusError::Full), "it may not have left");
    test.member().release(taken.cost());
    assert_eq!(test.publish(0), Ok(()));
    assert_eq!(test.publish(0), Err(BusError::Full));
}

#[test]
fn messages_that_never_have_room_are_too_big() {
    let test = Test::new(&BusOptions::new().queue_limit(1000));
    test.member().up(500);
    assert_eq!(test.publish(501), Err(BusError::TooBig), "for the broker");
    assert_eq!(test.publish(500), Ok(()));
    assert_eq!(test.publish(500), Err(BusError::Full));
    test.member().up(5000);
    assert_eq!(test.publish(1000), Err(BusError::TooBig), "for the queue");
}

#[test]
fn names_at_the_broker_begin_with_the_prefix() {
    let test = Test::new(&BusOptions::new().prefix("chat.eu"));
    test.member().up(100);
    assert_eq!(test.connection.publish("a.>", vec![7]), Ok(()));
    let message = test.member().pop().expect("a message");
    assert_eq!((&*message.name, &message.bytes[..]), ("chat.eu.a%2E%3E", &[7][..]));
}

#[test]
fn topics_are_kept_across_connections() {
    let test = Test::new(&BusOptions::new());
    test.connection.subscribe("a");
    test.connection.subscribe("b");
    assert_eq!(test.calls(), [Call::Topics, Call::Topics]);
    assert_eq!(test.member().changes(), ["a", "b"].map(|topic| Change::Subscribe(topic.into())));
    test.connection.unsubscribe("a");
    test.connection.unsubscribe("b");
    test.connection.subscribe("b");
    assert_eq!(test.calls(), [Call::Topics, Call::Topics], "nothing is left to do for b");
    assert_eq!(test.member().changes(), [Change::Unsubscribe("a".into())]);
    test.connection.subscribe("c");
    assert_eq!(test.member().changes(), [Change::Subscribe("c".into())]);
    assert_eq!(test.member().changes(), []);
    let again = ["b", "c"].map(|topic| Change::Subscribe(topic.into()));
    assert_eq!(test.member().all_again(), again);
    assert_eq!(test.member().changes(), []);
}

#[test]
fn a_member_that_has_left_does_nothing() {
    let test = Test::new(&BusOptions::new());
    test.member().up(100);
    assert_eq!(test.publish(1), Ok(()));
    test.calls();
    assert!(!test.member().is_done());
    test.connection.close();
    test.connection.close();
    assert_eq!(test.calls(), [Call::Closed]);
    assert!(!test.member().is_done(), "there is a message");
    assert!(test.member().pop().is_some(), "it still leaves");
    assert!(test.member().is_done());
    assert_eq!(test.publish(1), Err(BusError::Down));
    test.connection.subscribe("a");
    test.connection.unsubscribe("a");
    test.member().deliver("a", b"Hello");
    test.member().down();
    test.member().up(100);
    assert_eq!(test.calls(), []);
    let Test { connection, calls } = test;
    drop(connection);
    assert_eq!(calls.try_iter().count(), 0);
}

#[test]
fn a_dropped_connection_leaves() {
    let Test { connection, calls } = Test::new(&BusOptions::new());
    drop(connection);
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [Call::Closed]);
}
