//! Messages sent and published to a connection by several threads while its loop has turns and sleeps: the connection
//! and its turn are the real ones. All changes of a connection are under its lock, so threads change places where that
//! is free: where the mailbox is used, and while a handler is called.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shuttle::thread;
use ws_common::adapter::{
    Connection, Conversation, Driver, Duplex, Held, Link, Outgoing, Transport, TurnContext,
    opened_client_endpoint,
};
use ws_common::{Message, WebSocketConnection};
use wsproto::handshake::Agreed;
use wsproto::{Client, Config};

use super::sync::{Condvar, Mutex};
use super::{Sleeper, check};

/// A transport that accepts all bytes, counts them, and has some messages as input.
struct Wire {
    written: Arc<AtomicUsize>,
    messages: usize,
}

impl Transport for Wire {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.fetch_add(bytes.len(), Ordering::SeqCst);
        Ok(bytes.len())
    }

    fn is_blocked(&self) -> bool {
        false
    }

    fn shutdown(&mut self) {}
}

impl Duplex for Wire {
    fn try_read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        self.messages -= 1;
        buffer.write(b"\x81\x02yo")
    }

    fn is_readable(&self) -> bool {
        self.messages > 0
    }
}

/// Notifies a loop as `origin::notify` does.
struct Notifying(Arc<Sleeper<Vec<usize>>>);

impl Driver<Client> for Notifying {
    type Transport = Wire;

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn changed(&self, mut held: Held<'_, Client, Self>) {
        if let Some(key) = held.begin_notice() {
            drop(held);
            self.0.post(|keys| keys.push(key));
        }
    }

    /// As `origin::notify_published` within a turn.
    fn published(&self, mut held: Held<'_, Client, Self>) {
        if let Some(key) = held.begin_late_notice() {
            drop(held);
            self.0.mailbox.put(|keys| keys.push(key));
        }
    }
}

/// The frame of a text of two bytes, masked.
const FRAME: usize = 8;

type Connected = Arc<Connection<Client, Notifying>>;

/// The bytes that the loop has written, as other threads see it.
#[derive(Default)]
struct Progress(Mutex<usize>, Condvar);

impl Progress {
    fn report(&self, written: usize) {
        *self.0.lock() = written;
        self.1.notify_all();
    }

    fn wait_for(&self, bytes: usize) {
        let mut written = self.0.lock();
        while *written < bytes {
            self.1.wait(&mut written);
        }
    }
}

/// Runs a loop with a connection until the senders' frames, so many, are written.
fn sending(frames: usize, senders: Vec<fn(&Connected, &Progress)>) {
    let written = Arc::new(AtomicUsize::new(0));
    let progress = Arc::new(Progress::default());
    let sleeper = Arc::new(Sleeper::default());
    let endpoint =
        opened_client_endpoint(Agreed::default(), Config::new().keep_alive(None), Duration::ZERO);
    let link = Link::new(
        endpoint.expect("random bytes"),
        Wire { written: Arc::clone(&written), messages: 3 },
    );
    let connection = Arc::new(Connection::new(Notifying(Arc::clone(&sleeper)), link, None));
    connection.lock().set_key(0);
    let mut conversation =
        Conversation::client(|_: &WebSocketConnection, _: Message| thread::yield_now());
    let mut context = TurnContext::new(Duration::ZERO);
    let mut turn = || while conversation.turn(&connection, &mut context).more {};
    let senders: Vec<_> = senders
        .into_iter()
        .map(|send| {
            let (connection, progress) = (Arc::clone(&connection), Arc::clone(&progress));
            thread::spawn(move || send(&connection, &progress))
        })
        .collect();
    // As after `set_key`.
    turn();
    progress.report(written.load(Ordering::SeqCst));
    let expected = frames * FRAME;
    while written.load(Ordering::SeqCst) < expected {
        if let Some(keys) = sleeper.mailbox.take() {
            keys.iter().for_each(|key| assert_eq!(*key, 0));
            turn();
            progress.report(written.load(Ordering::SeqCst));
        } else {
            sleeper.sleep(|| false);
        }
    }
    assert_eq!(written.load(Ordering::SeqCst), expected);
    progress.report(expected);
    senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
}

/// Sends two messages.
fn send(connection: &Connected, _: &Progress) {
    for _ in 0..2 {
        connection.handle().send("hi").expect("it is open");
        thread::yield_now();
    }
}

/// Publishes two messages within a turn, without its end.
fn publish(connection: &Connected) {
    for _ in 0..2 {
        connection.publish(&mut Outgoing::Text("hi")).expect("it is open");
        thread::yield_now();
    }
}

/// Publishes two messages within a turn, whose end wakes the loop.
fn publish_and_end(connection: &Connected, _: &Progress) {
    publish(connection);
    let Notifying(sleeper) = connection.driver();
    if sleeper.mailbox.must_wake() {
        sleeper.wake();
    }
}

#[test]
fn what_is_sent_to_a_connection_is_written() {
    check(|| sending(2, vec![send]));
    check(|| sending(4, vec![send, send]));
}

#[test]
fn what_is_published_to_a_connection_is_written() {
    check(|| sending(2, vec![publish_and_end]));
    check(|| sending(4, vec![publish_and_end, publish_and_end]));
    check(|| sending(4, vec![publish_and_end, send]));
}

#[test]
fn what_is_sent_does_not_wait_for_a_turn_that_publishes() {
    // The turn lasts until so much is written as the other thread sends.
    fn publish_and_last(connection: &Connected, progress: &Progress) {
        publish(connection);
        progress.wait_for(2 * FRAME);
        publish_and_end(connection, progress);
    }
    check(|| sending(6, vec![publish_and_last, send]));
}

/// The models find what they look for.
#[test]
#[should_panic(expected = "deadlock")]
fn an_end_of_a_turn_that_wakes_no_loop_is_found() {
    check(|| sending(2, vec![|connection, _| publish(connection)]));
}
