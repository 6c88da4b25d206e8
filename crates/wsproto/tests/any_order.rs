//! Any order of calls, on connections and on sessions (promises I7, I8, I10 and I11).

mod support;

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use wsproto::{
    Advice, Client, CloseCode, CloseFrame, Config, Connection, KeepAlive, Server, SessionEvent,
};
use wsproto_testing::{Call, End, Frame, Life, Part, Seen, Side, call, closes, limits, part};

use support::VIOLATION;

/// An operation on a connection.
#[derive(Clone, Debug)]
enum Turn {
    Call(Call),
    Event(Part),
    Piece(Part),
    Fail,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        7 => call().prop_map(Turn::Call),
        4 => part().prop_map(Turn::Event),
        4 => part().prop_map(Turn::Piece),
        1 => Just(Turn::Fail),
    ]
}

fn take<R: End>(ws: &mut Connection<R>, turn: &Turn, out: &mut Vec<u8>) {
    match turn {
        // A refused call has written nothing.
        Turn::Call(call) => drop(call.make(ws.sender(), out)),
        Turn::Event(part) => {
            let mut bytes = part.encode(R::peer_key());
            let mut input = &mut bytes[..];
            while let Ok(Some(_)) = ws.next_event(&mut input, out) {}
        }
        Turn::Piece(part) => {
            let mut bytes = part.encode(R::peer_key());
            let mut input = &mut bytes[..];
            while let Ok(Some(_)) = ws.next_piece(&mut input, out) {}
        }
        Turn::Fail => {
            let mut bytes = VIOLATION;
            let _ = ws.next_event(&mut &mut bytes[..], out);
        }
    }
}

fn any_order<R: End>(turns: &[Turn]) {
    let (mut ws, mut out) = (R::connect_with(limits()), Vec::new());
    for turn in turns {
        take(&mut ws, turn, &mut out);
        assert!(closes(&out) <= 1, "I10: a second Close, or something after the first");
    }
    let masked = R::SIDE == Side::Client;
    let (mut open, mut frames) = (false, Frame::read_all(&out).into_iter());
    assert!(frames.all(|frame| {
        let (data, first) = (frame.first & 0x0F < 8, frame.first & 0x0F != 0);
        let legal = frame.first & 0x70 == 0 && (!data || first != open);
        open = if data { frame.first & 0x80 == 0 } else { open };
        legal && frame.key.is_some() == masked && (data || frame.payload.len() <= 125)
    }));
}

proptest! {
    /// I7, I10, I11: no order of calls panics, errors write nothing, and all output is legal.
    #[test]
    fn any_order_of_calls(turns in vec(turn(), 0..30)) {
        any_order::<Server>(&turns);
        any_order::<Client>(&turns);
    }
}

/// An operation on a session.
#[derive(Clone, Debug)]
enum Happening {
    /// The next bytes of the opening handshake arrive.
    Handshake(usize),
    Arrival(Part),
    Text(String),
    Close(Option<u16>),
    Ping,
    /// Time passes, in milliseconds.
    Time(u64),
    Deadline,
    Flush,
    EndOfInput,
    Abort,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (1..400_usize).prop_map(Happening::Handshake),
        6 => part().prop_map(Happening::Arrival),
        4 => "[a-z]{0,9}".prop_map(Happening::Text),
        1 => proptest::option::of(1000..5000_u16).prop_map(Happening::Close),
        1 => Just(Happening::Ping),
        2 => (0..3000_u64).prop_map(Happening::Time),
        2 => Just(Happening::Deadline),
        2 => Just(Happening::Flush),
        1 => Just(Happening::EndOfInput),
        1 => Just(Happening::Abort),
    ]
}

fn configured() -> Config {
    let mut config = limits();
    let (interval, patience) = (Duration::from_secs(4), Duration::from_secs(2));
    config.keep_alive = Some(KeepAlive { interval, patience });
    config
}

/// Performs all operations, and checks the order of the events after each.
fn live<R: End>(opened: bool, happenings: &[Happening]) -> (Vec<Seen>, Vec<u8>) {
    let mut life = Life::<R>::begin(configured());
    let mut handshake = R::handshake(&life.out);
    if opened {
        life.read(&std::mem::take(&mut handshake));
    }
    let mut head = true;
    let mut frames = Vec::new();
    for happening in happenings {
        match happening {
            Happening::Handshake(len) => {
                let rest = handshake.split_off(handshake.len().min(*len));
                life.read(&handshake);
                handshake = rest;
            }
            Happening::Arrival(part) => life.read(&part.encode(R::peer_key())),
            Happening::Text(text) => {
                let before = life.out.len();
                let sender = life.session.sender();
                let result = sender.and_then(|sender| sender.send_text(text, &mut life.out));
                assert!(result.is_ok() || life.out.len() == before);
            }
            Happening::Close(code) => {
                let frame = code.and_then(|code| CloseFrame::new(CloseCode::from(code), "").ok());
                let _ = life.close(frame.as_ref());
            }
            Happening::Ping => {
                let _ = life.session.sender().and_then(|s| s.ping(b"", &mut life.out));
            }
            Happening::Time(passed) => life.at(life.now + Duration::from_millis(*passed)),
            Happening::Deadline => {
                if let Some(deadline) = life.session.deadline() {
                    life.at(deadline);
                }
            }
            Happening::Flush => life.flush(),
            Happening::EndOfInput => life.end_of_input(),
            Happening::Abort => life.abort(),
        }
        if life.log.contains(&SessionEvent::Open) {
            // The request or the response to it comes first.
            if std::mem::take(&mut head) {
                let end = life.out.windows(4).position(|end| end == b"\r\n\r\n");
                life.out.drain(..end.expect("a head") + 4);
            }
            frames.append(&mut life.out);
            assert!(closes(&frames) <= 1);
        }
    }
    // In any state, deadlines or the transport lead to the end.
    for _ in 0..9 {
        if life.session.advice() == Advice::Drop {
            break;
        }
        match life.session.deadline() {
            Some(deadline) => life.at(deadline),
            None => life.end_of_input(),
        }
    }
    frames.append(&mut life.out);
    assert!(head || closes(&frames) <= 1);
    let log = life.log.clone();
    life.ended();
    (log, frames)
}

proptest! {
    /// I7, I8, I10: for any order of operations, the events are in order, at most one Close is
    /// sent, the end is reported exactly once, and the run is reproducible.
    #[test]
    fn any_order_of_operations_on_a_session(opened: bool, happenings in vec(happening(), 0..30)) {
        prop_assert_eq!(live::<Server>(opened, &happenings), live::<Server>(opened, &happenings));
        prop_assert_eq!(live::<Client>(opened, &happenings), live::<Client>(opened, &happenings));
    }
}
