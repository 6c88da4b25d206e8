//! Sending compressed messages.

use wsproto::frame::{Expect, Header};
use wsproto::{
    Compress, Config, Connection, Deflate, DeflateTools, Event, PreparedMessage, SendError, Server,
    WindowBits,
};

use crate::support::*;

/// The frames in `wire`, sent by a server: first byte and payload.
fn frames(mut wire: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while !wire.is_empty() {
        let first = wire[0];
        let data = match first & 0x0F {
            0 => wsproto::frame::NextData::Next,
            _ => wsproto::frame::NextData::First,
        };
        let expect = Expect { rsv: RSV1, data, ..Expect::unmasked() };
        let (header, size) = Header::parse(wire, &expect).expect("valid").expect("whole");
        let end = size + usize::try_from(header.len).expect("small");
        frames.push((first, wire[size..end].to_vec()));
        wire = &wire[end..];
    }
    frames
}

fn send(ws: &mut Connection<Server>, text: &str) -> (u8, Vec<u8>) {
    let mut out = Vec::new();
    ws.send_text(text, &mut out).expect("open");
    frames(&out).pop().expect("a frame")
}

/// R7692-7.2.1-1, R7692-7.1.2-1, R7692-7.1.2-2: zlib with the agreed window understands every
/// message.
#[test]
fn zlib_inflates_what_is_sent() {
    for window in 9..=15 {
        for takeover in [true, false] {
            for level in 1..=9 {
                let wish = Deflate::new().level(level).window(WindowBits::MAX);
                let config = Config::new().deflate(Some(wish));
                let mut ws =
                    Connection::<Server>::new(Server, config, agreed(window, takeover).into());
                let mut zlib = Unzlib::new(window);
                for len in [64, 100, 1000, 5000, 70_000, 3, 1000] {
                    let text = json(len);
                    let (first, payload) = send(&mut ws, &text);
                    if first == 0x81 {
                        assert_eq!(payload, text.as_bytes());
                        continue;
                    }
                    assert_eq!(first, 0xC1);
                    assert!(payload.len() < text.len(), "never longer");
                    if !takeover {
                        zlib = Unzlib::new(window);
                    }
                    assert!(zlib.message(&payload, len) == text.as_bytes(), "{window} {level}");
                }
            }
        }
    }
}

/// R7692-7.1.1-1: without takeover a compressor forgets while it flushes. Whatever it compressed before, for whom,
/// and whether it had to give up, zlib understands each message alone, and the bytes are those of a new compressor.
#[test]
fn a_lent_compressor_forgets_between_messages() {
    let mut noise = 1_u64;
    let mut incompressible = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (noise >> 56) as u8
    };
    for level in 1..=9 {
        let config =
            Config::new().deflate(Some(Deflate::new().level(level).window(WindowBits::MAX)));
        let new = |takeover| {
            let extensions = agreed(15, takeover).into();
            Connection::<Server>::new(Server, config.clone(), extensions)
        };
        let mut tools = DeflateTools::new();
        let (mut one, mut two, mut keeps) = (new(false), new(false), new(true));
        let mut peer = Unzlib::new(15);
        for len in [64, 3000, 100, 70_000, 1000, 200_000, 64, 40_000] {
            let text = json(len);
            for ws in [&mut one, &mut two] {
                ws.lend_tools(&mut tools);
                let (first, payload) = send(ws, &text);
                assert_eq!(first, 0xC1);
                assert!(Unzlib::new(15).message(&payload, len) == text.as_bytes(), "{level} {len}");
                let (_, alone) = send(&mut new(false), &text);
                assert!(payload == alone, "{level} {len}");
                let bytes: Vec<u8> = (0..len.min(3000)).map(|_| incompressible()).collect();
                ws.send_binary(&bytes, &mut Vec::new()).expect("open");
                ws.reclaim_tools(&mut tools);
            }
            // A connection with takeover loads its window into the same compressor.
            keeps.lend_tools(&mut tools);
            let (_, payload) = send(&mut keeps, &text);
            keeps.reclaim_tools(&mut tools);
            assert!(peer.message(&payload, len) == text.as_bytes(), "{level} {len}");
        }
    }
}

/// R7692-7.1.1-1, R7692-7.1.1-4
#[test]
fn without_takeover_equal_messages_are_equal_bytes_and_with_it_the_second_is_shorter() {
    let text = json(500);
    for takeover in [true, false] {
        let mut ws = server(agreed(15, takeover));
        let (first, second) = (send(&mut ws, &text), send(&mut ws, &text));
        assert_eq!(first == second, !takeover);
        assert!(takeover == (second.1.len() < 20), "{}", second.1.len());
        // A client masks what is compressed.
        let (mut one, mut two) = (Vec::new(), Vec::new());
        let mut ws = client(agreed(15, takeover));
        ws.send_text(&text, &mut one).expect("open");
        ws.send_text(&text, &mut two).expect("open");
        assert_eq!(one.len() == two.len(), !takeover);
        let mut receiver = server(agreed(15, takeover));
        let events = receive(&mut receiver, &[one, two].concat(), 10);
        assert_eq!(events, Ok(vec![Event::Text(text.clone().into()); 2]));
    }
}

/// A message may be sent as one fragment.
#[test]
fn a_single_fragment_that_would_not_become_shorter_leaves_as_it_is() {
    for takeover in [true, false] {
        let (mut ws, mut peer) = (server(agreed(12, takeover)), client(agreed(12, takeover)));
        let (text, noise) = (json(400), noise(3000));
        let mut wire = Vec::new();
        for _ in 0..2 {
            let sender = ws.sender();
            sender.send_text_fragment(&text, true, &mut wire).expect("open");
            sender.send_binary_fragment(&noise, true, &mut wire).expect("open");
            sender.send_text_fragment("", true, &mut wire).expect("open");
        }
        let firsts: Vec<u8> = frames(&wire).iter().map(|frame| frame.0).collect();
        assert_eq!(firsts, [0xC1, 0x82, 0x81].repeat(2));
        let text = || Event::Text(text.clone().into());
        let events = receive(&mut peer, &wire, 100).expect("valid");
        assert_eq!(events[2..4], [Event::Text("".into()), text()]);
        assert_eq!(events[4], Event::Binary(noise.into()));
    }
}

#[test]
fn what_would_not_become_shorter_leaves_as_it_is() {
    let mut ws = server(agreed(12, true));
    let mut peer = client(agreed(12, true));
    let (text, noise) = (json(400), noise(3000));
    let mut wire = Vec::new();
    for _ in 0..3 {
        ws.send_text(&text, &mut wire).expect("open");
        ws.send_binary(&noise, &mut wire).expect("open");
        ws.send_binary(b"", &mut wire).expect("open");
        ws.send_text("ab", &mut wire).expect("open");
    }
    let firsts: Vec<u8> = frames(&wire).iter().map(|frame| frame.0).collect();
    assert_eq!(firsts, [0xC1, 0x82, 0x82, 0x81].repeat(3));
    // It is not in the window either: the peer understands what follows.
    let events = receive(&mut peer, &wire, 100).expect("valid");
    assert_eq!(events.len(), 12);
    assert_eq!(events[8], Event::Text(text.into()));
}

#[test]
fn short_messages_are_not_compressed_unless_always() {
    let wish = Deflate::new();
    let config = Config::new().deflate(Some(wish));
    let mut ws = Connection::<Server>::new(Server, config, agreed(12, true).into());
    let text = "a".repeat(63);
    assert_eq!(send(&mut ws, &text).0, 0x81);
    assert_eq!(send(&mut ws, &format!("{text}a")).0, 0xC1);
    assert_eq!(ws.sender().set_compress(Compress::Always), Compress::Auto);
    assert_eq!(send(&mut ws, &text).0, 0xC1);
    assert_eq!(ws.sender().set_compress(Compress::Never), Compress::Always);
    assert_eq!(send(&mut ws, &json(5000)).0, 0x81);
    // Without the extension the setting has no effect.
    let mut plain = Connection::server(config_of(wish));
    plain.sender().set_compress(Compress::Always);
    assert_eq!(send(&mut plain, &json(5000)).0, 0x81);
}

fn config_of(wish: Deflate) -> Config {
    Config::new().deflate(Some(wish))
}

/// The backend has no window of 256 bytes; to send everything plain is legal. R7692-7.1.2-5
#[test]
fn with_a_window_of_256_bytes_nothing_is_compressed() {
    let mut ws = server(agreed(8, true));
    assert_eq!(send(&mut ws, &json(5000)).0, 0x81);
    let mut out = Vec::new();
    ws.sender().send_prepared(&PreparedMessage::text(&json(500)), &mut out).expect("open");
    assert_eq!(frames(&out)[0].0, 0x81);
}

/// The agreed window is used, and no larger one.
#[test]
fn nothing_refers_to_bytes_before_the_agreed_window() {
    let unique = noise(2000);
    let mut ws = server(agreed(9, true));
    let mut out = Vec::new();
    // The second copy is 2000 bytes behind the first: a larger window would find it.
    ws.send_binary(&[&unique[..], &[0; 600], &unique[..]].concat(), &mut out).expect("open");
    let sent = frames(&out);
    assert!(sent[0].0 == 0xC2 && sent[0].1.len() >= 4000, "{}", sent[0].1.len());
}

#[test]
fn a_smaller_window_than_agreed_is_used_if_wished() {
    let wish = Deflate::new().window(bits(9));
    let mut ws = Connection::<Server>::new(Server, config_of(wish), agreed(15, true).into());
    let unique = noise(2000);
    let mut out = Vec::new();
    ws.send_binary(&[&unique[..], &[0; 600], &unique[..]].concat(), &mut out).expect("open");
    assert!(frames(&out)[0].1.len() >= 4000);
}

/// R7692-6-4, R7692-6-2, R7692-6-1
#[test]
fn fragments_are_one_compressed_message() {
    for takeover in [true, false] {
        let mut ws = server(agreed(12, takeover));
        let mut zlib = Unzlib::new(12);
        for sizes in [&[300, 200, 100][..], &[0, 300, 0], &[300, 0], &[0, 0], &[5000, 0, 0, 5000]] {
            let text = json(sizes.iter().sum());
            let (mut out, mut at) = (Vec::new(), 0);
            for (index, size) in sizes.iter().enumerate() {
                let fin = index + 1 == sizes.len();
                let sender = ws.sender();
                let part = text.get(at..at + size).expect("ASCII");
                sender.send_text_fragment(part, fin, &mut out).expect("open");
                at += size;
                if !fin {
                    assert_eq!(sender.send_text("x", &mut out), Err(SendError::UnfinishedMessage));
                    sender.ping(b"between", &mut out).expect("open");
                }
            }
            let all = frames(&out);
            let data: Vec<_> = all.iter().filter(|frame| frame.0 != 0x89).collect();
            let rsv: Vec<bool> = data.iter().map(|frame| frame.0 & RSV1 != 0).collect();
            assert!(rsv[0] && !rsv[1..].contains(&true), "RSV1 on the first only");
            let joined: Vec<u8> = data.iter().flat_map(|frame| frame.1.clone()).collect();
            if !takeover {
                zlib = Unzlib::new(12);
            }
            assert!(zlib.message(&joined, text.len()) == text.as_bytes(), "{sizes:?}");
        }
        // The setting at the first fragment decides.
        ws.sender().set_compress(Compress::Never);
        let mut out = Vec::new();
        ws.sender().send_text_fragment(&json(300), false, &mut out).expect("open");
        ws.sender().set_compress(Compress::Always);
        ws.sender().send_text_fragment(&json(300), true, &mut out).expect("open");
        assert_eq!(frames(&out).iter().map(|frame| frame.0).collect::<Vec<_>>(), [0x01, 0x80]);
    }
}

/// The compressor's buffer grows by steps; the end of a flush may fall on each side of its end.
#[test]
fn a_fragment_may_end_where_the_buffer_does() {
    let noise = noise(300_000);
    for len in (65_490..65_550).chain([131_000, 131_080, 262_100, 299_000]) {
        let mut ws = server(agreed(15, false));
        let mut out = Vec::new();
        let bytes = noise.get(..len).expect("so long");
        ws.sender().send_binary_fragment(bytes, false, &mut out).expect("open");
        ws.sender().send_binary_fragment(b"end", true, &mut out).expect("open");
        let joined: Vec<u8> = frames(&out).into_iter().flat_map(|frame| frame.1).collect();
        assert!(joined.len() < len + len / 1000 + 64, "{len}: {}", joined.len());
        let inflated = Unzlib::new(15).message(&joined, len + 3);
        assert!(inflated == [bytes, b"end"].concat(), "{len}");
    }
}

/// A prepared message is compressed once, and understood by every connection.
#[test]
fn prepared_messages_are_compressed_once_for_all() {
    let text = json(2000);
    let news = PreparedMessage::text(&text);
    let noise = PreparedMessage::binary(&noise(500));
    let mut sent = Vec::new();
    for (window, takeover) in [(12, true), (12, false), (12, true), (15, true), (9, false)] {
        let (mut ws, mut peer) =
            (server(agreed(window, takeover)), client(agreed(window, takeover)));
        let mut wire = Vec::new();
        for _ in 0..2 {
            ws.send_text(&json(900), &mut wire).expect("open");
            let before = wire.len();
            ws.sender().send_prepared(&news, &mut wire).expect("open");
            sent.push((window, wire[before..].to_vec()));
            ws.sender().send_prepared(&noise, &mut wire).expect("open");
        }
        let events = receive(&mut peer, &wire, 100).expect("valid");
        assert_eq!(events.len(), 6);
        assert_eq!(events[4], Event::Text(text.clone().into()));
    }
    for (window, frame) in &sent {
        assert!(frame.len() < 700);
        let same = sent.iter().find(|(other, _)| other == window).expect("itself");
        assert!(same.1 == *frame, "the same bytes for the same window");
    }
    // A client masks it.
    let (mut ws, mut peer) = (client(agreed(12, true)), server(agreed(12, true)));
    let mut wire = Vec::new();
    ws.sender().send_prepared(&news, &mut wire).expect("open");
    ws.send_text(&text, &mut wire).expect("open");
    assert!(wire.len() < 700);
    let events = receive(&mut peer, &wire, 9);
    assert_eq!(events, Ok(vec![Event::Text(text.clone().into()), Event::Text(text.into())]));
}

/// A header alone says that its payload leaves as it is.
#[test]
fn separate_headers_are_not_compressed() {
    let mut ws = server(agreed(12, true));
    let mut out = Vec::new();
    ws.sender().send_binary_header(1000, &mut out).expect("open");
    assert_eq!(out[0], 0x82);
}

/// R7692-7.2.1-2: a sender never sets BFINAL, and every message ends in a sync flush.
#[test]
fn no_block_is_final() {
    let mut ws = server(agreed(15, true));
    for len in [64, 500, 5000, 100_000] {
        let (_, payload) = send(&mut ws, &json(len));
        assert_eq!(payload.first().map(|first| first & 1), Some(0));
        assert!(!payload.ends_with(&TAIL), "the receiver appends it");
    }
}
