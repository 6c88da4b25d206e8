//! The heap usage of an endpoint, and the cost of writing.

use core::time::Duration;
use std::sync::Arc;

use allocation_counter::measure;
use wsproto::{Client, Config, Endpoint, Event, PreparedMessage, Server, SessionEvent};
use wsproto_testing::{Cuts, End, Node};

const NOW: Duration = Duration::ZERO;

fn open<R: End>() -> Endpoint<R> {
    Node::<R>::open(Config::new(), Cuts::every(1 << 20)).endpoint
}

/// Takes all events, sends messages back, and writes everything.
fn echo<R: End>(ws: &mut Endpoint<R>, buffer: &mut [u8]) -> usize {
    let mut input = buffer;
    while let Some(event) = ws.next_event(NOW, &mut input) {
        match event {
            SessionEvent::Received(Event::Text(text)) => ws.send_text(text).expect("open"),
            SessionEvent::Received(Event::Binary(bytes)) => ws.send_binary(bytes).expect("open"),
            _ => {}
        }
    }
    let mut written = 0;
    loop {
        let len = ws.pending().len();
        if len == 0 {
            return written;
        }
        ws.wrote(len, NOW);
        written += len;
    }
}

fn wire<R: End>() -> Vec<u8> {
    [
        R::from_peer(0x81, "grüße".as_bytes()),
        R::from_peer(0x82, &[7; 5000]),
        R::from_peer(0x89, &[1; 125]),
        R::from_peer(0x8A, b"pong"),
        R::from_peer(0x82, b""),
    ]
    .concat()
}

// A58: a steady echo allocates nothing.
#[test]
fn a_steady_echo_allocates_nothing() {
    fn check<R: End>() {
        let (wire, mut ws) = (wire::<R>(), open::<R>());
        let mut buffer = wire.clone();
        echo(&mut ws, &mut buffer);
        for round in 0..100 {
            buffer.copy_from_slice(&wire);
            let mut written = 0;
            let info = measure(|| written = echo(&mut ws, &mut buffer));
            assert_eq!(info.count_total, 0, "round {round}");
            assert!(written > 5000 + 125);
        }
    }
    check::<Server>();
    check::<Client>();
}

// I5: an idle endpoint that has returned its buffer holds no heap; one buffer serves many
// endpoints.
#[test]
fn an_idle_endpoint_holds_no_heap() {
    fn check<R: End>() {
        let (config, wire) = (Arc::new(Config::new()), wire::<R>());
        let mut buffer = wire.clone();
        let mut spare = None;
        let mut endpoints = Vec::with_capacity(10);
        // The first round allocates the buffer.
        for round in 0..10 {
            let mut out = Vec::new();
            let session = R::session(&R::opening(), Config::clone(&config), &mut out);
            let mut ws = Endpoint::new(session, out.clone());
            let mut handshake = R::handshake(&out);
            ws.wrote(ws.unwritten(), NOW);
            let mut input = &mut handshake[..];
            while let Some(event) = ws.next_event(NOW, &mut input) {
                if event == SessionEvent::Upgrade {
                    R::answer_at(&mut R::opening(), &mut ws, NOW);
                }
            }
            ws.wrote(ws.unwritten(), NOW);
            drop(ws.reclaim());

            buffer.copy_from_slice(&wire);
            let info = measure(|| {
                ws.lend(&mut spare);
                echo(&mut ws, &mut buffer);
                spare = ws.reclaim();
            });
            assert!(spare.is_some(), "there is something in it");
            assert!(round == 0 || info.count_total == 0, "a buffer of its own");
            endpoints.push(ws);
        }
        for ws in endpoints {
            let freed = -measure(|| drop(ws)).bytes_current;
            // The configuration, which many endpoints can share, and the response, if a client has
            // not taken it.
            let config = size_of::<Config>() as i64 + 16;
            assert!(freed == config || R::SIDE == Client::SIDE && freed < config + 1000, "{freed}");
        }
    }
    check::<Server>();
    check::<Client>();
}

/// Writes everything in steps of `step` bytes. Returns how often the pending bytes moved to another
/// address.
fn moves<R: End>(ws: &mut Endpoint<R>, step: usize) -> usize {
    let (mut moves, mut next) = (0, ws.pending().as_ptr());
    while ws.unwritten() > 0 {
        let pending = ws.pending();
        moves += usize::from(pending.as_ptr() != next);
        let len = step.min(pending.len());
        next = pending[len..].as_ptr();
        ws.wrote(len, NOW);
    }
    moves
}

// fault-E9: 16 MiB in small writes: the rest is not moved after each of them.
#[test]
fn small_writes_of_a_large_output_move_little() {
    fn check<R: End>() {
        let large = vec![7; 16 << 20];
        let mut ws = open::<R>();
        ws.send_binary(&large[..]).expect("open");
        assert!(moves(&mut ws, 1460) <= 9, "copied: at most a move for each half of it");
        ws.send_binary(large.clone()).expect("open");
        assert!(moves(&mut ws, 1460) <= 2, "owned: where its front ends");
        ws.send_prepared(&PreparedMessage::binary(&large)).expect("open");
        assert!(moves(&mut ws, 1460) <= 9);
    }
    check::<Server>();
    check::<Client>();
}

// L21: an owned message is neither copied nor masked all at once.
#[test]
fn a_large_owned_message_is_not_copied() {
    fn check<R: End>() {
        let mut ws = open::<R>();
        let large = vec![7; 64 << 20];
        let info = measure(|| ws.send_binary(large).expect("open"));
        assert!(info.bytes_total < 100_000, "{} bytes", info.bytes_total);
        assert!(ws.pending().len() < 100_000);
        let info = measure(|| {
            moves(&mut ws, 1 << 20);
        });
        assert!(info.bytes_total < 100_000, "{} bytes", info.bytes_total);
    }
    check::<Server>();
    check::<Client>();
}

// I4: written bytes are released, even if there is always more to write.
#[test]
fn an_output_that_is_never_empty_does_not_grow() {
    let mut ws = open::<Server>();
    let message = vec![7; 1000];
    ws.send_binary(&message[..]).expect("open");
    let info = measure(|| {
        for _ in 0..100_000 {
            ws.send_binary(&message[..]).expect("open");
            ws.wrote(1004, NOW);
        }
    });
    assert_eq!(ws.unwritten(), 1004);
    assert!(info.bytes_max < 1 << 19, "{} bytes", info.bytes_max);
}
