//! The example `bus_chat`.

use std::env;
use std::time::{Duration, Instant};

use ws_demo::testing::{Server, check_usage, check_wrong};
use ws_std::{Message, WebSocket};

#[test]
fn usage() {
    check_usage("bus_chat");
    check_wrong("bus_chat", &["127.0.0.1:0"], "--bus is missing");
    check_wrong(
        "bus_chat",
        &["--bus", "ftp://h"],
        "--bus: invalid scheme for NATS server URL: ftp",
    );
}

/// `BUS_URL` is the URL of a broker.
#[test]
#[ignore = "needs a broker: ./check bus"]
fn two_processes_are_one_chat() {
    let url = env::var("BUS_URL").expect("BUS_URL");
    let start = || Server::start("bus_chat", &["127.0.0.1:0", "--bus", &url]);
    let (one, other) = (start(), start());
    let (mut ann, mut bob) = (enter(&one, "Ann"), enter(&other, "Bob"));
    // Until the broker has heard of Bob's room.
    let begun = Instant::now();
    loop {
        ann.send_text("Hello").expect("open");
        match bob.recv_timeout(Duration::from_millis(100)) {
            Ok(heard) => {
                let said = heard.as_ref().and_then(Message::as_text).expect("a text");
                assert!(said.contains("Hello") && said.contains("\"name\":\"Ann\""), "{said}");
                return;
            }
            Err(error) => assert!(error.is_timeout(), "{error}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "Bob hears nothing");
    }
}

/// Enters the chat.
fn enter(server: &Server, name: &str) -> WebSocket {
    let mut ws = ws_std::connect(&format!("ws://{}/?name={name}", server.address)).expect("a chat");
    let welcome = ws.recv().expect("open").expect("a message");
    assert!(welcome.as_text().is_some_and(|text| text.contains("welcome")), "{welcome:?}");
    ws
}
