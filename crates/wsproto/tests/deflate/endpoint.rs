//! Compressed messages of an endpoint.

use std::time::Duration;

use wsproto::handshake::Accept;
use wsproto::{Config, Endpoint, Event, PreparedMessage, Server, SessionEvent};
use wsproto_testing::Frame;

use crate::support::*;

const NOW: Duration = Duration::ZERO;

/// A server's endpoint that has accepted permessage-deflate.
fn open(config: Config) -> Endpoint<Server> {
    let mut ws = Endpoint::server(config, NOW);
    let mut request =
        *b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let mut input = &mut request[..];
    while let Some(event) = ws.next_event(NOW, &mut input) {
        if let SessionEvent::Upgrade = event {
            ws.accept(&Accept::new(), NOW).expect("an upgrade");
        }
    }
    ws.wrote(usize::MAX, NOW);
    ws
}

/// Writes everything.
fn drain(ws: &mut Endpoint<Server>) -> Vec<u8> {
    let mut wire = Vec::new();
    loop {
        let pending = ws.pending_slices::<3>().concat();
        if pending.is_empty() {
            return wire;
        }
        wire.extend_from_slice(&pending);
        ws.wrote(pending.len(), NOW);
    }
}

/// A message is sent once: compressed, or its header and then the payload in place.
#[test]
fn large_messages_leave_compressed_or_in_place_never_both() {
    let mut ws = open(config());
    let mut peer = client(ws.session().deflate().expect("agreed"));
    let (text, noise) = (json(100_000), noise(100_000));
    let (news, image) = (PreparedMessage::text(&text), PreparedMessage::binary(&noise));
    for round in 0..3 {
        ws.send_text(text.clone()).expect("open");
        ws.send_binary(noise.clone()).expect("open");
        ws.send_prepared(&news).expect("open");
        ws.send_prepared(&image).expect("open");
        ws.send_plain_text(text.clone()).expect("open");
        ws.send_plain_binary(text.clone().into_bytes()).expect("open");
        assert_eq!(ws.take_output_counts().messages, 6, "{round}");
        let wire = drain(&mut ws);
        let firsts: Vec<u8> = Frame::read_all(&wire).iter().map(|frame| frame.first).collect();
        assert_eq!(firsts, [0xC1, 0x82, 0xC1, 0x82, 0x81, 0x82], "{round}");
        let events = receive(&mut peer, &wire, 4096).expect("valid");
        let (text, noise) =
            (|| Event::Text(text.clone().into()), || Event::Binary(noise.clone().into()));
        assert!(events[..5] == [text(), noise(), text(), noise(), text()]);
    }
}

/// M15: the compressed bytes are cut, and only the first fragment has RSV1 (RFC 7692 section 6.1).
/// A message that would not become shorter leaves in fragments, too.
#[test]
fn compressed_messages_leave_in_fragments() {
    const SIZE: usize = 3000;
    let mut ws = open(config().fragment_size(Some(SIZE)));
    let mut peer = client(ws.session().deflate().expect("agreed"));
    let (text, noise) = (json(100_000), noise(10_000));
    let (news, image) = (PreparedMessage::text(&text), PreparedMessage::binary(&noise));
    for _ in 0..3 {
        ws.send_text(text.as_str()).expect("open");
        ws.send_text("short, short, short, short").expect("open");
        ws.send_binary(noise.clone()).expect("open");
        ws.send_prepared(&news).expect("open");
        ws.send_prepared(&image).expect("open");
        ws.send_plain_text(text.clone()).expect("open");
        let wire = drain(&mut ws);
        let frames = Frame::read_all(&wire);
        let begin = |frame: &&Frame| frame.first & 0x0F != 0;
        let firsts: Vec<u8> = frames.iter().filter(begin).map(|frame| frame.first).collect();
        assert_eq!(firsts, [0x41, 0xC1, 0x02, 0x41, 0x02, 0x01]);
        assert!(frames.iter().all(|frame| frame.payload.len() <= SIZE));
        assert!(frames.iter().all(|frame| begin(&frame) || frame.first & 0x70 == 0));
        // The text became shorter.
        let compressed = frames.iter().take_while(|frame| frame.first & 0x80 == 0);
        assert!(compressed.count() < text.len() / SIZE / 2);
        let events = receive(&mut peer, &wire, 4096).expect("valid");
        let (text, noise) =
            (|| Event::Text(text.clone().into()), || Event::Binary(noise.clone().into()));
        let short = Event::Text("short, short, short, short".into());
        assert!(events == [text(), short, noise(), text(), noise(), text()]);
    }
}

/// Shared memory is compressed if that is shorter, in one frame or in fragments, or leaves where it lies.
#[cfg(feature = "bytes")]
#[test]
fn shared_memory_leaves_compressed_or_in_place() {
    use bytes::Bytes;

    for size in [None, Some(3000)] {
        let mut ws = open(config().fragment_size(size));
        let mut peer = client(ws.session().deflate().expect("agreed"));
        let (text, noise) = (Bytes::from(json(100_000)), Bytes::from(noise(100_000)));
        for _ in 0..3 {
            ws.send_bytes(&text).expect("open");
            assert!(text.is_unique(), "the output has the compressed form only");
            ws.send_bytes(&noise).expect("open");
            assert!(!noise.is_unique());
            let wire = drain(&mut ws);
            assert!(noise.is_unique() && wire.len() < 150_000);
            let events = receive(&mut peer, &wire, 4096).expect("valid");
            let binary = |bytes: &Bytes| Event::Binary(bytes.to_vec().into());
            assert!(events == [binary(&text), binary(&noise)]);
        }
    }
}
