//! Connections that compress (permessage-deflate, RFC 7692), on each pair of adapters.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;

use conformance::adapters::{Adapter, Client, Network};
use ws_common::ClientOptions;
use wsproto::frame::{Header, Opcode};
use wsproto::mask::Mask;
use wsproto::{Config, Deflate};

use crate::actors::{Log, Recorder, Running, serve};
use crate::raw::{self, REQUEST};

const PRESETS: [fn() -> Deflate; 3] = [Deflate::new, Deflate::frugal, Deflate::dense];

fn server<S: Adapter>(deflate: Deflate) -> Running {
    // Nobody waits for the clients, which may be slow.
    serve::<S>(|options| *options = options.clone().deflate(deflate).high_water_mark(64 << 20))
}

pub(crate) fn connect<C: Adapter>(running: &Running, deflate: Option<Deflate>) -> (Client, Log) {
    // As the server: what it sends at once is more than the mark.
    let config = Config::default().high_water_mark(64 << 20);
    let (log, options) = (Log::default(), ClientOptions::from(config).deflate(deflate));
    let client = C::connect(running.request("/"), options, Recorder::new(&log)).expect("it opens");
    (client, log)
}

pub(crate) fn leave(client: Client) {
    client.ws.close(None).expect("open");
    client.join();
}

/// A text that compresses well, unlike any other.
pub(crate) fn text(seed: usize, len: usize) -> String {
    let mut text = String::new();
    for line in 0.. {
        if text.len() >= len {
            break;
        }
        text.push_str(&format!("{{\"line\":{line},\"seed\":{},\"name\":\"x\"}}", seed * line % 97));
    }
    text.truncate(len);
    text
}

pub(crate) fn compressed_messages_come_back<S: Adapter, C: Adapter>() {
    for preset in PRESETS {
        let running = server::<S>(preset());
        let (client, log) = connect::<C>(&running, Some(preset()));
        let extensions = client.ws.extensions();
        assert_eq!(extensions.len(), 1);
        assert_eq!(extensions[0].name(), "permessage-deflate");
        assert_eq!(running.handle().connections()[0].extensions().len(), 1);
        for round in 0..5 {
            client.ws.send_text(&text(round, 500)).expect("open");
            client.ws.send(text(round, 300_000)).expect("open");
            client.ws.send(vec![7; 70_000]).expect("open");
            client.ws.send_plain(text(round, 1000)).expect("open");
            client.ws.send_plain(vec![7; 20_000]).expect("open");
            client.ws.send("short").expect("open");
        }
        log.wait(5, "message short");
        for len in ["500 bytes", "300000 bytes", "1000 bytes"] {
            assert_eq!(log.count(&format!("message of {len}")), 5);
        }
        for len in ["70000 bytes, binary", "20000 bytes, binary"] {
            assert_eq!(log.count(&format!("message of {len}")), 5);
        }
        leave(client);
        assert_eq!(running.end().iter().filter(|line| line.contains("error")).count(), 0);
    }
}

/// Either end alone is not enough.
pub(crate) fn without_agreement_nothing_is_compressed<S: Adapter, C: Adapter>() {
    let off = serve::<S>(|_| {});
    let on = server::<S>(Deflate::new());
    for (running, deflate) in [(&off, Some(Deflate::new())), (&on, None)] {
        let (client, log) = connect::<C>(running, deflate);
        assert_eq!(client.ws.extensions(), []);
        client.ws.send(text(1, 5000)).expect("open");
        client.ws.send_plain(text(1, 6000)).expect("open");
        log.wait(1, "message of 5000 bytes");
        log.wait(1, "message of 6000 bytes");
        leave(client);
    }
    off.end();
    on.end();
}

/// A broadcast reaches connections that compress, with and without takeover, and those that do not.
pub(crate) fn a_broadcast_is_compressed_once_for_all<S: Adapter, C: Adapter>() {
    let running = server::<S>(Deflate::new());
    let all = [Some(Deflate::new()), Some(Deflate::frugal()), None, Some(Deflate::new())];
    let clients = all.map(|deflate| connect::<C>(&running, deflate));
    running.log.wait(4, "open");
    for (client, log) in &clients {
        client.ws.send("subscribe news").expect("open");
        log.wait(1, "message done");
    }
    for round in 1..=5 {
        assert_eq!(running.handle().broadcast(text(round, 3000)).sent, 4);
        // Between them, messages of each connection alone.
        for (client, _) in &clients {
            client.ws.send(text(round, 700)).expect("open");
        }
        assert_eq!(running.handle().publish("news", text(round, 40_000)).sent, 4);
        assert_eq!(running.handle().broadcast(vec![7; 100_000]).sent, 4);
    }
    for (client, log) in clients {
        for len in ["3000 bytes", "700 bytes", "40000 bytes", "100000 bytes, binary"] {
            log.wait(5, &format!("message of {len}"));
        }
        leave(client);
    }
    assert_eq!(running.end().iter().filter(|line| line.contains("error")).count(), 0);
}

/// Threads share the codec states, and their messages stay whole and in order.
pub(crate) fn threads_send_compressed_messages<S: Adapter, C: Adapter>() {
    let running = server::<S>(Deflate::new());
    let clients: Vec<_> = (0..3).map(|_| connect::<C>(&running, Some(Deflate::new()))).collect();
    running.log.wait(3, "open");
    let threads: Vec<_> = (0..4_usize)
        .map(|seed| {
            let all = running.handle().connections();
            thread::spawn(move || {
                for round in 0..50 {
                    for ws in &all {
                        ws.send(text(seed * 50 + round, 1000 + seed)).expect("room");
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    for (client, log) in clients {
        for seed in 0..4 {
            log.wait(50, &format!("message of {} bytes", 1000 + seed));
        }
        leave(client);
    }
    running.end();
}

/// A frame of a client.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let (key, mut wire) = ([1, 2, 3, 4], Vec::new());
    let opcode = Opcode::from_bits(first).expect("an opcode");
    let (fin, rsv) = (first & 0x80 != 0, first & 0x70);
    Header { fin, rsv, opcode, mask: Some(key), len: payload.len() as u64 }.encode(&mut wire);
    Mask::new(key).append(payload, &mut wire);
    wire
}

/// Opens a connection whose client offers compression.
pub(crate) fn open<S: Adapter>(address: SocketAddr) -> <S::Network as Network>::Stream {
    let offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let mut stream = raw::connect::<S>(address);
    stream.write_all(&[&REQUEST[..REQUEST.len() - 2], offer].concat()).expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("ASCII");
    assert!(head.contains("permessage-deflate; client_no_context_takeover"), "{head}");
    stream
}

/// Bytes on the wire: fewer, and with RSV1.
pub(crate) fn fewer_bytes_are_sent<S: Adapter, C: Adapter>() {
    let running = server::<S>(Deflate::new());
    let (client, _) = connect::<C>(&running, None);
    leave(client);
    let mut stream = open::<S>(running.address());
    stream.write_all(&frame(0x81, text(1, 50_000).as_bytes())).expect("written");
    stream.write_all(&frame(0x88, &[0x03, 0xE8])).expect("written");
    let answer = raw::rest(&mut stream);
    assert_eq!(answer.first(), Some(&0xC1));
    assert!(answer.len() < 10_000, "{} bytes", answer.len());
    assert!(answer.ends_with(&[0x88, 2, 0x03, 0xE8]));
    running.end();
}

/// A block of a literal and `matches` matches of 258 bytes, at a distance of 1.
fn bomb(matches: usize) -> Vec<u8> {
    // BFINAL 0, a fixed block, the literal 0 (code 0x30), then length 258 (code 0xC5, no extra bits) and
    // distance 1 (code 0), the end of the block (code 0), and the header of an empty stored block.
    let mut bits: Vec<u8> = vec![0, 1, 0];
    let mut code = |value: u32, len: u32| {
        bits.extend((0..len).rev().map(|bit| u8::from(value >> bit & 1 != 0)));
    };
    code(0x30, 8);
    for _ in 0..matches {
        code(0xC5, 8);
        code(0, 5);
    }
    code(0, 7);
    code(0, 3);
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    bits.chunks(8).map(byte).collect()
}

/// Whatever is sent as compressed data ends that connection alone, with the code of the rule.
pub(crate) fn bad_compressed_data_ends_its_connection_only<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|options| {
        *options = options.clone().deflate(Deflate::new()).max_message_size(100_000);
    });
    let (client, log) = connect::<C>(&running, Some(Deflate::new()));
    // 258 bytes for each two bits: a fixed block of one literal and many matches.
    let bomb = bomb(2000);
    let empty_blocks = [0x00, 0x00, 0x00, 0xFF, 0xFF].repeat(20_100);
    for (about, wire, code) in [
        ("no DEFLATE", frame(0xC1, &[0x07, 0x00]), 1007_u16),
        ("a distance before the window", frame(0xC2, &[0xF2, 0x00, 0x11, 0x00, 0x00]), 1007),
        ("cut within a block", frame(0xC2, &[0xF2, 0x48, 0xCD]), 1007),
        ("a bomb", frame(0xC2, &bomb), 1009),
        ("empty blocks for ever", frame(0xC2, &empty_blocks), 1009),
        ("text that is not UTF-8", frame(0xC1, &[0, 1, 0, 0xFE, 0xFF, 0xFF, 0]), 1007),
        ("RSV1 on a Ping", frame(0xC9, b""), 1002),
        ("RSV1 on a continuation", [frame(0x41, &[0xF2]), frame(0xC0, &[0x48])].concat(), 1002),
    ] {
        let mut stream = open::<S>(running.address());
        stream.write_all(&wire).expect("written");
        let answer = raw::rest(&mut stream);
        let [high, low] = code.to_be_bytes();
        assert_eq!(answer, [0x88, 2, high, low], "{about}");
    }
    client.ws.send(text(1, 5000)).expect("open");
    log.wait(1, "message of 5000 bytes");
    leave(client);
    running.end();
}
