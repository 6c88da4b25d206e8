//! Tests of the test tools: other tests show that they accept valid behaviour, these show that they
//! detect invalid behaviour.

use std::cell::{Cell, RefCell};
use std::panic;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use wsproto::handshake::{Accept, ClientRequest, Request, Response};
use wsproto::{
    CloseCode, CloseInfo, Config, Event, Initiator, KeepAlive, Server, SessionError, SessionEvent,
};
use wsproto_testing::{
    Ask, Cuts, Frame, KEY, Life, Net, Pair, Part, Seen, assert_order, close_frame, closes, cuts,
    header, part,
};

fn panics(body: impl FnOnce() + panic::UnwindSafe) -> bool {
    panic::catch_unwind(body).is_err()
}

/// R6455-5.5.1-5: a second Close, or any other frame after the first.
#[test]
fn frames_after_a_close_are_detected() {
    let (close, text) = (Frame::new(0x88, None, b""), Frame::new(0x81, None, b"late"));
    assert_eq!(closes(&[text.encode(), close.encode()].concat()), 1);
    assert_eq!(closes(&[close.encode(), close.encode()].concat()), 2);
    let wrong = [close.encode(), text.encode()].concat();
    assert!(panics(move || assert_eq!(closes(&wrong), 1)));
}

#[test]
fn half_a_frame_is_detected() {
    let frame = Frame::new(0x82, Some(KEY), &[7; 126]).encode();
    for len in 1..frame.len() {
        let part = frame[..len].to_vec();
        assert!(panics(move || drop(Frame::read_all(&part))), "{len} bytes");
    }
}

#[test]
fn every_wrong_order_is_detected() {
    let open = || SessionEvent::Open;
    let text = || SessionEvent::Received(Event::Text("".into()));
    let close = || SessionEvent::Received(Event::Close(None));
    let error = || SessionEvent::Error(SessionError::CloseTimeout);
    let closed = || {
        let (code, reason) = (CloseCode::ABNORMAL, String::new());
        let initiator = Initiator::Remote;
        SessionEvent::Closed(CloseInfo { code, reason, sent: None, was_clean: false, initiator })
    };
    let right: [Vec<Seen>; 4] = [
        vec![SessionEvent::Upgrade, open(), text(), text(), close(), closed()],
        vec![open(), text(), error(), closed()],
        vec![error(), closed()],
        vec![closed()],
    ];
    let wrong: [Vec<Seen>; 9] = [
        vec![text()],
        vec![text(), open()],
        vec![open(), open()],
        vec![open(), SessionEvent::Upgrade],
        vec![open(), close(), text()],
        vec![open(), error(), text()],
        vec![open(), error(), error()],
        vec![open(), closed(), closed()],
        vec![open(), closed(), text()],
    ];
    right.iter().for_each(|log| assert_order(log));
    for log in wrong {
        let shown = format!("{log:?}");
        assert!(panics(move || assert_order(&log)), "{shown}");
    }
}

/// A length of zero would cut forever.
#[test]
fn no_part_is_empty() {
    assert_eq!(Cuts::new([0]).cut(b"ab").collect::<Vec<_>>(), [b"a", b"b"]);
    assert_eq!(Cuts::new([]).cut(b"ab").collect::<Vec<_>>(), [b"ab"]);
    assert_eq!(Cuts::new([2, 1]).cut(b"abcd").collect::<Vec<_>>(), [&b"ab"[..], b"c", b"d"]);
}

fn request() -> ClientRequest {
    ClientRequest::parse("ws://localhost/chat").expect("a URL")
}

fn guarded(request: &Request) -> Result<Accept, Response> {
    match request.bearer() {
        Some("secret") => Ok(Accept::new()),
        _ => Err(Response::text(401, "Log in first\n")),
    }
}

/// A server's answer decides, with either driver, and each end has its own limits.
#[test]
fn a_pair_and_a_net_ask_the_server() {
    let small = Config::new().max_message_size(4);
    for (token, status) in [("secret", 101), ("guess", 401)] {
        let request = request().bearer(token).expect("a token");
        let mut pair = Pair::new(&Config::new(), Cuts::every(7))
            .with_client(request.clone(), Config::new())
            .with_server(small.clone(), guarded);
        pair.run(|pair| pair.client.life.log.len() + pair.server.life.log.len() >= 3);
        assert_eq!(pair.client.life.log.contains(&SessionEvent::Open), status == 101);

        let mut net = Net::new(&Config::new(), 1000, Cuts::every(7))
            .with_client(request, Config::new())
            .with_server(small.clone(), guarded);
        net.client.app = Box::new(|ws, event, _| match event {
            Some(SessionEvent::Open) => ws.send_text("12345").expect("open"),
            Some(SessionEvent::Error(_)) => {
                assert_eq!(ws.take_response().expect("a refusal").status(), 401);
            }
            _ => {}
        });
        let (client, _) = net.run_to_the_end();
        let expected = if status == 101 { CloseCode::MESSAGE_TOO_BIG } else { CloseCode::ABNORMAL };
        assert_eq!(client.code, expected);
    }
}

/// The application of a pair replaces the echo, and sees the time.
#[test]
fn a_pair_calls_its_application() {
    let mut pair = Pair::new(&Config::new(), Cuts::every(3)).with_app(|server, event| {
        if let SessionEvent::Received(Event::Text(_)) = event {
            server.ask(&Ask::Text(server.now.as_secs().to_string()));
        }
    });
    pair.run(|pair| pair.client.life.log.contains(&SessionEvent::Open));
    pair.wait(Duration::from_secs(60));
    pair.client.life.ask(&Ask::Text("How late is it?".into()));
    pair.run(|pair| !pair.client.life.received().is_empty());
    assert_eq!(pair.client.life.received(), [Event::Text("60".into())]);
}

/// As in every loop: each report is passed on before the next one is taken, so the answer to a message leaves
/// before that to the Close behind it, however both arrive. And the application hears of the end.
#[test]
fn the_application_of_a_pair_hears_of_each_report_in_time() {
    for cuts in [Cuts::every(1), Cuts::every(usize::MAX)] {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let app = move |server: &mut Life<Server>, event: &Seen| {
            log.borrow_mut().push(event.clone());
            if let SessionEvent::Received(Event::Text(_)) = event {
                server.ask(&Ask::Text("answer".into()));
            }
        };
        let mut pair = Pair::new(&Config::new(), cuts).with_app(app);
        pair = pair.with_server(Config::new(), |_| Ok(Accept::new()));
        pair.run(|pair| pair.client.life.log.contains(&SessionEvent::Open));
        pair.client.life.ask(&Ask::Text("question".into()));
        pair.client.life.close(None).expect("open");
        let (client, server) = pair.run_to_the_end();
        assert_eq!(client.received(), [Event::Text("answer".into()), Event::Close(None)]);
        assert_eq!(*seen.borrow(), server.log);
        assert!(server.ended().was_clean);
    }
}

/// The actions of an application in its call are reported after the call.
#[test]
fn an_application_may_end_its_session() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let mut pair = Pair::new(&Config::new(), Cuts::every(3)).with_app(move |server, event| {
        log.borrow_mut().push(event.clone());
        if *event == SessionEvent::Open {
            server.abort();
        }
    });
    pair.run(|pair| pair.server.is_over());
    assert!(matches!(
        &seen.borrow()[..],
        [SessionEvent::Upgrade, SessionEvent::Open, SessionEvent::Closed(_)]
    ));
}

#[test]
fn an_impossible_answer_is_detected() {
    let unoffered = |_: &Request| Ok(Accept::new().subprotocol("chat"));
    let mut net = Net::new(&Config::new(), 1000, Cuts::every(7));
    net = net.with_server(Config::new(), unoffered);
    assert!(panics(panic::AssertUnwindSafe(move || drop(net.run_to_the_end()))));
    let pair = Pair::new(&Config::new(), Cuts::every(7)).with_server(Config::new(), unoffered);
    assert!(panics(panic::AssertUnwindSafe(move || drop(pair.run_to_the_end()))));
}

/// Deadlines on the way are met at their time, and the application is told the time.
#[test]
fn a_net_runs_for_a_given_time() {
    let (interval, patience) = (Duration::from_secs(10), Duration::from_secs(5));
    let config = Config::new().keep_alive(Some(KeepAlive { interval, patience }));
    let mut net =
        Net::new(&Config::new(), 1000, Cuts::every(7)).with_server(config, |_| Ok(Accept::new()));
    let times = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&times);
    net.server.app = Box::new(move |_, event, now| {
        if let Some(SessionEvent::Received(Event::Pong(_))) = event {
            log.borrow_mut().push(now.as_secs());
        }
    });
    assert!(net.run_for(Duration::ZERO));
    assert!(net.server.log.contains(&SessionEvent::Open) && net.now < Duration::from_secs(1));
    assert!(!net.run_for(Duration::from_secs(9)));
    assert!(net.run_for(Duration::from_secs(26)));
    assert_eq!(*times.borrow(), [10, 20, 30]);
    assert_eq!(net.now.as_secs(), 35);
}

/// Returns a net whose server closes it after 3 s, and tells this deadline until then, or for ever.
fn impatient(tells_for_ever: bool) -> Net {
    let mut net = Net::new(&Config::new(), 1000, Cuts::every(7));
    let deadline = Rc::new(Cell::new(Some(Duration::from_secs(3))));
    let told = Rc::clone(&deadline);
    net.server.app = Box::new(move |ws, event, now| {
        if event.is_none() && deadline.get().is_some_and(|at| now >= at) {
            ws.close(None, now).expect("open");
            deadline.set(deadline.get().filter(|_| tells_for_ever));
        }
    });
    net.server.app_deadline = Box::new(move || told.get());
    net
}

#[test]
fn the_time_of_a_net_stops_at_the_deadline_of_an_application() {
    let mut net = impatient(false);
    net.run_for(Duration::from_secs(60));
    let closed = net.client.closed().expect("closed");
    assert_eq!(closed.code, CloseCode::NO_STATUS);

    let mut net = impatient(false).with_server(Config::new(), |_| Ok(Accept::new()));
    let (client, _) = net.run_to_the_end();
    assert!(client.was_clean);
    assert_eq!(net.now.as_secs(), 3);
}

#[test]
#[should_panic(expected = "the application's deadline stays in the past")]
fn an_application_must_not_tell_a_deadline_for_ever() {
    impatient(true).run_for(Duration::from_secs(60));
}

proptest! {
    #[test]
    fn cuts_lose_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..200), cuts in cuts()) {
        let parts: Vec<_> = cuts.cut(&bytes).collect();
        prop_assert!(parts.iter().all(|part| !part.is_empty()));
        prop_assert_eq!(parts.concat(), bytes);
    }

    #[test]
    fn frames_are_read_as_they_were_written(first: u8, key: Option<[u8; 4]>, len in 0..70_000_usize) {
        let frame = Frame::new(first, key, &vec![0x5A; len]);
        let bytes = frame.encode();
        prop_assert!(bytes.starts_with(&header(first, key, len as u64)));
        prop_assert_eq!(Frame::read_all(&bytes), [frame]);
    }

    /// Apart from noise and random frames, a part consists of whole frames.
    #[test]
    fn parts_are_frames(part in part()) {
        let frames = match &part {
            Part::Fragments(parts) => 2 * parts.len(),
            Part::Noise(_) => return Ok(()),
            _ => 1,
        };
        prop_assert_eq!(Frame::read_all(&part.encode(Some(KEY))).len(), frames);
        prop_assert_eq!(Frame::read_all(&part.encode(None)).len(), frames);
    }

    #[test]
    fn close_frames_may_be_sent(frame in close_frame()) {
        prop_assert!(frame.is_none_or(|frame| frame.code().is_sendable()));
    }
}
