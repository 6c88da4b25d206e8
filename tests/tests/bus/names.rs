//! Topics and payloads that are hostile, too long, or a stranger's.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use conformance::adapters::Adapter;
use tokio::runtime::Builder;
use ws_bus::redis::cmd;
use ws_bus::{BusOptions, Nats, Redis};
use ws_common::{Bus, BusError, BusState, SubscribeError};

use crate::broker::{Broker, Kind};
use crate::crowd::Crowd;
use crate::server::Server;
use crate::wait_until;

/// Topics that would be patterns, separators or commands for one of the brokers.
const HOSTILE: &[&str] = &[
    ">",
    "*",
    "a.>",
    "a.*",
    ".",
    "..",
    "a.b",
    "",
    " ",
    "a b",
    "\t",
    "\n",
    "\0",
    "a",
    "A",
    "%",
    "%3E",
    "!",
    "[a-z]*",
    "?",
    "\\",
    "\"",
    "$SYS.>",
    "_INBOX.>",
    "\r\nPUB ws.a 0\r\n\r\n",
    "\r\n*1\r\n$4\r\nPING\r\n",
    "ü",
    "ws.a",
    "\u{feff}",
    "\u{202e}",
];

pub(crate) fn hostile_topics_are_topics<S: Adapter>(kind: Kind) {
    let broker = Broker::start(kind);
    let (one, other) = (
        Server::start::<S>(&broker, "one", BusOptions::new()),
        Server::start::<S>(&broker, "other", BusOptions::new()),
    );
    let longest = ["ü".repeat(100), ">".repeat(200), "\n".repeat(200)];
    let topics: Vec<_> = HOSTILE.iter().map(|&topic| topic.to_owned()).chain(longest).collect();
    let crowd = Crowd::gather(topics.iter().map(|topic| (other.address(), topic.clone())));
    wait_until("the broker has heard of all", || broker.census().len() == topics.len());
    for text in ["first", "last"] {
        for (number, topic) in topics.iter().enumerate() {
            one.must_publish(topic, &format!("{text} {number}"));
        }
    }
    crowd.wait(2 * topics.len());
    for (number, received) in crowd.take().into_iter().enumerate() {
        let expected = ["first", "last"].map(|text| format!("{text} {number}").into());
        assert_eq!(received, expected, "{:?}", topics[number]);
    }
    let too_long = "x".repeat(201);
    assert_eq!(one.publish_elsewhere(&too_long, "x"), Err(BusError::TopicTooLong));
    let ws = other.handle().connections().pop().expect("a client");
    assert!(matches!(ws.subscribe(&too_long), Err(SubscribeError::TopicTooLong(201))));
    assert_eq!(one.changes(), [BusState::Up]);
    crowd.leave();
    one.end();
    other.end();
}

pub(crate) fn what_the_broker_does_not_take_is_delivered_here<S: Adapter>(kind: Kind) {
    const BROKER: usize = 1 << 20;
    /// The bytes before a message.
    const HEADER: usize = 9;

    let limits: &[&str] = match kind {
        // The default of NATS is the same.
        Kind::Nats => &[],
        Kind::Redis => &["--proto-max-bulk-len", "1mb"],
    };
    let broker = Broker::start_with(kind, limits);
    let (one, other) = (
        Server::start::<S>(&broker, "one", BusOptions::new()),
        Server::start::<S>(&broker, "other", BusOptions::new()),
    );
    let here = Crowd::one(one.address(), "a");
    let elsewhere = Crowd::one(other.address(), "a");
    wait_until("the broker has heard of the topic", || broker.census().get("ws.a") == Some(&2));
    for (length, expected) in [
        (BROKER - HEADER + 1, Err(BusError::TooBig)),
        (BROKER - HEADER, Ok(())),
        (9 << 20, Err(BusError::TooBig)),
    ] {
        let count = here.total();
        // The peer may not have read the last one.
        wait_until("there is room here", || one.handle().connections()[0].buffered_amount() == 0);
        let broadcast = one.publish("a", vec![7; length]);
        assert_eq!((broadcast.sent, broadcast.elsewhere), (1, expected), "{length}");
        here.wait(count + 1);
    }
    one.must_publish("a", "end");
    elsewhere.wait(2);
    assert_eq!(elsewhere.take()[0], [vec![7; BROKER - HEADER].into(), "end".into()]);
    assert_eq!(one.changes(), [BusState::Up]);
    here.leave();
    elsewhere.leave();
    one.end();
    other.end();
}

pub(crate) fn bytes_of_strangers_are_ignored<S: Adapter>(kind: Kind) {
    let broker = Broker::start(kind);
    let server = Server::start::<S>(&broker, "one", BusOptions::new());
    let crowd = Crowd::one(server.address(), "a");
    wait_until("the broker has heard of the topic", || broker.census().contains_key("ws.a"));
    let payloads: [&[u8]; 8] = [
        b"",
        b"Hello",
        b"\x01",
        b"\x01\0\0\0\0\0\0\0",
        b"\x01\0\0\0\0\0\0\0\0\xFF",
        b"\x08\0\0\0\0\0\0\0\0Hi",
        &[0xFF; 3000],
        // The last one is well-formed, by the documentation of the bus.
        b"\x01\0\0\0\0\0\0\0\0end",
    ];
    publish_as_stranger(&broker, "ws.a", &payloads);
    crowd.wait(1);
    assert_eq!(crowd.texts(), ["end"]);
    // Nor does a stranger on the channels of the bus itself confuse it.
    publish_as_stranger(&broker, "ws.!", &payloads);
    publish_as_stranger(&broker, "ws.%", &payloads);
    publish_as_stranger(&broker, "ws.a", &payloads[7..]);
    crowd.wait(2);
    assert_eq!(server.changes(), [BusState::Up]);
    crowd.leave();
    server.end();
}

fn publish_as_stranger(broker: &Broker, name: &'static str, payloads: &[&[u8]]) {
    match broker.kind {
        Kind::Nats => {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let client = ws_bus::async_nats::connect(broker.url("")).await.expect("it listens");
                for payload in payloads {
                    client.publish(name, payload.to_vec().into()).await.expect("open");
                }
                client.flush().await.expect("open");
            });
        }
        Kind::Redis => {
            let mut link = broker.redis();
            for payload in payloads {
                cmd("PUBLISH").arg(name).arg(*payload).exec(&mut link).expect("open");
            }
        }
    }
}

/// A password in the URL opens the broker; a wrong one does not, and is in no text.
pub(crate) fn a_password_is_used_and_not_told<S: Adapter>(kind: Kind) {
    let (arguments, password): (&[&str], _) = match kind {
        Kind::Nats => (&["--user", "ann", "--pass", "p@ss word"], "p%40ss%20word"),
        Kind::Redis => {
            (&["--user", "ann", "on", ">p@ss:word", "~*", "&*", "+@all"], "p%40ss%3Aword")
        }
    };
    let broker = Broker::start_with(kind, arguments);
    let bus = |credentials: &str| -> Arc<dyn Bus> {
        match kind {
            Kind::Nats => {
                Arc::new(Nats::connect(broker.url(credentials), BusOptions::new()).expect("a URL"))
            }
            Kind::Redis => {
                Arc::new(Redis::connect(broker.url(credentials), BusOptions::new()).expect("a URL"))
            }
        }
    };
    let right = Server::on::<S>(bus(&format!("ann:{password}@")));
    right.wait(BusState::Up, 1);
    let wrong = bus("ann:secret@");
    assert!(!format!("{wrong:?}").contains("secret"));
    let wrong = Server::on::<S>(wrong);
    wrong.wait(BusState::Down, 1);
    let error = wrong.publish("a", "x").elsewhere;
    assert_eq!(error, Err(BusError::Down));
    // Some attempts later.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(wrong.changes(), [BusState::Down]);
    assert_eq!(right.changes(), [BusState::Up]);
    right.end();
    wrong.end();
}
