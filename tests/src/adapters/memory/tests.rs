//! The network in memory behaves like TCP.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use ws_common::adapter::{Duplex, Transport};

use super::{Memory, ROOM, Stream, free_address};
use crate::adapters::network::{Network, RawStream};

fn pair() -> (Stream, Stream) {
    let (listener, address) = Memory::listen().expect("a free address");
    let client = Memory::connect(address).expect("a listener");
    (client, Memory::accept(&listener).expect("a client"))
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

#[test]
fn nobody_listens_at_an_address_that_is_free() {
    assert_eq!(kind(Memory::connect(free_address())), ErrorKind::ConnectionRefused);
    let (listener, address) = Memory::listen().expect("a free address");
    let mut early = Memory::connect(address).expect("a listener");
    drop(listener);
    assert_eq!(kind(early.read(&mut [0])), ErrorKind::ConnectionReset);
    assert_eq!(kind(Memory::connect(address)), ErrorKind::ConnectionRefused);
}

#[test]
fn a_full_pipe_takes_more_once_it_is_read() {
    let (mut client, mut server) = pair();
    assert_eq!(client.try_write(&vec![1; 2 * ROOM]).expect("room"), ROOM);
    assert_eq!(kind(client.try_write(&[2])), ErrorKind::WouldBlock);
    assert!(client.is_blocked() && !server.is_blocked());
    assert_eq!(server.try_read(&mut [0; 10]).expect("input"), 10);
    assert_eq!(client.try_write(&[3; 20]).expect("room"), 10);
}

#[test]
fn one_side_ends_before_the_other() {
    let (mut client, mut server) = pair();
    client.write_all(b"last").expect("room");
    client.shutdown();
    let mut all = Vec::new();
    server.read_to_end(&mut all).expect("input");
    assert_eq!(all, b"last");
    assert_eq!(kind(client.write(b"late")), ErrorKind::BrokenPipe);
    server.write_all(b"answer").expect("room");
    drop(server);
    client.read_to_end(&mut all).expect("input");
    assert_eq!(all, b"lastanswer");
}

#[test]
fn an_end_that_has_not_read_everything_resets() {
    let (mut client, mut server) = pair();
    server.write_all(b"before").expect("room");
    client.write_all(b"unread").expect("room");
    drop(server);
    let mut all = Vec::new();
    assert_eq!(kind(client.read_to_end(&mut all)), ErrorKind::ConnectionReset);
    assert_eq!(all, b"before");
    assert_eq!(client.read(&mut [0]).expect("the end"), 0);
    assert_eq!(kind(client.write(b"late")), ErrorKind::BrokenPipe);
}

#[test]
fn writing_to_nobody_resets() {
    let (mut client, server) = pair();
    drop(server);
    client.write_all(b"taken").expect("nobody knows");
    assert_eq!(kind(client.read(&mut [0])), ErrorKind::ConnectionReset);
    assert_eq!(kind(client.write(b"late")), ErrorKind::BrokenPipe);
}

#[test]
fn reading_waits_no_longer_than_it_is_told() {
    let (mut client, mut server) = pair();
    client.limit_reading(Duration::from_millis(1)).expect("open");
    assert_eq!(kind(client.read(&mut [0])), ErrorKind::TimedOut);
    let writer = std::thread::spawn(move || server.write_all(&[7; 3 * ROOM]));
    client.limit_reading(Duration::from_secs(60)).expect("open");
    let mut all = vec![0; 3 * ROOM];
    client.read_exact(&mut all).expect("input");
    assert!(all.iter().all(|byte| *byte == 7));
    writer.join().expect("no panic").expect("written");
}
