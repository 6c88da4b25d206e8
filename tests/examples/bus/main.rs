//! The cost of a bus: messages per second and latency of servers on it, beside a bare publisher and a bare
//! subscriber of the same client of the same broker. `./check bus` runs it, and has the brokers installed. It prints a
//! table, separated by tabs.

mod arrivals;
mod bare;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/bus/broker.rs"]
mod broker;
mod servers;

use std::thread;
use std::time::{Duration, Instant};

use arrivals::Arrivals;
use bare::Bare;
use broker::{Broker, Kind};
use servers::Servers;

/// The bytes of a message, and the messages of a round.
const SIZES: [(usize, usize); 2] = [(125, 100_000), (4096, 20_000)];

/// The rounds, whose median is printed.
const ROUNDS: usize = 5;

/// The messages of which latencies are measured, one at a time.
const ALONE: usize = 2000;

fn main() {
    println!("broker\tbytes\tfrom\tto\tmessages_per_s\tp50_us\tp99_us");
    for kind in [Kind::Nats, Kind::Redis] {
        for (size, count) in SIZES {
            let limits: &[&str] = match kind {
                Kind::Nats => &[],
                // Or it ends connections whose bursts exceed its default of 32 MB.
                Kind::Redis => &["--client-output-buffer-limit", "pubsub", "0", "0", "0"],
            };
            let broker = Broker::start_with(kind, limits);
            for row in rows(&broker.url(""), size, count) {
                println!("{kind:?}\t{size}\t{row}");
            }
        }
    }
}

/// Waits until a condition is true.
fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited for a minute until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Measures three ways, in turns: between bare clients, from a server to a bare subscriber, and to a client of
/// another server. Server and subscribers share a topic, so that the last two hear the same messages.
fn rows(url: &str, size: usize, count: usize) -> [String; 3] {
    let topic = format!("cost-{size}");
    let servers = Servers::start(url, &topic, size);
    let mut bare = Bare::connect(url, format!("ws.{topic}"), size);
    let (subscriber, client) = (bare.subscribe(), servers.connect());
    settle(&servers, &[&subscriber, &client]);

    let (mut between, mut out, mut through) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let before = subscriber.count();
        bare.publish(count);
        between.push(rate(count, begun, subscriber.wait(before + count)));
        // The servers hear it too, and discard it: it is no message.
        let (begun, before) = (Instant::now(), [subscriber.count(), client.count()]);
        servers.publish(count);
        out.push(rate(count, begun, subscriber.wait(before[0] + count)));
        through.push(rate(count, begun, client.wait(before[1] + count)));
    }

    let between_alone = alone(&[&subscriber], || bare.publish(1));
    let alone = alone(&[&subscriber, &client], || servers.publish(1));
    let row = |from, to, rates: Vec<f64>, times: &[Duration]| {
        format!("{from}\t{to}\t{:.0}\t{}", median(rates), percentiles(times))
    };
    [
        row("bare client", "bare client", between, &between_alone[0]),
        row("server", "bare client", out, &alone[0]),
        row("server", "client of another server", through, &alone[1]),
    ]
}

/// Publishes until everybody hears it, and has heard all of it.
fn settle(servers: &Servers, all: &[&Arrivals]) {
    while all.iter().any(|arrivals| arrivals.count() == 0) {
        servers.publish(1);
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_millis(500));
}

/// Returns the messages per second.
fn rate(count: usize, begun: Instant, end: Instant) -> f64 {
    count as f64 / end.duration_since(begun).as_secs_f64()
}

/// Publishes messages one at a time; returns the time that each took to each of those that hear it.
fn alone(all: &[&Arrivals], mut publish: impl FnMut()) -> Vec<Vec<Duration>> {
    let mut times = vec![Vec::new(); all.len()];
    for _ in 0..ALONE {
        let before: Vec<_> = all.iter().map(|arrivals| arrivals.count()).collect();
        let begun = Instant::now();
        publish();
        for ((arrivals, before), times) in all.iter().zip(before).zip(&mut times) {
            times.push(arrivals.wait(before + 1).duration_since(begun));
        }
    }
    times
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the median and the 99th percentile, in microseconds.
fn percentiles(times: &[Duration]) -> String {
    let mut times = times.to_vec();
    times.sort();
    let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e6;
    format!("{:.0}\t{:.0}", at(50), at(99))
}
