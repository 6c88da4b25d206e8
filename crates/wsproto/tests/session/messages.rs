//! The messages of an open session: their order, their sending, and their pieces.

use core::time::Duration;

use wsproto::{
    Client, CloseCode, Event, Initiator, KeepAlive, Piece, ReadyState, SendError, Server,
    SessionEvent,
};
use wsproto_testing::{End, Life, Side};

use crate::steps::{begin, info, open, peer_breaks_a_rule, peer_closes, we_close};
use crate::support::config;

/// Invariants 1 and 2: Open first, then everything in order, a fragmented message once and after
/// the Ping in its middle; bytes in the same segment as the handshake are not lost.
#[test]
fn events_come_in_order_from_the_first_segment_on() {
    fn check<R: End>() {
        let mut life = begin::<R>();
        let handshake = R::handshake(&life.out);
        let frames = [
            R::from_peer(0x82, b"1"),
            R::from_peer(0x01, b"two "),
            R::from_peer(0x89, b"3"),
            R::from_peer(0x80, b"parts"),
            R::from_peer(0x8A, b"4"),
            R::from_peer(0x88, b""),
            R::from_peer(0x81, b"late"),
        ];
        life.read(&[&handshake[..], &frames.concat()].concat());
        life.flush();
        life.end_of_input();
        let log: Vec<_> = life.log.iter().filter(|e| **e != SessionEvent::Upgrade).collect();
        let [open, binary, ping, text, pong, close, closed] = log[..] else {
            panic!("seven events, not {log:?}")
        };
        assert_eq!(*open, SessionEvent::Open);
        assert_eq!(*binary, SessionEvent::Received(Event::Binary(b"1"[..].into())));
        assert_eq!(*ping, SessionEvent::Received(Event::Ping(b"3"[..].into())));
        assert_eq!(*text, SessionEvent::Received(Event::Text("two parts".into())));
        assert_eq!(*pong, SessionEvent::Received(Event::Pong(b"4"[..].into())));
        assert_eq!(*close, SessionEvent::Received(Event::Close(None)));
        assert_eq!(*closed, SessionEvent::Closed(info(1005, "", true, Initiator::Remote)));
    }
    check::<Server>();
    check::<Client>();
}

/// R6455-4.1-24, R6455-6.1-1, R6455-5.1-5: messages are sent in the state Open and in no other.
#[test]
fn messages_are_sent_only_while_open() {
    fn try_to_send<R: End>(life: &mut Life<R>) -> Result<(), SendError> {
        life.session.sender().and_then(|sender| sender.send_text("x", &mut life.out))
    }
    fn check<R: End>() {
        let mut life = begin::<R>();
        let before = life.out.clone();
        assert_eq!(life.session.ready_state(), ReadyState::Connecting);
        assert_eq!(try_to_send(&mut life), Err(SendError::NotOpen));
        assert_eq!(life.out, before);

        for end in [we_close::<R>, peer_closes, peer_breaks_a_rule] {
            let mut life = open::<R>();
            assert_eq!(life.session.ready_state(), ReadyState::Open);
            assert_eq!(try_to_send(&mut life), Ok(()));
            end(&mut life);
            let before = life.out.clone();
            assert_eq!(life.session.ready_state(), ReadyState::Closing);
            assert_eq!(try_to_send(&mut life), Err(SendError::Closed));
            life.end_of_input();
            assert_eq!(life.session.ready_state(), ReadyState::Closed);
            assert_eq!(try_to_send(&mut life), Err(SendError::Closed));
            assert_eq!(life.out, before);
        }
    }
    check::<Server>();
    check::<Client>();
}

/// R6455-5.5.2-1, R6455-5.1-1, R6455-5.1-3: as a connection does; only a client masks.
#[test]
fn a_session_answers_pings_in_its_role() {
    fn check<R: End>() {
        let mut life = open::<R>();
        life.read_frame(0x89, b"ping");
        let [pong] = &life.take_sent()[..] else { panic!("one Pong") };
        assert_eq!((pong.first, &pong.payload[..]), (0x8A, &b"ping"[..]));
        assert_eq!(pong.key.is_some(), R::SIDE == Side::Client);
    }
    check::<Server>();
    check::<Client>();
}

/// A session whose messages are taken in pieces replies, measures and ends like any other.
#[test]
fn a_session_in_pieces() {
    fn check<R: End>() {
        let second = Duration::from_secs(1);
        let keep_alive = Some(KeepAlive { interval: 9 * second, patience: second });
        let configured = config(|config| config.keep_alive = keep_alive);
        let mut life = Life::<R>::open(configured.clone());
        assert_eq!(**life.session.config(), configured);
        life.at(9 * second);
        let [ping] = &life.take_sent()[..] else { panic!("one Ping") };
        assert_eq!(ping.first, 0x89);

        let now = 9 * second + second / 2;
        let mut wire = [
            R::from_peer(0x8A, &ping.payload),
            R::from_peer(0x01, b"text "),
            R::from_peer(0x89, b"?"),
            R::from_peer(0x80, b"in two"),
            R::from_peer(0x82, b"whole"),
            R::from_peer(0x88, b"\x03\xE9bye"),
        ]
        .concat();
        let mut input = &mut wire[..];
        let mut pieces = Vec::new();
        while let Some(event) = life.session.next_piece(now, &mut input, &mut life.out) {
            let SessionEvent::Received(piece) = event else { panic!("{event:?}") };
            pieces.push(piece);
        }
        let [Piece::Pong(_), pieces @ .., Piece::Close(Some(close))] = &pieces[..] else {
            panic!("{pieces:?}")
        };
        let expected = [
            Piece::Text { text: "text ".into(), fin: false },
            Piece::Ping(b"?"[..].into()),
            Piece::Text { text: "in two".into(), fin: true },
            Piece::Binary { bytes: b"whole"[..].into(), fin: true },
        ];
        assert_eq!(pieces, expected);
        assert_eq!(close.code(), CloseCode::GOING_AWAY);
        assert_eq!(life.session.round_trip(), Some(second / 2));
        assert_eq!(life.take_sent().iter().map(|f| f.first).collect::<Vec<_>>(), [0x8A, 0x88]);

        life.flush();
        life.end_of_input();
        assert_eq!(life.ended(), info(1001, "bye", true, Initiator::Remote));
    }
    check::<Server>();
    check::<Client>();
}
