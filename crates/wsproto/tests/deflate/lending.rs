//! Codec states are lent; windows are kept. I5, I8

use wsproto::{Client, Config, Connection, Deflate, DeflateTools, Event, Server};

use crate::support::*;

fn heap(f: impl FnOnce()) -> i64 {
    allocation_counter::measure(f).bytes_current
}

/// However states are lent, kept or missing, the peer understands every message.
#[test]
fn many_connections_share_one_set_of_tools() {
    let mut tools = DeflateTools::new();
    let mut pairs: Vec<_> = [(12, true), (12, true), (15, true), (9, true), (12, false)]
        .map(|(window, takeover)| {
            (server(agreed(window, takeover)), client(agreed(window, takeover)))
        })
        .into();
    for round in 0..40_usize {
        for (index, (ws, peer)) in pairs.iter_mut().enumerate() {
            let text = json(100 + (round * 37 + index * 61) % 900);
            let mut wire = Vec::new();
            // Sometimes nobody lends.
            let lends = (round + index) % 3 != 0;
            if lends {
                ws.lend_tools(&mut tools);
            }
            ws.send_text(&text, &mut wire).expect("open");
            if lends {
                ws.reclaim_tools(&mut tools);
                peer.lend_tools(&mut tools);
            }
            let events = receive(peer, &wire, 200);
            peer.reclaim_tools(&mut tools);
            assert_eq!(events, Ok(vec![Event::Text(text.clone().into())]), "{round} {index}");
            // And back.
            let mut wire = Vec::new();
            peer.lend_tools(&mut tools);
            peer.send_text(&text, &mut wire).expect("open");
            peer.reclaim_tools(&mut tools);
            let events = receive(ws, &wire, 200);
            assert_eq!(events, Ok(vec![Event::Text(text.into())]), "{round} {index}");
        }
    }
}

/// The same calls and the same lending give the same bytes; whether a compressor still holds the
/// state does not matter to what the peer understands.
#[test]
fn the_same_lending_gives_the_same_bytes() {
    let run = || {
        let mut tools = DeflateTools::new();
        let (mut one, mut two) = (server(agreed(12, true)), server(agreed(12, true)));
        let mut wire = Vec::new();
        for len in [100, 500, 64, 3000, 5000, 200] {
            for ws in [&mut one, &mut two] {
                ws.lend_tools(&mut tools);
                ws.send_text(&json(len), &mut wire).expect("open");
                ws.reclaim_tools(&mut tools);
            }
        }
        wire
    };
    assert_eq!(run(), run());
}

/// The memory of an idle connection: the windows that were used, and nothing of codec states.
#[test]
fn an_idle_connection_holds_its_windows_at_most() {
    let long = json(100_000);
    for (wish, server_most, client_most) in [
        (Deflate::new(), 4096, 2 * 4096),
        (Deflate::frugal(), 0, 0),
        (Deflate::new().takeover(false), 0, 4096),
    ] {
        let config = std::sync::Arc::new(Config::new().deflate(Some(wish)));
        let agreed = wsproto::handshake::DeflateOffer::new(&wish).accept(&wish);
        let mut tools = DeflateTools::new();
        // Two small boxes: what was agreed, and where the windows are.
        const BOXES: i64 = 300;
        let mut ends = None;
        let held = heap(|| {
            let server = Connection::<Server>::new(Server, config.clone(), agreed.into());
            let client = Connection::<Client>::new(
                Client::from_seed([1; 32]),
                config.clone(),
                agreed.into(),
            );
            ends = Some((server, client));
        });
        assert!(held <= 2 * BOXES, "{held}");
        let (mut server, mut client) = ends.expect("set");
        let mut talk = |server: &mut Connection<Server>, client: &mut Connection<Client>| {
            server.lend_tools(&mut tools);
            let mut out = Vec::new();
            server.send_text(&long, &mut out).expect("open");
            server.reclaim_tools(&mut tools);
            client.lend_tools(&mut tools);
            assert!(receive(client, &out, 1000).is_ok());
            let mut out = Vec::new();
            client.send_text(&long, &mut out).expect("open");
            client.reclaim_tools(&mut tools);
            server.lend_tools(&mut tools);
            assert!(receive(server, &out, 1000).is_ok());
            server.reclaim_tools(&mut tools);
        };
        talk(&mut server, &mut client);
        talk(&mut server, &mut client);
        let server_holds = -heap(|| drop(server));
        let client_holds = -heap(|| drop(client));
        assert!(server_holds <= server_most + BOXES, "{wish:?}: {server_holds}");
        assert!(client_holds <= client_most + BOXES, "{wish:?}: {client_holds}");
    }
}

/// No more is kept than was sent or received.
#[test]
fn a_window_is_no_larger_than_what_was_sent() {
    let mut ws = server(agreed(15, true));
    let mut out = Vec::new();
    ws.send_text(&json(100), &mut out).expect("open");
    let holds = -heap(|| drop(ws));
    // Twice the message, what was agreed, and the configuration.
    assert!(holds <= 200 + 400, "{holds}");
}

/// Without a lender, states are made for each message and dropped after it.
#[test]
fn nobody_has_to_lend() {
    let mut ws = server(agreed(12, true));
    let mut out = Vec::new();
    let held = heap(|| {
        ws.send_text(&json(1000), &mut out).expect("open");
    });
    assert!(held <= 4096 + 1024, "{held}");
    let mut wire = message(wsproto::frame::Opcode::Text, &Zlib::new(6, 12).message(b"hello"));
    let held = heap(|| {
        let mut input = &mut wire[..];
        let event = ws.next_event(&mut input, &mut out).expect("valid");
        assert!(event.is_some());
    });
    assert!(held <= 64, "{held}");
}

/// Connections with states of their own keep them.
#[test]
fn dense_connections_own_their_states() {
    let wish = Deflate::dense();
    let config = Config::new().deflate(Some(wish));
    let agreed = wsproto::handshake::DeflateOffer::new(&wish).accept(&wish);
    let mut ws = Connection::<Server>::new(Server, config, agreed.into());
    let mut tools = DeflateTools::new();
    let mut peer = client(agreed);
    for len in [1000, 64, 2000, 50_000, 100] {
        let text = json(len);
        let mut out = Vec::new();
        ws.lend_tools(&mut tools);
        ws.send_text(&text, &mut out).expect("open");
        ws.send_binary(&noise(300), &mut out).expect("open");
        ws.reclaim_tools(&mut tools);
        let events = receive(&mut peer, &out, 1000).expect("valid");
        assert_eq!(events[0], Event::Text(text.clone().into()));
        let mut out = Vec::new();
        peer.send_text(&text, &mut out).expect("open");
        assert_eq!(receive(&mut ws, &out, 1000), Ok(vec![Event::Text(text.into())]));
    }
    assert!(-heap(|| drop(ws)) > 200_000);
    assert_eq!(heap(|| drop(tools)), 0, "nothing was lent");
}

/// A steady echo allocates the message that is handed out, and nothing else.
#[test]
fn a_steady_echo_allocates_the_message_only() {
    let mut tools = DeflateTools::new();
    let (mut ws, mut peer) = (server(agreed(12, true)), client(agreed(12, true)));
    let text = json(1000);
    let (mut wire, mut out) = (Vec::new(), Vec::with_capacity(1 << 16));
    for round in 0..20 {
        wire.clear();
        peer.send_text(&text, &mut wire).expect("open");
        let memory = allocation_counter::measure(|| {
            ws.lend_tools(&mut tools);
            let mut input = &mut wire[..];
            let event = ws.next_event(&mut input, &mut out).expect("valid");
            if let Some(Event::Text(text)) = &event {
                ws.send_text(text, &mut out).expect("open");
            }
            ws.reclaim_tools(&mut tools);
        });
        assert!(round < 10 || memory.count_total == 1, "{memory:?}");
    }
}

/// An inflater that has seen one connection's messages gives nothing of them to another, nor to the next
/// message without takeover.
#[test]
fn nothing_of_other_streams_can_be_referred_to() {
    let secret =
        message(wsproto::frame::Opcode::Text, &Zlib::new(6, 15).message(json(40_000).as_bytes()));
    // "Hello" again, from a message that this connection has not received.
    let reference = message(wsproto::frame::Opcode::Text, &[0xF2, 0x00, 0x11, 0x00, 0x00]);
    for takeover in [true, false] {
        let mut tools = DeflateTools::new();
        let mut victim = server(agreed(15, takeover));
        victim.lend_tools(&mut tools);
        assert!(receive(&mut victim, &secret, 1000).is_ok());
        victim.reclaim_tools(&mut tools);
        let mut other = server(agreed(15, takeover));
        other.lend_tools(&mut tools);
        assert_eq!(receive(&mut other, &reference, 100), Err(wsproto::Error::InvalidDeflate));
        // Without takeover the stream's own past is as far away.
        let again = receive(&mut victim, &reference, 100);
        assert_eq!(again.is_ok(), takeover, "{again:?}");
    }
    // A compressor, the same: the peer understands every message alone.
    let mut tools = DeflateTools::new();
    for _ in 0..3 {
        let (mut ws, mut peer) = (server(agreed(15, true)), client(agreed(15, true)));
        ws.lend_tools(&mut tools);
        let mut out = Vec::new();
        ws.send_text(&json(5000), &mut out).expect("open");
        ws.reclaim_tools(&mut tools);
        assert_eq!(receive(&mut peer, &out, 1000), Ok(vec![Event::Text(json(5000).into())]));
    }
}
