//! Two sessions joined: bytes cut anywhere, time that passes only when nothing else happens, and
//! each end following the session's advice.

mod support;

use core::time::Duration;

use proptest::prelude::*;
use wsproto::{
    Client, CloseCode, CloseFrame, CloseInfo, Config, Event, Initiator, KeepAlive, ReadyState,
    SessionError, SessionEvent,
};
use wsproto_testing::{Cuts, Life, Pair, Seen, cuts, limits, script};

use support::config;

fn the_end(pair: Pair) -> (CloseInfo, CloseInfo) {
    let (client, server) = pair.run_to_the_end();
    (client.ended(), server.ended())
}

fn is_open(pair: &Pair) -> bool {
    pair.client.life.session.ready_state() == ReadyState::Open
}

fn received(life: &[Seen]) -> Vec<Event<'static>> {
    let events = life.iter().filter_map(|event| match event {
        SessionEvent::Received(event @ (Event::Text(_) | Event::Binary(_))) => Some(event.clone()),
        _ => None,
    });
    events.collect()
}

fn messages() -> Vec<Event<'static>> {
    vec![
        Event::Text("grüße".into()),
        Event::Binary(vec![7; 300].into()),
        Event::Text("".into()),
        Event::Text("€".repeat(25_000).into()),
        Event::Binary(vec![9; 126].into()),
    ]
}

fn send_all(client: &mut Life<Client>) {
    let sender = client.session.sender().expect("open");
    for message in messages() {
        match message {
            Event::Text(text) => sender.send_text(&text, &mut client.out).expect("open"),
            Event::Binary(bytes) => {
                let (front, back) = bytes.split_at(bytes.len() / 2);
                sender.send_binary_fragment(front, false, &mut client.out).expect("open");
                sender.ping(b"between", &mut client.out).expect("open");
                sender.send_binary_fragment(back, true, &mut client.out).expect("open");
            }
            _ => {}
        }
    }
}

/// Parts of one byte, of a few, of segments, and everything at once; some parts of each kind are
/// shorter.
fn all_cuts() -> [Cuts; 4] {
    [Cuts::every(1), Cuts::new([7, 2, 5]), Cuts::new([1460, 1, 900]), Cuts::every(1 << 20)]
}

fn clean(code: u16, reason: &str, initiator: Initiator) -> CloseInfo {
    let (code, reason) = (CloseCode::from(code), reason.to_owned());
    CloseInfo { sent: Some(code), code, reason, was_clean: true, initiator }
}

fn lost(initiator: Initiator) -> CloseInfo {
    CloseInfo { was_clean: false, sent: None, ..clean(1006, "", initiator) }
}

/// R6455-2-2, R6455-6.2-2, invariants 1 to 4: everything arrives once, in order, however it is cut,
/// and the end is clean for both; after an opening handshake, and without one (R8441-5-4).
#[test]
fn messages_there_and_back_and_a_clean_end() {
    let begin = [Pair::new, Pair::without_handshake];
    for (begin, cuts) in begin.into_iter().flat_map(|begin| all_cuts().map(|cuts| (begin, cuts))) {
        let mut pair = begin(&Config::default(), cuts.clone());
        pair.run(is_open);
        send_all(&mut pair.client.life);
        pair.run(|pair| received(&pair.client.life.log).len() == messages().len());
        assert_eq!(received(&pair.server.life.log), messages(), "{cuts:?}");
        assert_eq!(received(&pair.client.life.log), messages(), "{cuts:?}");

        pair.client.life.close(CloseFrame::normal("done").ok().as_ref()).expect("open");
        let (client, server) = the_end(pair);
        assert_eq!(client, clean(1000, "done", Initiator::Local));
        assert_eq!(server, clean(1000, "done", Initiator::Remote));
    }
}

/// Invariant 5: data sent before the Close arrives before it, although the client closes without
/// waiting; the server's answers from before the Close arrive, too.
#[test]
fn a_close_right_after_the_messages_loses_none_of_them() {
    for cuts in all_cuts() {
        let mut pair = Pair::new(&Config::default(), cuts.clone());
        pair.run(is_open);
        send_all(&mut pair.client.life);
        pair.client.life.close(None).expect("open");
        pair.run(|pair| pair.client.is_over() && pair.server.is_over());
        assert_eq!(received(&pair.server.life.log), messages());
        // X6: data that the peer sent before its Close is delivered, although we have closed.
        let echoed = received(&pair.client.life.log);
        assert_eq!(echoed, messages()[..echoed.len()]);
        let (client, server) = the_end(pair);
        assert_eq!(client, clean(1005, "", Initiator::Local));
        assert_eq!(server, clean(1005, "", Initiator::Remote));
    }
}

/// R6455-5.5.1-10: both close before either receives the other's Close; each reports the other's
/// code.
#[test]
fn simultaneous_closes_end_cleanly_in_both_directions() {
    for cuts in all_cuts() {
        let mut pair = Pair::new(&Config::default(), cuts.clone());
        pair.run(is_open);
        let away = CloseFrame::new(CloseCode::GOING_AWAY, "restart").expect("a body");
        pair.server.life.close(Some(&away)).expect("open");
        pair.client.life.close(CloseFrame::normal("done").ok().as_ref()).expect("open");
        let (client, server) = the_end(pair);
        let sent = |code, end| CloseInfo { sent: Some(code), ..end };
        let theirs = clean(1001, "restart", Initiator::Local);
        assert_eq!(client, sent(CloseCode::NORMAL, theirs));
        let theirs = clean(1000, "done", Initiator::Local);
        assert_eq!(server, sent(CloseCode::GOING_AWAY, theirs));
    }
}

/// R6455-7.1.1-3: the server ends the transport first; the client only waits.
#[test]
fn the_server_ends_the_transport_first() {
    let mut pair = Pair::new(&Config::default(), Cuts::every(7));
    pair.run(is_open);
    pair.client.life.close(None).expect("open");
    pair.run(|pair| pair.server.shut);
    assert!(!pair.client.shut, "the client must not be first");
    assert_eq!(the_end(pair).0, clean(1005, "", Initiator::Local));
}

/// R6455-7.2.2-1: a refusal arrives completely before the transport ends.
#[test]
fn a_refusal_arrives_before_the_end() {
    let mut pair = Pair::new(&config(|config| config.max_headers = 3), Cuts::every(5));
    pair.run(|pair| pair.client.is_over() && pair.server.is_over());
    let response = pair.client.life.session.take_response().expect("it arrived");
    assert_eq!(response.status(), 431);
    assert!(!response.body_bytes().is_empty());
    let (client, server) = the_end(pair);
    assert_eq!((client.code, client.was_clean), (CloseCode::ABNORMAL, false));
    assert_eq!((server.code, server.was_clean), (CloseCode::ABNORMAL, false));
}

fn keep_alive() -> Config {
    let (interval, patience) = (Duration::from_secs(30), Duration::from_secs(5));
    config(|config| config.keep_alive = Some(KeepAlive { interval, patience }))
}

/// Concurrent keep-alives of both ends answer each other for a day, and measure the round trip.
#[test]
fn a_quiet_connection_stays_open() {
    let mut pair = Pair::new(&keep_alive(), Cuts::every(1 << 20));
    pair.run(|pair| pair.now > Duration::from_secs(86_400));
    assert!(is_open(&pair));
    for trip in [pair.client.life.session.round_trip(), pair.server.life.session.round_trip()] {
        let trip = trip.expect("measured");
        assert!(trip > Duration::ZERO && trip <= 3 * Pair::LATENCY, "{trip:?}");
    }
}

/// I10, A36, A39: nothing arrives any more, and neither end is told: both end by their deadlines.
#[test]
fn a_dead_line_is_detected_by_both() {
    let mut pair = Pair::new(&keep_alive(), Cuts::every(1 << 20));
    pair.run(is_open);
    pair.cut_off = true;
    pair.run(|pair| pair.client.is_over() && pair.server.is_over());
    assert!(pair.now < Duration::from_secs(60));
    for log in [&pair.client.life.log, &pair.server.life.log] {
        assert!(log.contains(&SessionEvent::Error(SessionError::KeepAliveTimeout)));
    }
    let (client, server) = the_end(pair);
    let gave_up = CloseInfo { sent: Some(CloseCode::INTERNAL_ERROR), ..lost(Initiator::Local) };
    assert_eq!((client, server), (gave_up.clone(), gave_up));
}

/// The same while waiting for the answer to our Close.
#[test]
fn a_dead_line_after_our_close_is_not_clean() {
    let mut pair = Pair::new(&Config::default(), Cuts::every(1 << 20));
    pair.run(is_open);
    pair.cut_off = true;
    pair.client.life.close(None).expect("open");
    pair.run(|pair| pair.client.is_over());
    let log = &pair.client.life.log;
    assert!(log.contains(&SessionEvent::Error(SessionError::WriteTimeout)));
    let sent = Some(CloseCode::NO_STATUS);
    assert_eq!(pair.client.life.ended(), CloseInfo { sent, ..lost(Initiator::Local) });
    pair.server.life.end_of_input();
    assert_eq!(pair.server.life.ended(), lost(Initiator::Remote));
}

proptest! {
    /// I7, I8, I10: for any behaviour of both applications, the clock and the network, nothing
    /// panics, the order of events holds, each end sends at most one Close and is over exactly
    /// once, and the run is reproducible.
    #[test]
    fn any_script(script in script(), cuts in cuts(), handshake in any::<bool>()) {
        let run = || {
            let mut config = limits();
            let (interval, patience) = (Duration::from_secs(4), Duration::from_secs(2));
            config.keep_alive = Some(KeepAlive { interval, patience });
            let begin = if handshake { Pair::new } else { Pair::without_handshake };
            let mut pair = begin(&config, cuts.clone());
            pair.play(&script);
            pair.client.life.close(None).expect("a client may close always");
            let (client, server) = pair.run_to_the_end();
            let logs = (client.log.clone(), server.log.clone());
            (logs, client.ended(), server.ended())
        };
        prop_assert_eq!(run(), run());
    }
}
