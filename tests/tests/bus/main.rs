//! Servers on a bus, with real brokers: `./check bus`, which has `nats-server` and `redis-server` installed.
//! Each scenario runs with each broker and each adapter.
#![cfg(target_os = "linux")]

mod broker;
mod crowd;
mod everywhere;
mod names;
mod outage;
mod server;

use std::thread;
use std::time::{Duration, Instant};

use conformance::adapters::{Mio, Std, Tokio};
use peak_alloc::PeakAlloc;

use broker::Kind;

/// Counts the heap of the whole process.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The time limit after which a call counts as hanging.
const LONG: Duration = Duration::from_secs(60);

/// Waits until a condition is true.
fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < LONG, "waited for a minute until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Generates a test of each scenario for a broker and an adapter.
macro_rules! of_each {
    ($($name:ident: $broker:ident, $adapter:ty;)*) => {$(
        mod $name {
            use super::*;

            of_each! { @each $broker, $adapter;
                everywhere: a_thousand_subscribers_hear_everything_once,
                    topics_that_come_and_go_are_right_in_the_end;
                names: hostile_topics_are_topics, what_the_broker_does_not_take_is_delivered_here,
                    bytes_of_strangers_are_ignored, a_password_is_used_and_not_told;
                outage: a_broker_that_ends_is_reported_and_found_again, a_broker_may_come_later,
                    a_broker_that_stops_reading_costs_its_own_messages_only;
            }
        }
    )*};
    (@each $broker:ident, $adapter:ty; $($file:ident: $($scenario:ident),*;)*) => {$($(
        #[test]
        fn $scenario() {
            $file::$scenario::<$adapter>(Kind::$broker);
        }
    )*)*};
}

of_each! {
    std_over_nats: Nats, Std;
    std_over_redis: Redis, Std;
    mio_over_nats: Nats, Mio;
    mio_over_redis: Redis, Mio;
    tokio_over_nats: Nats, Tokio;
    tokio_over_redis: Redis, Tokio;
}
