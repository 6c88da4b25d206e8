//! Liveness: at most one end waits for the other, and both directions make progress.

use core::time::Duration;
use std::cell::RefCell;
use std::rc::Rc;

use wsproto::{Client, Config, Endpoint, Event, Role, Server, SessionEvent};
use wsproto_testing::{App, Cuts, End, Frame, Net, Node, Pipe};

/// The capacity of each direction of the transport, in bytes.
const SIZE: usize = 64 << 10;

/// A payload whose order can be checked.
fn payload(len: usize) -> Vec<u8> {
    (0..251).cycle().take(len).collect()
}

/// The number of message bytes an application has received.
type Count = Rc<RefCell<usize>>;

/// An action of an application when the connection opens, or in each turn.
type Send<R> = fn(&mut Endpoint<R>);

/// Performs `open` at the opening and `turn` in each turn, and counts the received bytes, whose
/// content it checks.
fn app<R: Role>(open: Send<R>, turn: Send<R>, count: &Count) -> App<R> {
    let count = Rc::clone(count);
    let mut opened = false;
    Box::new(move |ws, event, _| match event {
        Some(SessionEvent::Open) => {
            opened = true;
            open(ws);
        }
        Some(SessionEvent::Received(Event::Binary(bytes))) => {
            assert!(**bytes == payload(bytes.len()));
            *count.borrow_mut() += bytes.len();
        }
        None if opened => turn(ws),
        _ => {}
    })
}

fn nothing<R: Role>(_: &mut Endpoint<R>) {}

fn push<R: Role, const LEN: usize>(ws: &mut Endpoint<R>) {
    ws.send_binary(payload(LEN)).expect("open");
}

/// Sends until there is no room.
fn fill_up<R: Role>(ws: &mut Endpoint<R>) {
    while ws.has_room() && ws.send_binary(payload(10_000)).is_ok() {}
}

fn config() -> Config {
    Config::new().max_message_size(64 << 20)
}

fn close<R: Role>(ws: &mut Endpoint<R>, now: Duration) {
    ws.close(None, now).expect("open");
}

// L1: both send at the opening, and only then read. Everything arrives, and neither direction
// starves.
fn both_push<const LEN: usize>(cuts: Cuts) {
    let (at_client, at_server) = (Count::default(), Count::default());
    let mut net = Net::new(&config(), SIZE, cuts);
    net.client.app = app(push::<Client, LEN>, nothing, &at_client);
    net.server.app = app(push::<Server, LEN>, nothing, &at_server);
    assert!(net.run(|net| net.to_client.carried >= LEN / 2));
    assert!(net.to_server.carried >= LEN / 4, "the client's message starves");
    assert!(net.to_client.carried <= LEN * 3 / 4, "the server's message starves");
    let all = || (*at_client.borrow(), *at_server.borrow()) == (LEN, LEN);
    assert!(net.run(|_| all()), "{} and {} arrived", at_client.borrow(), at_server.borrow());

    close(&mut net.client.endpoint, net.now);
    let (client, server) = net.run_to_the_end();
    assert!(client.was_clean && server.was_clean);
}

#[test]
fn both_push_a_mebibyte_at_the_opening() {
    both_push::<{ 1 << 20 }>(Cuts::every(1 << 20));
    both_push::<{ 1 << 20 }>(Cuts::new([1460, 7, 40_000]));
}

#[test]
fn both_push_fifty_megabytes_at_the_opening() {
    both_push::<50_000_000>(Cuts::every(SIZE));
}

// L1: 10 kB messages until there is no room, and again as soon as there is.
#[test]
fn both_send_while_there_is_room() {
    let (at_client, at_server) = (Count::default(), Count::default());
    let mut net = Net::new(&config(), SIZE, Cuts::new([4000, 100]));
    net.client.app = app(fill_up, fill_up, &at_client);
    net.server.app = app(fill_up, fill_up, &at_server);
    const ENOUGH: usize = 20_000_000;
    assert!(net.run(|_| *at_client.borrow() > ENOUGH && *at_server.borrow() > ENOUGH));
    assert!(*at_client.borrow() < 2 * ENOUGH && *at_server.borrow() < 2 * ENOUGH, "one starves");
    let most = 3 * (net.client.endpoint.session().config().high_water_mark + 10_014);
    assert!(net.client.peak < most && net.server.peak < most);
}

/// Sends every message back.
fn echo<R: Role>() -> App<R> {
    Box::new(|ws, event, _| {
        if let Some(SessionEvent::Received(Event::Binary(bytes))) = event {
            ws.send_binary(bytes.to_vec()).expect("open");
        }
    })
}

fn pipeline<R: Role>(ws: &mut Endpoint<R>) {
    for _ in 0..8 {
        ws.send_binary(payload(2 << 20)).expect("open");
    }
}

// L1d: pipelined messages of 2 MiB, each sent back, from either end.
#[test]
fn a_pipelined_echo_of_large_messages() {
    const ALL: usize = 8 * (2 << 20);
    let count = Count::default();
    let mut net = Net::new(&config(), SIZE, Cuts::every(SIZE));
    net.client.app = app(pipeline, nothing, &count);
    net.server.app = echo();
    assert!(net.run(|_| *count.borrow() == ALL), "{} bytes came back", count.borrow());
    // The server reads one message beyond its mark, not the rest of them.
    assert!(net.server.peak < 2 * (2 << 20) + SIZE, "the server does not pause");

    let count = Count::default();
    let mut net = Net::new(&config(), SIZE, Cuts::every(SIZE));
    net.client.app = echo();
    net.server.app = app(pipeline, nothing, &count);
    assert!(net.run(|_| *count.borrow() == ALL), "{} bytes came back", count.borrow());
}

// L1b: a peer of another implementation writes 10 MB before it reads. Unsolicited data does not
// stop an end from reading.
fn the_peer_writes_first<R: End>() {
    let count = Count::default();
    let mut node = Node::<R>::open(config(), Cuts::every(SIZE));
    node.app = app(nothing, nothing, &count);
    push::<R, { 1 << 20 }>(&mut node.endpoint);
    let (mut from, mut to) = (Pipe::new(SIZE), Pipe::new(SIZE));
    let now = Duration::from_secs(1);

    let wire = R::from_peer(0x82, &payload(100_000)).repeat(100);
    let mut written = 0;
    while written < wire.len() || !from.is_empty() {
        let len = from.write(&wire[written..]);
        written += len;
        assert!(node.turn(now, &mut from, &mut to) || len > 0, "stuck after {written} bytes");
    }
    assert_eq!(*count.borrow(), 10_000_000);

    let mut received = Vec::new();
    while node.turn(now, &mut from, &mut to) || !to.is_empty() {
        received.extend(to.read(usize::MAX));
    }
    let [frame] = &Frame::read_all(&received)[..] else { panic!("one message") };
    assert!(frame.payload == payload(1 << 20));
}

#[test]
fn a_peer_that_writes_all_before_it_reads() {
    the_peer_writes_first::<Server>();
    the_peer_writes_first::<Client>();
}
