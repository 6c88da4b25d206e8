//! Any messages, any parameters, any cuts: what is sent is received.

use proptest::prelude::*;
use wsproto::{Client, Config, Connection, Server};
use wsproto::{Compress, Deflate, DeflateTools, Event, PreparedMessage, WindowBits};

use crate::support::*;

#[derive(Clone, Debug)]
enum Send {
    Message(Vec<u8>),
    Plain(Vec<u8>),
    Prepared(Vec<u8>),
    Fragments(Vec<Vec<u8>>),
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (0_usize..6000).prop_map(|len| json(len).into_bytes()),
        (0_usize..3000, 0_usize..2000).prop_map(|(skip, len)| noise(skip + len).split_off(skip)),
    ]
}

fn send() -> impl Strategy<Value = Send> {
    prop_oneof![
        4 => payload().prop_map(Send::Message),
        1 => payload().prop_map(Send::Plain),
        1 => payload().prop_map(Send::Prepared),
        1 => prop::collection::vec(payload(), 1..5).prop_map(Send::Fragments),
    ]
}

fn wish() -> impl Strategy<Value = Deflate> {
    (1..=9_u8, 0..200_usize, 8..=15_u8, any::<bool>(), any::<bool>()).prop_map(
        |(level, threshold, window, takeover, own)| {
            Deflate::new()
                .level(level)
                .threshold(threshold)
                .window(WindowBits::new(window).expect("8 to 15"))
                .takeover(takeover)
                .own_states(own)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_sent_is_received(
        sends in prop::collection::vec(send(), 1..12),
        (mine, yours) in (wish(), wish()),
        (step, lends) in (1..3000_usize, any::<bool>()),
    ) {
        let agreed = wsproto::handshake::DeflateOffer::new(&mine).accept(&yours);
        let config = |wish| Config::new().deflate(Some(wish));
        let mut ws =
            Connection::<Client>::new(Client::from_seed([3; 32]), config(mine), agreed.into());
        let mut peer = Connection::<Server>::new(Server, config(yours), agreed.into());
        let mut tools = DeflateTools::new();
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for send in sends {
            if lends {
                ws.lend_tools(&mut tools);
            }
            match send {
                Send::Message(bytes) => {
                    ws.send_binary(&bytes, &mut wire).expect("open");
                    expected.push(bytes);
                }
                Send::Plain(bytes) => {
                    let before = ws.sender().set_compress(Compress::Never);
                    ws.send_binary(&bytes, &mut wire).expect("open");
                    ws.sender().set_compress(before);
                    expected.push(bytes);
                }
                Send::Prepared(bytes) => {
                    let prepared = PreparedMessage::binary(&bytes);
                    ws.sender().send_prepared(&prepared, &mut wire).expect("open");
                    expected.push(bytes);
                }
                Send::Fragments(parts) => {
                    for (index, part) in parts.iter().enumerate() {
                        let fin = index + 1 == parts.len();
                        ws.sender().send_binary_fragment(part, fin, &mut wire).expect("open");
                    }
                    expected.push(parts.concat());
                }
            }
            ws.reclaim_tools(&mut tools);
        }
        let events = receive(&mut peer, &wire, step);
        let expected: Vec<_> =
            expected.into_iter().map(|bytes| Event::Binary(bytes.into())).collect();
        prop_assert!(events == Ok(expected));
    }

    /// Any bytes as compressed data: the same result however they are cut, and the result of zlib.
    #[test]
    fn any_bytes_give_the_same_result_however_they_are_cut(
        payload in prop::collection::vec(any::<u8>(), 0..80),
        step in 1..40_usize,
    ) {
        let wire = message(wsproto::frame::Opcode::Binary, &payload);
        let whole = receive(&mut server(agreed(15, true)), &wire, wire.len());
        let cut = receive(&mut server(agreed(15, true)), &wire, step);
        prop_assert_eq!(whole, cut);
    }
}
