//! Messages sent to a connection by several threads while its loop has turns and sleeps: the connection and its turn
//! are the real ones. Nothing happens between threads while its lock is held, so threads change places only where
//! the mailbox is used; all changes of the connection are under that lock.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shuttle::thread;
use ws_common::adapter::{
    Connection, Conversation, Driver, Duplex, Held, Link, Transport, TurnContext,
    opened_client_endpoint,
};
use ws_common::{Message, WebSocketConnection};
use wsproto::handshake::Agreed;
use wsproto::{Client, Config};

use super::{Sleeper, check};

/// A transport that accepts all bytes, counts them, and has no input.
struct Wire(Arc<AtomicUsize>);

impl Transport for Wire {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(bytes.len(), Ordering::SeqCst);
        Ok(bytes.len())
    }

    fn is_blocked(&self) -> bool {
        false
    }

    fn shutdown(&mut self) {}
}

impl Duplex for Wire {
    fn try_read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn is_readable(&self) -> bool {
        false
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
}

/// The frame of a text of two bytes, masked.
const FRAME: usize = 8;

fn sending(threads: usize, messages: usize) {
    let written = Arc::new(AtomicUsize::new(0));
    let sleeper = Arc::new(Sleeper::default());
    let endpoint =
        opened_client_endpoint(Agreed::default(), Config::new().keep_alive(None), Duration::ZERO);
    let link = Link::new(endpoint.expect("random bytes"), Wire(Arc::clone(&written)));
    let connection = Arc::new(Connection::new(Notifying(Arc::clone(&sleeper)), link, None));
    connection.lock().set_key(0);
    let mut conversation = Conversation::client(|_: &WebSocketConnection, _: Message| {});
    let mut context = TurnContext::new(Duration::ZERO);
    let mut turn = || while conversation.turn(&connection, &mut context).more {};
    turn();
    let senders: Vec<_> = (0..threads)
        .map(|_| {
            let handle = connection.handle();
            thread::spawn(move || {
                for _ in 0..messages {
                    handle.send("hi").expect("it is open");
                    thread::yield_now();
                }
            })
        })
        .collect();
    let expected = threads * messages * FRAME;
    while written.load(Ordering::SeqCst) < expected {
        if let Some(keys) = sleeper.mailbox.take() {
            keys.iter().for_each(|key| assert_eq!(*key, 0));
            turn();
        } else {
            sleeper.sleep(|| false);
        }
    }
    assert_eq!(written.load(Ordering::SeqCst), expected);
    senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
}

#[test]
fn what_is_sent_to_a_connection_is_written() {
    check(|| sending(1, 2));
    check(|| sending(2, 2));
}
