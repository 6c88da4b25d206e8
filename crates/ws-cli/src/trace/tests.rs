//! Captures that are made here.

use std::num::Wrapping;

use etherparse::PacketBuilder;
use ws_std::wsproto::handshake::{Accept, ClientRequest, DeflateOffer, Request, Response};
use ws_std::wsproto::{Client, CloseFrame, Config, Connection, Deflate, Extensions, Server};

use super::{Failure, Outcome, pcap};

const CLIENT: ([u8; 4], u16) = ([127, 0, 0, 1], 50000);
const SERVER: ([u8; 4], u16) = ([10, 0, 0, 1], 80);

/// A packet: who sent it, its offset in the stream, its bytes, and the flags SYN and FIN.
#[derive(Clone)]
struct Sent {
    from_client: bool,
    offset: usize,
    bytes: Vec<u8>,
    syn: bool,
    fin: bool,
}

fn sent(from_client: bool, offset: usize, bytes: &[u8]) -> Sent {
    Sent { from_client, offset, bytes: bytes.to_vec(), syn: false, fin: false }
}

/// Returns the bytes of both directions: a handshake, messages and Closes.
fn streams(deflate: bool) -> (Vec<u8>, Vec<u8>) {
    let mut config = Config::new();
    config.deflate = deflate.then(Deflate::new);
    let request = ClientRequest::parse("ws://host/path").expect("a URL").with_offers(&config);
    let (mut up, mut down) = (Vec::new(), Vec::new());
    request.encode([7; 16], &mut up);
    let parsed = Request::parse(&up).expect("a request");
    let (response, _) = Accept::new().answer(&parsed, &config).expect("it is accepted");
    response.encode(&mut down);
    let extensions: Extensions = match response.headers().get("Sec-WebSocket-Extensions") {
        Some(selected) => {
            let selected =
                ws_std::wsproto::handshake::Extension::parse_list(selected).expect("a list");
            DeflateOffer::new(&Deflate::new()).verify(&selected[0]).expect("offered").into()
        }
        None => Extensions::none(),
    };
    let client = Client::from_seed([1; 32]);
    let mut client = Connection::new(client, config.clone(), extensions.clone());
    let mut server = Connection::new(Server, config, extensions);
    let text = "hello ".repeat(50);
    client.send_text(&text, &mut up).expect("open");
    server.send_text(&text, &mut down).expect("open");
    client.send_binary(&[0, 255], &mut up).expect("open");
    let bye = CloseFrame::new(1000.into(), "bye").expect("a Close");
    client.close(Some(&bye), &mut up).expect("open");
    server.close(Some(&bye), &mut down).expect("open");
    (up, down)
}

/// Returns the packets of a conversation, in pieces of `len` bytes, each direction after the other.
fn conversation(deflate: bool, len: usize) -> Vec<Sent> {
    let (up, down) = streams(deflate);
    let syn = |from_client| Sent { syn: true, ..sent(from_client, 0, b"") };
    let mut packets = vec![syn(true), syn(false)];
    let head =
        |bytes: &[u8]| bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let (request, response) = (head(&up), head(&down));
    let mut push = |from_client: bool, bytes: &[u8], start: usize| {
        for (index, piece) in bytes.chunks(len).enumerate() {
            packets.push(sent(from_client, start + index * len, piece));
        }
    };
    push(true, &up[..request], 0);
    push(false, &down[..response], 0);
    push(true, &up[request..], request);
    push(false, &down[response..], response);
    packets.push(Sent { fin: true, ..sent(true, up.len(), b"") });
    packets.push(Sent { fin: true, ..sent(false, down.len(), b"") });
    packets
}

/// Returns the bytes of a packet on Ethernet.
fn ethernet(packet: &Sent) -> Vec<u8> {
    let (from, to, start) = match packet.from_client {
        true => (CLIENT, SERVER, Wrapping(u32::MAX - 20)),
        false => (SERVER, CLIENT, Wrapping(5)),
    };
    let after_syn = if packet.syn { 0 } else { 1 };
    let seq = start + Wrapping(u32::try_from(packet.offset).expect("short")) + Wrapping(after_syn);
    let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4(from.0, to.0, 64);
    let mut builder = builder.tcp(from.1, to.1, seq.0, 1024);
    if packet.syn {
        builder = builder.syn();
    }
    if packet.fin {
        builder = builder.fin();
    }
    if !packet.syn || !packet.from_client {
        builder = builder.ack(1);
    }
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &packet.bytes).expect("a Vec takes everything");
    bytes
}

/// Returns a pcap file with packets of this kind of network, of which `most` bytes each were captured.
fn file(link: u32, packets: &[Vec<u8>], most: usize) -> Vec<u8> {
    let mut file = Vec::new();
    for field in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, link] {
        file.extend_from_slice(&u32::to_le_bytes(field));
    }
    for (index, packet) in packets.iter().enumerate() {
        let captured = &packet[..packet.len().min(most)];
        let size = |len: usize| u32::try_from(len).expect("short");
        for field in [1_700_000_000, 1000 * size(index), size(captured.len()), size(packet.len())] {
            file.extend_from_slice(&field.to_le_bytes());
        }
        file.extend_from_slice(captured);
    }
    file
}

fn ethernet_file(packets: &[Sent]) -> Vec<u8> {
    file(1, &packets.iter().map(ethernet).collect::<Vec<_>>(), usize::MAX)
}

/// Decodes a file; returns the outcome and the lines.
fn trace_nth(file: &[u8], number: usize) -> (Result<Outcome, Failure>, Vec<String>) {
    let mut out = Vec::new();
    let outcome = pcap::trace(file, Config::new(), number, &mut out);
    let out = String::from_utf8(out).expect("JSON is UTF-8");
    (outcome, out.lines().map(Into::into).collect())
}

fn trace(file: &[u8]) -> (Result<Outcome, Failure>, Vec<String>) {
    trace_nth(file, 1)
}

/// Returns the events without their times.
fn events(lines: &[String]) -> Vec<String> {
    let without_time = |line: &String| line.split_once(',').expect("a time").1.to_owned();
    let mut events: Vec<_> = lines.iter().map(without_time).collect();
    events.sort_unstable();
    events
}

/// Returns the events of the conversation, as they must be in every case.
fn expected(deflate: bool) -> Vec<String> {
    let (outcome, lines) = trace(&ethernet_file(&conversation(deflate, 1460)));
    assert_eq!(outcome.expect("a capture"), Outcome::Sound);
    let events = events(&lines);
    assert_eq!(events.len(), 9, "{events:#?}");
    events
}

#[test]
fn both_directions_are_decoded() {
    let (outcome, lines) = trace(&ethernet_file(&conversation(false, 1460)));
    assert_eq!(outcome.expect("a capture"), Outcome::Sound);
    let hello = "hello ".repeat(50);
    assert_eq!(
        lines,
        [
            r#"{"at":2000,"from":"client","event":"request","method":"GET","target":"/path","host":"host"}"#.to_owned(),
            r#"{"at":3000,"from":"server","event":"response","status":101}"#.into(),
            format!(r#"{{"at":4000,"from":"client","event":"text","data":"{hello}"}}"#),
            r#"{"at":4000,"from":"client","event":"binary","hex":"00ff"}"#.into(),
            r#"{"at":4000,"from":"client","event":"close","code":1000,"reason":"bye"}"#.into(),
            format!(r#"{{"at":5000,"from":"server","event":"text","data":"{hello}"}}"#),
            r#"{"at":5000,"from":"server","event":"close","code":1000,"reason":"bye"}"#.into(),
            r#"{"at":6000,"from":"client","event":"tcp_end","how":"fin"}"#.into(),
            r#"{"at":7000,"from":"server","event":"tcp_end","how":"fin"}"#.into(),
        ]
    );
}

#[test]
fn compression_is_taken_from_the_handshake() {
    let (plain, compressed) = (expected(false), expected(true));
    let of = |events: &[String]| -> Vec<String> {
        events.iter().filter(|event| event.contains("\"text\"")).cloned().collect()
    };
    assert_eq!(of(&plain), of(&compressed));
    assert!(compressed.iter().any(|event| event.contains("permessage-deflate")));
}

#[test]
fn segments_may_come_in_any_order_and_twice() {
    for deflate in [false, true] {
        let expected = expected(deflate);
        let packets = conversation(deflate, 16);
        assert_eq!(events(&trace(&ethernet_file(&packets)).1), expected);
        let mut twice = packets.clone();
        twice.extend_from_slice(&packets[2..]);
        assert_eq!(events(&trace(&ethernet_file(&twice)).1), expected);
        let mut swapped = packets.clone();
        swapped[2..].chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        assert_eq!(events(&trace(&ethernet_file(&swapped)).1), expected);
        let mut reversed = packets;
        reversed[2..].reverse();
        assert_eq!(events(&trace(&ethernet_file(&reversed)).1), expected);
    }
}

#[test]
fn packets_of_other_networks_are_understood() {
    let expected = expected(false);
    let on_ethernet: Vec<_> = conversation(false, 1460).iter().map(ethernet).collect();
    let with = |front: &[u8]| -> Vec<_> {
        on_ethernet.iter().map(|packet| [front, &packet[14..]].concat()).collect()
    };
    let cooked = [&[0; 14][..], &[8, 0]].concat();
    let cooked_2 = [&[8, 0][..], &[0; 18]].concat();
    for (link, packets) in
        [(101, with(&[])), (0, with(&[2, 0, 0, 0])), (113, with(&cooked)), (276, with(&cooked_2))]
    {
        assert_eq!(events(&trace(&file(link, &packets, usize::MAX)).1), expected, "{link}");
    }
    let vlan: Vec<_> = on_ethernet
        .iter()
        .map(|packet| [&packet[..12], &[0x81, 0, 0, 1], &packet[12..]].concat())
        .collect();
    assert_eq!(events(&trace(&file(1, &vlan, usize::MAX)).1), expected);
    let (outcome, _) = trace(&file(147, &on_ethernet, usize::MAX));
    let Err(Failure::Input(line)) = outcome else { panic!("{outcome:?}") };
    assert!(line.contains("8 packets are of an unknown kind of network"), "{line}");
}

/// Returns a file as pcapng, with nanoseconds.
fn pcapng(packets: &[Vec<u8>]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let len = u32::try_from(body.len() + 12).expect("short").to_le_bytes();
        [&kind.to_le_bytes()[..], &len, body, &len].concat()
    };
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let interface = [&[1, 0, 0, 0, 0, 0, 4, 0][..], &[9, 0, 1, 0, 9, 0, 0, 0], &[0; 4]].concat();
    let mut file = [block(0x0a0d_0d0a, &section), block(1, &interface)].concat();
    for (index, packet) in packets.iter().enumerate() {
        let time = (1_700_000_000_000_000_000 + 1_000_000 * index as u64).to_le_bytes();
        let len = u32::try_from(packet.len()).expect("short").to_le_bytes();
        let padding = vec![0; packet.len().next_multiple_of(4) - packet.len()];
        let body = [&[0; 4][..], &time[4..], &time[..4], &len, &len, packet, &padding].concat();
        file.extend_from_slice(&block(6, &body));
    }
    file
}

#[test]
fn other_formats_are_read() {
    let packets: Vec<_> = conversation(false, 1460).iter().map(ethernet).collect();
    let plain = file(1, &packets, usize::MAX);
    let expected = trace(&plain).1;
    assert_eq!(trace(&pcapng(&packets)).1, expected);
    // The same file in the other order of bytes.
    let mut swapped = plain.clone();
    let mut swap = |at: usize, len: usize| swapped[at..at + len].reverse();
    for (at, len) in [(0, 4), (4, 2), (6, 2), (8, 4), (12, 4), (16, 4), (20, 4)] {
        swap(at, len);
    }
    let mut at = 24;
    for packet in &packets {
        (0..4).for_each(|field| swap(at + 4 * field, 4));
        at += 16 + packet.len();
    }
    assert_eq!(trace(&swapped).1, expected);
    // With nanoseconds.
    let mut nanoseconds = plain;
    nanoseconds[..4].copy_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
    assert_eq!(events(&trace(&nanoseconds).1), events(&expected));
}

#[test]
fn what_is_missing_is_told() {
    let packets = conversation(false, 100);
    // A packet of the server that was lost.
    let mut lost = packets.clone();
    let index = lost.iter().rposition(|packet| packet.bytes.len() == 100).expect("a full one");
    let position = lost.remove(index).offset;
    let (outcome, lines) = trace(&ethernet_file(&lost));
    let Ok(Outcome::Incomplete(line)) = outcome else { panic!("{outcome:?}") };
    assert!(
        line.starts_with(&format!(
            "100 bytes of the server are missing behind its first {position}:"
        )),
        "{line}"
    );
    let missing = format!(r#""event":"missing","position":{position},"bytes":100}}"#);
    assert!(lines.iter().any(|line| line.ends_with(&missing)), "{lines:#?}");

    // 96 bytes of each packet, of which 54 are headers.
    let cut: Vec<_> = packets.iter().map(ethernet).collect();
    let (outcome, _) = trace(&file(1, &cut, 96));
    let Ok(Outcome::Incomplete(line)) = outcome else { panic!("{outcome:?}") };
    assert!(line.contains("58 bytes of the server are missing behind its first 42:"), "{line}");
    assert!(line.ends_with("(capture whole packets, with tcpdump -s 0)"), "{line}");

    // The end of the file is missing.
    let whole = ethernet_file(&packets);
    let (outcome, _) = trace(&whole[..whole.len() - 3]);
    assert_eq!(
        outcome.expect("a capture"),
        Outcome::Incomplete("the file ends within a packet".into())
    );
    let (outcome, lines) = trace(&ethernet_file(&conversation(false, 1460)[..3]));
    let Ok(Outcome::Incomplete(line)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(line, "the capture has no complete head of the server");
    assert!(lines.iter().any(|line| line.ends_with(r#""event":"tcp_end","how":"open"}"#)));
}

#[test]
fn connections_are_chosen_by_their_number() {
    let first = conversation(false, 1460);
    let other = |packet: &Sent| {
        let mut bytes = ethernet(packet);
        let port = if packet.from_client { 34 } else { 36 };
        bytes[port..port + 2].copy_from_slice(&50001_u16.to_be_bytes());
        bytes
    };
    let mut packets: Vec<_> = first.iter().map(ethernet).collect();
    packets.extend(conversation(true, 1460).iter().map(other));
    let both = file(1, &packets, usize::MAX);
    assert_eq!(events(&trace_nth(&both, 1).1), expected(false));
    assert_eq!(events(&trace_nth(&both, 2).1), expected(true));
    let (outcome, _) = trace_nth(&both, 3);
    let Err(Failure::Input(line)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(line, "the file has 2 TCP connections only");
}

#[test]
fn a_capture_may_begin_behind_the_syn_but_not_behind_the_handshake() {
    let packets = conversation(true, 1460);
    assert_eq!(events(&trace(&ethernet_file(&packets[2..])).1), expected(true));
    // Without the request, the response still tells of the compression.
    let (outcome, lines) = trace(&ethernet_file(&packets[3..]));
    assert_eq!(outcome.expect("a capture"), Outcome::Sound);
    assert!(lines[1].contains("hello hello"), "{}", lines[1]);
    let (outcome, _) = trace(&ethernet_file(&packets[4..]));
    let Err(Failure::Input(line)) = outcome else { panic!("{outcome:?}") };
    assert!(line.starts_with("the connection does not begin with an opening handshake"), "{line}");
    let tls = [packets[0].clone(), sent(true, 0, &[0x16, 3, 1, 2, 0])];
    let (outcome, _) = trace(&ethernet_file(&tls));
    let Err(Failure::Input(line)) = outcome else { panic!("{outcome:?}") };
    assert!(line.starts_with("the connection is encrypted (TLS)"), "{line}");
}

#[test]
fn violations_and_refusals_are_told() {
    let mut packets = conversation(false, 1460);
    // An unmasked frame to the server.
    packets[4].bytes = b"\x81\x01a".to_vec();
    let (outcome, lines) = trace(&ethernet_file(&packets[..6]));
    assert_eq!(outcome.expect("a capture"), Outcome::Broken);
    assert!(lines[2].contains(r#""event":"error","rule":"#), "{}", lines[2]);
    assert!(lines[2].contains(r#""close_code":1002"#), "{}", lines[2]);

    let mut refusal = Vec::new();
    Response::text(403, "no").encode(&mut refusal);
    packets[3].bytes = refusal;
    let (outcome, lines) = trace(&ethernet_file(&packets[..4]));
    assert_eq!(outcome.expect("a capture"), Outcome::Sound);
    assert!(lines[1].ends_with(r#""event":"response","status":403}"#), "{}", lines[1]);

    // An extension that was not offered.
    packets[3].bytes =
        b"HTTP/1.1 101 x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n".to_vec();
    let (outcome, lines) = trace(&ethernet_file(&packets[..4]));
    assert_eq!(outcome.expect("a capture"), Outcome::Broken);
    assert!(lines[2].contains("was not offered"), "{}", lines[2]);
}

/// Files that are changed anywhere are refused, or decoded as far as possible.
#[test]
fn changed_files_do_no_harm() {
    let packets: Vec<_> = conversation(true, 64).iter().map(ethernet).collect();
    for file in [file(1, &packets, usize::MAX), pcapng(&packets)] {
        for len in (0..file.len()).step_by(7) {
            let _ = trace(&file[..len]);
        }
        let mut state = 1_u32;
        let mut next = |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % below
        };
        for _ in 0..2000 {
            let mut changed = file.clone();
            for _ in 0..=next(3) {
                let at = next(changed.len());
                changed[at] = u8::try_from(next(256)).expect("a byte");
            }
            let _ = trace(&changed);
        }
    }
}
