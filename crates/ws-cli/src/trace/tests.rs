//! Captures that are made here.

mod capture;

use ws_std::wsproto::Config;
use ws_std::wsproto::handshake::Response;

use self::capture::{Sent, conversation, ethernet, ethernet_file, file, pcapng, sent};
use super::outcome::{Failure, Outcome};
use super::pcap;

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
            "100 bytes of the server are missing after its first {position}:"
        )),
        "{line}"
    );
    let missing = format!(r#""event":"missing","position":{position},"bytes":100}}"#);
    assert!(lines.iter().any(|line| line.ends_with(&missing)), "{lines:#?}");

    // 96 bytes of each packet, of which 54 are headers.
    let cut: Vec<_> = packets.iter().map(ethernet).collect();
    let (outcome, _) = trace(&file(1, &cut, 96));
    let Ok(Outcome::Incomplete(line)) = outcome else { panic!("{outcome:?}") };
    assert!(line.contains("58 bytes of the server are missing after its first 42:"), "{line}");
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
fn a_capture_may_begin_after_the_syn_but_not_after_the_handshake() {
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

#[test]
fn data_beside_a_syn_is_data() {
    let mut packets = conversation(false, 1460);
    let request = packets.remove(2);
    packets[0].bytes = request.bytes;
    assert_eq!(events(&trace(&ethernet_file(&packets)).1), expected(false));
}

#[test]
fn little_waits_for_a_missing_head() {
    let mut packets = conversation(false, 1460);
    packets.truncate(3);
    let end = packets[2].bytes.len();
    for index in 0..300 {
        packets.push(sent(true, end + index * 60_000, &[0; 60_000]));
    }
    let (outcome, _) = trace(&ethernet_file(&packets));
    let Err(Failure::Input(line)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(line, "the head of the other end is missing in the capture");
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
