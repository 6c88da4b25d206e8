//! The life of a connection.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use conformance::adapters::{Adapter, RawStream};
use ws_common::{ClientOptions, Error, Message, WebSocketConnection};
use wsproto::{CloseCode, ReadyState};

use crate::actors::serve;
use crate::raw;

/// S3-4, S3-5, S3-7, S3-8, S4-3, S4-4, S4-5, S4-7, S4-11, S4-12: first open, then messages, then the
/// end; the server before and after.
pub(crate) fn calls_come_in_order<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (client, log) = running.connect::<C>("/room?x");
    for (count, text) in [(1, "one"), (2, "two")] {
        client.ws.send(text).expect("open");
        log.wait(count, "message");
    }
    client.ws.close(None).expect("open");
    client.join();
    assert_eq!(log.lines(), ["open", "message one", "message two", "terminate 1005 \"\" true"]);
    assert_eq!(
        running.end(),
        [
            "server open",
            "connection /room?x",
            "open",
            "message one",
            "message two",
            "terminate 1005 \"\" true",
            "server terminate"
        ]
    );
}

/// S4-10, S1-4, S3-12.
pub(crate) fn every_kind_of_message_comes_back<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (echo, echoed) = mpsc::channel();
    let handler = move |_: &WebSocketConnection, message: Message| {
        echo.send(message).expect("somebody waits");
    };
    let client = C::connect(running.request("/"), ClientOptions::default(), handler);
    let client = client.expect("it opens");
    let messages: Vec<Message> = vec![
        "Hello".into(),
        "".into(),
        Message::Binary(vec![]),
        Message::Binary((0..=255).collect()),
        "\u{1F600}".repeat(1 << 18).into(),
        Message::Binary(vec![0xAB; 1 << 20]),
        "last".into(),
    ];
    for message in &messages {
        client.ws.send(message.clone()).expect("open");
        assert!(echoed.recv_timeout(raw::LONG).as_ref() == Ok(message));
    }
    // All at once; sending waits for a peer that reads.
    for message in &messages {
        while let Err(error) = client.ws.send(message.clone()) {
            assert!(matches!(error, Error::WouldExceed(Some(_))), "{error}");
            thread::sleep(Duration::from_millis(1));
        }
    }
    for message in &messages {
        assert!(echoed.recv_timeout(raw::LONG).as_ref() == Ok(message));
    }
    client.ws.close(None).expect("open");
    client.join();
    running.end();
}

/// T13, T14: a server closes with any code that a server may send; a reason that is too long is truncated.
pub(crate) fn a_server_closes_with_any_code<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    for code in [1001, 1003, 1008, 1011, 1012, 4400] {
        let (client, log) = running.connect::<C>("/");
        running.log.wait(1, "open");
        for connection in running.handle().connections() {
            connection.terminate(code.into(), &"ü".repeat(100)).expect("a server's code");
        }
        client.join();
        let reason = "ü".repeat(61);
        assert_eq!(log.lines(), ["open", &format!("terminate {code} {reason:?} true")]);
    }
    running.end();
}

/// S1-6, S3-14, X2.
pub(crate) fn a_code_and_a_reason_go_either_way<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (client, log) = running.connect::<C>("/");
    client.ws.send("close").expect("open");
    client.join();
    assert_eq!(log.lines(), ["open", "terminate 4001 \"as you wish\" true"]);

    let (client, log) = running.connect::<C>("/");
    for wrong in [999, 1005, 2999, 5000] {
        assert!(matches!(client.ws.terminate(wrong.into(), ""), Err(Error::Close(_))), "{wrong}");
    }
    // T13: a client's application may set these codes; the error names the call for endpoints that relay.
    let relayed = client.ws.terminate(1001.into(), "").expect_err("not for a client");
    assert!(matches!(relayed, Error::ClientCode(_)) && relayed.to_string().contains("close_with"));
    assert_eq!(client.ws.ready_state(), ReadyState::Open, "a wrong call changes nothing");
    client.ws.terminate(4002.into(), "enough").expect("a private code");
    assert_ne!(client.ws.ready_state(), ReadyState::Open);
    assert!(matches!(client.ws.send("late"), Err(Error::Send(_))));
    assert!(client.ws.terminate(4003.into(), "again").is_ok(), "twice is harmless");
    client.join();
    assert_eq!(log.lines(), ["open", "terminate 4002 \"enough\" true"]);
    let lines = running.end();
    assert!(lines.contains(&"terminate 4002 \"enough\" true".to_owned()), "{lines:?}");
    assert!(lines.contains(&"terminate 4001 \"as you wish\" true".to_owned()), "{lines:?}");
}

/// The fifth invariant: messages sent before the Close leave before it.
pub(crate) fn what_was_sent_before_the_close_arrives<S: Adapter, C: Adapter>() {
    const COUNT: usize = 200;
    let running = serve::<S>(|_| {});
    let (client, log) = running.connect::<C>("/");
    for number in 0..COUNT {
        client.ws.send(number.to_string()).expect("open");
    }
    client.ws.terminate(CloseCode::NORMAL, "done").expect("open");
    client.join();
    // Echoes may be in flight when the Close is sent; they arrive in order, before the Close in reply.
    let answered = log.count("message");
    let expected = (0..answered).map(|number| format!("message {number}"));
    assert_eq!(log.lines()[1..=answered], expected.collect::<Vec<_>>());
    let lines = running.end();
    let sent: Vec<_> = (0..COUNT).map(|number| format!("message {number}")).collect();
    assert_eq!(lines[3..3 + COUNT], sent);
    assert_eq!(lines[3 + COUNT], "terminate 1000 \"done\" true");
}

/// S4-13, S3-6, X9: a broken rule is one error, then the end.
pub(crate) fn an_error_comes_once_and_before_the_end<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (client, _) = running.connect::<C>("/");
    let mut peer = raw::open::<S>(running.address());
    peer.write_all(b"\x81\x82\0\0\0\0hi\x83\x80\0\0\0\0\x81\x82\0\0\0\0no").expect("written");
    assert_eq!(raw::rest(&mut peer), b"\x81\x02hi\x88\x02\x03\xEA");
    drop(peer);
    running.log.wait(1, "terminate");
    // The other connection's `open` may be logged at any time.
    let mut lines = running.log.lines();
    lines.retain(|line| !["server open", "connection /", "open"].contains(&&**line));
    assert_eq!(lines, ["message hi", "error reserved opcode", "terminate 1006 \"\" false"]);
    client.ws.close(None).expect("the other one is open");
    client.join();
    running.end();
}

pub(crate) fn threads_send_whole_messages_in_their_order<S: Adapter, C: Adapter>() {
    const THREADS: usize = 4;
    const EACH: usize = 100;
    let running = serve::<S>(|_| {});
    let (client, log) = running.connect::<C>("/");
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let ws = client.ws.clone();
            scope.spawn(move || {
                for number in 0..EACH {
                    ws.send(format!("{thread} {number}")).expect("open");
                }
            });
        }
    });
    log.wait(THREADS * EACH, "message");
    for thread in 0..THREADS {
        let start = format!("message {thread} ");
        let lines = log.lines();
        let of_it: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix(&start)).collect();
        assert_eq!(of_it, (0..EACH).map(|number| number.to_string()).collect::<Vec<_>>());
    }
    // The same on the server's side, outside its handlers.
    let [connection] = &running.handle().connections()[..] else { panic!("one connection") };
    connection.send("unasked").expect("open");
    log.wait(1, "message unasked");
    client.ws.close(None).expect("open");
    client.join();
    running.end();
}

/// A36: the end directly follows the data, at any moment.
pub(crate) fn a_peer_that_vanishes_is_noticed<S: Adapter, C: Adapter>() {
    const COUNT: usize = 40;
    let running = serve::<S>(|_| {});
    let (client, _) = running.connect::<C>("/");
    let mut peers = Vec::new();
    for number in 0..COUNT {
        let mut peer = raw::open::<S>(running.address());
        peer.write_all(b"\x81\x82\0\0\0\0hi").expect("written");
        peer.end_writing().expect("open");
        // The peer keeps reading, or disconnects.
        if number % 2 == 0 {
            peers.push(peer);
        }
    }
    running.log.wait(COUNT, "terminate 1006 \"\" false");
    assert_eq!(running.log.count("message hi"), COUNT);
    assert_eq!(running.handle().connections().len(), 1);
    client.ws.close(None).expect("open");
    client.join();
    running.end();
}

/// A36: a reset is an end, with and without a message in flight, and in the handshake.
pub(crate) fn a_reset_is_noticed<S: Adapter, C: Adapter>() {
    let running = serve::<S>(|_| {});
    let (client, _) = running.connect::<C>("/");
    for sent in [&b""[..], b"\x81\x82\0\0\0\0h", b"\x81\x82\0\0\0\0hi"] {
        let mut peer = raw::open::<S>(running.address());
        peer.write_all(sent).expect("written");
        peer.reset().expect("open");
    }
    running.log.wait(3, "terminate 1006 \"\" false");
    assert!(running.log.count("error") <= 3, "{:?}", running.log.lines());
    for sent in [&b""[..], b"GET / HTTP/1.1\r\nHost"] {
        let mut peer = raw::connect::<S>(running.address());
        peer.write_all(sent).expect("written");
        peer.reset().expect("open");
    }
    running.log.wait(1, "server error");
    client.ws.close(None).expect("open");
    client.join();
    let lines = running.end();
    // T5: an end before the first byte of a head is no error.
    let errors = lines.iter().filter(|line| line.starts_with("server error"));
    assert_eq!(errors.count(), 1, "{lines:?}");
}

/// A message that another thread sends while the adapter is about to wait for the peer is written at once,
/// before the peer acts.
pub(crate) fn what_is_sent_when_nothing_else_happens_leaves<S: Adapter, C: Adapter>() {
    const ROUNDS: usize = 3000;
    let running = serve::<S>(|_| {});
    let mut peer = raw::open::<S>(running.address());
    running.log.wait(1, "open");
    let [connection] = &running.handle().connections()[..] else { panic!("one connection") };
    let (begin, begun) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            for (round, ()) in begun.iter().enumerate() {
                (0..round % 500 * 10).for_each(|_| std::hint::spin_loop());
                connection.send("!").expect("open");
            }
        });
        for round in 0..ROUNDS {
            begin.send(()).expect("the thread is there");
            peer.write_all(b"\x81\x81\0\0\0\0?").expect("written");
            let mut both = [0; 6];
            peer.read_exact(&mut both).unwrap_or_else(|error| panic!("round {round}: {error}"));
            assert!([b"\x81\x01!\x81\x01?", b"\x81\x01?\x81\x01!"].contains(&&both));
        }
        drop(begin);
    });
    drop(peer);
    let (client, _) = running.connect::<C>("/");
    client.ws.close(None).expect("open");
    client.join();
    running.end();
}
