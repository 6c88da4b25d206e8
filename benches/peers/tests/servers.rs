//! Every server echoes before anybody times it.

use std::time::Duration;

use peers::load::broadcast::{LOADS, Subscribers};
use peers::load::tls::Tls;
use peers::load::{Client, Server, echo, latency, memory, storm};
use peers::servers::{self, publishing};

fn start(name: &str) -> Server {
    let program = env!("CARGO_BIN_EXE_server");
    Server::start(&format!("{program} {name} {{}}")).expect("a server")
}

#[test]
fn messages_of_every_length_are_echoed() {
    for (name, _) in servers::ALL {
        let server = start(name);
        for size in [0, 16, 125, 126, 65_535, 65_536, 1 << 20] {
            let mut client = Client::connect(server.address).expect("a connection");
            for _ in 0..2 {
                client.check(size).unwrap_or_else(|error| panic!("{name}, {size} bytes: {error}"));
            }
        }
    }
}

#[test]
fn every_scenario_can_be_measured() {
    for (name, _) in servers::ALL {
        for mut scenario in echo::scenarios().filter(|scenario| scenario.suits(name)) {
            scenario.idle = scenario.idle.min(10);
            let command = format!("{} {name} {{}}", env!("CARGO_BIN_EXE_server"));
            let measured = Server::start_with_threads(&command, scenario.threads)
                .and_then(|server| echo::measure(&server, scenario, Duration::from_millis(20)));
            let measured = measured.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(measured.messages_per_second > 1.0, "{name}: {measured:?}");
            let timed = measured
                .round_trip
                .is_some_and(|trip| Duration::ZERO < trip.p50 && trip.p50 <= trip.p99);
            assert_eq!(timed, scenario.depth == 1, "{name}: {measured:?}");
        }
    }
}

#[test]
fn every_scenario_can_be_measured_over_tls() {
    let tls = Tls::new().expect("a certificate");
    let [certificate, key] = tls.files().map(|file| file.display().to_string());
    for name in servers::OVER_TLS {
        let program = env!("CARGO_BIN_EXE_server");
        let command = format!("{program} {name} {{}} --tls {certificate} {key}");
        let server = Server::start(&command).expect("a server");
        for size in [0, 16, 125, 65_536, 1 << 20] {
            let mut client = tls.connect(server.address).expect("a connection");
            client.check(size).unwrap_or_else(|error| panic!("{name}, {size} bytes: {error}"));
        }
        for scenario in
            echo::scenarios().filter(|scenario| scenario.threads == 1 && scenario.idle == 0)
        {
            let time = Duration::from_millis(20);
            let measured = echo::measure_over(Some(&tls), &server, scenario, time);
            let measured = measured.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(measured.messages_per_second > 1.0, "{name}: {measured:?}");
        }
    }
}

#[test]
fn latency_can_be_measured() {
    for (name, _) in servers::ALL {
        let measured = latency::measure(&start(name), 1000.0, Duration::from_millis(50));
        let measured = measured.unwrap_or_else(|error| panic!("{name}: {error}"));
        let percentiles = [Duration::ZERO, measured.p50, measured.p99, measured.p999];
        assert!(percentiles[0] < percentiles[1] && percentiles.is_sorted(), "{name}: {measured:?}");
    }
}

#[test]
fn connections_that_come_and_go_can_be_measured() {
    for (name, _) in servers::ALL.iter().filter(|(name, _)| *name != servers::BARE) {
        let measured = storm::measure(&start(name), Duration::from_millis(50));
        let measured = measured.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(measured.connections_per_second > 1.0, "{name}: {measured:?}");
        assert!(
            Duration::ZERO < measured.p50 && measured.p50 <= measured.p99,
            "{name}: {measured:?}"
        );
    }
}

#[test]
fn memory_can_be_measured() {
    for (name, _) in servers::ALL {
        memory::measure(&start(name), 10).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn too_many_connections_are_refused_with_an_explanation() {
    let error = memory::allow(usize::MAX / 2).expect_err("nobody is allowed so many");
    assert!(error.to_string().contains("ulimit -n"), "{error}");
}

#[test]
fn a_server_that_does_not_say_where_it_listens_is_an_error() {
    assert!(Server::start("true").is_err());
    assert!(Server::start("no-such-program").is_err());
}

#[cfg(feature = "deflate")]
#[test]
fn compressed_messages_are_echoed_as_agreed() {
    use peers::load::compressed_echo::{SIZES, measure};
    use peers::servers::compressing::{WITH_TAKEOVER, WITHOUT_TAKEOVER};

    for (takeover, servers) in [(false, &WITHOUT_TAKEOVER[..]), (true, &WITH_TAKEOVER[..])] {
        for (name, _) in servers {
            for size in SIZES {
                let measured = measure(&start(name), takeover, size, Duration::from_millis(20));
                let measured = measured.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(measured.ratio < if takeover { 0.5 } else { 0.8 }, "{name}: {measured:?}");
            }
        }
    }
}

#[test]
fn what_is_published_reaches_all_subscribers_that_are_not_slow() {
    for (name, _) in publishing::ALL {
        let server = start(name);
        let mut subscribers =
            Subscribers::connect(&server, 20).unwrap_or_else(|error| panic!("{name}: {error}"));
        for slow in [false, true] {
            if slow {
                subscribers.slow_down().expect("sockets");
            }
            for load in LOADS {
                let measured = subscribers.measure(&server, load, Duration::from_millis(20));
                let measured = measured.unwrap_or_else(|error| panic!("{name}, {load:?}: {error}"));
                assert!(
                    Duration::ZERO < measured.p50 && measured.p50 <= measured.p99,
                    "{name}: {measured:?}"
                );
                assert!(measured.server_time > Duration::ZERO, "{name}: {measured:?}");
            }
        }
    }
}
