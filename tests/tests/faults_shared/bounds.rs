//! Limits of a server, and extreme timeouts.

use std::time::Duration;

use conformance::adapters::{Adapter, Mio, Std, Tokio};
use ws_common::{ClientOptions, ServerOptions};
use wsproto::{Config, KeepAlive};

use crate::support::{
    Calls, Peer, address, assert_serves, connect, echo, end, request, telling, upgrade, wait_until,
};

// B1: clients beyond the limit are refused without effect on the others.
pub(crate) fn more_than_allowed_get_503<S: Adapter>() {
    let server = echo::<S>(ServerOptions::new().max_connections(2));
    let mut inside: Vec<_> = (0..2).map(|_| Peer::open(address(&server))).collect();
    let outside: Vec<_> = (0..50).map(|_| Peer::connect(address(&server))).collect();
    for mut peer in outside {
        peer.send(upgrade("/", ""));
        let head = peer.head();
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert_eq!(peer.rest().expect("no reset"), b"Too many connections\n");
    }
    inside.iter_mut().for_each(Peer::echoes);
    drop(inside);
    wait_until("there is room again", || server.handle().connections().is_empty());
    // Wait for the last calls to return.
    while {
        let mut peer = Peer::connect(address(&server));
        peer.send(upgrade("/", ""));
        !peer.head().starts_with("HTTP/1.1 101 ")
    } {}
    end(server);
}

// B8: a head in two parts: the refusal follows the first, and the second causes no reset.
pub(crate) fn a_refusal_ends_as_others_do<S: Adapter>() {
    let server = echo::<S>(ServerOptions::new().max_connections(1));
    let mut inside = Peer::open(address(&server));
    for _ in 0..10 {
        let (head, mut peer) = (upgrade("/", ""), Peer::connect(address(&server)));
        let (first, second) = head.split_at(40);
        peer.send(first);
        assert!(peer.head().starts_with("HTTP/1.1 503 "));
        peer.send(second);
        assert_eq!(peer.rest().expect("no reset"), b"Too many connections\n");
    }
    inside.echoes();
    end(server);
}

// B2: the defaults of a server are fit for the internet, and each stands in one place.
#[test]
fn the_defaults_of_a_server() {
    let half_a_minute = Duration::from_secs(30);
    let ten_seconds = Some(Duration::from_secs(10));
    for (server, most) in [
        (echo::<Std>(ServerOptions::new()), 4096),
        (echo::<Mio>(ServerOptions::default()), 100_000),
        (echo::<Tokio>(ServerOptions::new()), 100_000),
    ] {
        let options = server.handle().options();
        let config = &options.config;
        assert_eq!(config.max_message_size, 1 << 20);
        assert_eq!(config.keep_alive, Some(KeepAlive::new(half_a_minute, half_a_minute)));
        assert_eq!(config.write_timeout, ten_seconds);
        assert_eq!(config.handshake_timeout, ten_seconds);
        assert_eq!(config.close_timeout, ten_seconds);
        assert_eq!(config.high_water_mark, 64 << 10);
        assert_eq!(config.max_head_size, 16 << 10);
        assert_eq!(options.max_connections, Some(most));
        assert!(options.path.is_none() && options.origins.is_none());
        end(server);
    }
    // One call changes one option.
    let options = ServerOptions::new().max_message_size(5).max_connections(7);
    let options = options.keep_alive(None).write_timeout(None).high_water_mark(9);
    let server = echo::<Std>(options);
    let changed = server.handle().options();
    assert_eq!((changed.config.max_message_size, changed.max_connections), (5, Some(7)));
    assert_eq!((changed.config.keep_alive, changed.config.write_timeout), (None, None));
    assert_eq!((changed.config.high_water_mark, changed.config.close_timeout), (9, ten_seconds));
    end(server);
}

/// Changes one timeout of a configuration.
type Change = fn(Config, Duration) -> Config;

const TIMES: [(&str, Change); 5] = [
    ("handshake_timeout", |config, time| config.handshake_timeout(Some(time))),
    ("close_timeout", |config, time| config.close_timeout(Some(time))),
    ("write_timeout", |config, time| config.write_timeout(Some(time))),
    ("interval", |config, time| {
        config.keep_alive(Some(KeepAlive::new(time, Duration::from_secs(30))))
    }),
    ("patience", |config, time| {
        config.keep_alive(Some(KeepAlive::new(Duration::from_millis(20), time)))
    }),
];

/// Opens a connection, exchanges a message and closes.
fn a_whole_life<C: Adapter>(server: &ws_common::RunningServer, options: ClientOptions) {
    let (to, calls) = Calls::new();
    let client = connect::<C>(address(server), options, telling(to)).expect("it opens");
    client.ws.send("Hello").expect("open");
    calls.opened();
    let message = calls.next();
    assert!(matches!(&message, crate::support::Call::Message(_)), "{message:?}");
    client.ws.close(None).expect("open");
    assert!(calls.ended().0.was_clean);
    client.join();
}

// B7: `Duration::MAX` for every timeout.
pub(crate) fn the_longest_times_are_as_good_as_none<S: Adapter, C: Adapter>() {
    for (name, change) in TIMES {
        println!("{name}");
        let longest = change(Config::new(), Duration::MAX);
        let server = echo::<S>(longest.clone().into());
        a_whole_life::<C>(&server, longest.into());
        server.handle().terminate(Some(Duration::MAX));
        server.join();
    }
    let server = echo::<S>(ServerOptions::new());
    let options = ClientOptions::new().connect_timeout(Some(Duration::MAX));
    a_whole_life::<C>(&server, options);
    // `terminate` with the longest timeout waits for a silent peer; a second call hastens the end.
    let mut peer = Peer::open(address(&server));
    peer.echoes();
    server.handle().terminate(Some(Duration::MAX));
    assert_eq!(peer.frame().0, 0x88);
    assert!(!server.handle().is_terminated());
    end(server);
}

// B7: a timeout of zero causes no panic, and every end is reported.
pub(crate) fn no_time_at_all_ends_nothing_else<S: Adapter, C: Adapter>() {
    for (name, change) in TIMES {
        println!("{name}");
        let server = echo::<S>(change(Config::new(), Duration::ZERO).into());
        match name {
            "handshake_timeout" => {
                let mut peer = Peer::connect(address(&server));
                // The connection ends, with or without an answer.
                let _ = peer.rest();
            }
            "close_timeout" => {
                let mut peer = Peer::open(address(&server));
                peer.echoes();
                for ws in server.handle().connections() {
                    ws.close(None).expect("open");
                }
                let _ = peer.rest();
            }
            _ => a_whole_life::<C>(&server, ClientOptions::new()),
        }
        end(server);
    }
    let server = echo::<S>(ServerOptions::new());
    let none = |options| C::connect(request(address(&server), "/"), options, |_: &_, _| {});
    // A connect may succeed within a timeout of zero.
    let _ = none(ClientOptions::new().connect_timeout(Some(Duration::ZERO))).map(|client| {
        client.ws.abort();
        client.join();
    });
    let options = ClientOptions::from(Config::new().handshake_timeout(Some(Duration::ZERO)));
    let _ = none(options).map(|client| {
        client.ws.abort();
        client.join();
    });
    assert_serves::<C>(&server);
    end(server);
}

// B7: the timeouts of a blocking connection.
#[test]
fn the_longest_patience_is_as_good_as_none() {
    let server = echo::<Std>(ServerOptions::new());
    for patience in [Duration::MAX, Duration::ZERO, Duration::from_secs(u64::MAX)] {
        let mut ws = ws_std::connect_with(request(address(&server), "/"), ClientOptions::new())
            .expect("it opens");
        ws.set_recv_timeout(Some(patience));
        ws.set_send_timeout(Some(patience));
        ws.send("Hello").expect("open");
        loop {
            match ws.recv() {
                Ok(message) => break assert_eq!(message, Some("Hello".into())),
                Err(error) => {
                    assert!(patience.is_zero(), "{error}");
                    assert!(matches!(&error, ws_common::Error::Io(_)), "{error}");
                }
            }
        }
        ws.flush().expect("open");
        ws.close(None).expect("open");
        assert!(ws.wait_closed().expect("no error").was_clean);
    }
    end(server);
}
