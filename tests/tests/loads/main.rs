//! Loads that all adapters must bear. They are slow and need the whole machine: `./check loads` runs them
//! one by one. The numbers are those of `faults.txt`.
//!
//! No check is an absolute time: each is a count, or a ratio of two times of one run.
#![cfg(target_os = "linux")]

mod connects;
mod fair;
mod idle;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../faults_shared/liveness.rs"]
mod liveness;
mod newcomers;
mod streams;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../faults_shared/support/mod.rs"]
mod support;

use conformance::adapters::{Mio, Std, Tokio};
use peak_alloc::PeakAlloc;

/// Counts the heap of the whole process.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Generates a test of each load for a pair of adapters.
macro_rules! of_pairs {
    ($($name:ident: $server:ty, $client:ty;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            #[ignore = "a load: ./check loads"]
            fn both_send_50_mb() {
                streams::both_send_50_mb::<$server, $client>();
            }

            #[test]
            #[ignore = "a load: ./check loads"]
            fn ten_seconds_both_ways() {
                streams::ten_seconds_both_ways::<$server, $client>();
            }
        }
    )*};
}

of_pairs! {
    std_with_std: Std, Std;
    std_with_mio: Std, Mio;
    mio_with_std: Mio, Std;
    mio_with_mio: Mio, Mio;
    tokio_with_std: Tokio, Std;
    tokio_with_mio: Tokio, Mio;
    tokio_with_tokio: Tokio, Tokio;
    std_with_tokio: Std, Tokio;
    mio_with_tokio: Mio, Tokio;
}

/// Generates a test of each load for an adapter.
macro_rules! of_servers {
    ($($name:ident: $adapter:ty, $($file:ident: $load:ident),*;)*) => {$(
        mod $name {
            use super::*;

            $(
                #[test]
                #[ignore = "a load: ./check loads"]
                fn $load() {
                    $file::$load::<$adapter>();
                }
            )*
        }
    )*};
}

of_servers! {
    on_std: Std, fair: a_stuck_subscriber_costs_others_nothing,
        fair: floods_leave_others_their_turn, idle: idle_connections_wake_nobody,
        connects: twenty_thousand_connects;
    on_mio: Mio, fair: a_stuck_subscriber_costs_others_nothing,
        fair: floods_leave_others_their_turn, idle: idle_connections_wake_nobody;
    on_tokio: Tokio, fair: a_stuck_subscriber_costs_others_nothing,
        fair: floods_leave_others_their_turn, idle: idle_connections_wake_nobody;
}
