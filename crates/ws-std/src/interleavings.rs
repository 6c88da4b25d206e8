//! Output that is kept while the warden stops calling, in the orders in which threads may run: the collector is compiled
//! here once more, with the atomics of `shuttle`, whose threads change places at each of them.
//!
//! Orders of memory are those of one processor. Each pair of a store and a load that relies on more is `SeqCst`, or
//! under a lock.

mod sync {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
}

#[expect(clippy::duplicate_mod, reason = "this one has the atomics above")]
#[expect(dead_code, reason = "which thread collects is not in the model")]
#[path = "driver/collector.rs"]
mod collector;

use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::Mutex;
use shuttle::{Runner, thread};

use self::collector::{Collector, IDLE};
use self::sync::{AtomicUsize, Ordering};

/// How many orders are tried.
const ORDERS: usize = 5000;

/// Runs a model in random orders, and in those with few changes between threads in unlikely places.
fn check(model: impl Fn() + Clone + Send + Sync + 'static) {
    let config = shuttle::Config::new();
    Runner::new(RandomScheduler::new(ORDERS), config.clone()).run(model.clone());
    Runner::new(PctScheduler::new(3, ORDERS), config).run(model);
}

/// A connection that collects output, and the warden's list of those that want ticks.
#[derive(Default)]
struct Model {
    collector: Collector,
    /// The lock of the connection.
    connection: Mutex<()>,
    /// The number of the message that is kept; 0 if none is.
    kept: AtomicUsize,
    /// How often the connection is in the list.
    listed: AtomicUsize,
}

impl Model {
    /// Returns a connection whose ticks have almost ended.
    fn new() -> Self {
        let model = Self::default();
        model.keep(0, true);
        model.write();
        (0..IDLE).for_each(|_| assert!(model.tick(), "ticks go on for a while"));
        model
    }

    /// Keeps a message, and asks for ticks if necessary, unless that is left out.
    fn keep(&self, message: usize, asks: bool) {
        let _held = self.connection.lock().expect("no panic");
        let wants_ticks = self.collector.keep();
        self.kept.store(message, Ordering::SeqCst);
        if wants_ticks && asks {
            self.listed.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn write(&self) {
        let _held = self.connection.lock().expect("no panic");
        self.collector.wrote(false);
        self.kept.store(0, Ordering::SeqCst);
    }

    /// Returns the message that is kept when no thread changes that.
    fn kept(&self) -> usize {
        let _held = self.connection.lock().expect("no panic");
        self.kept.load(Ordering::SeqCst)
    }

    fn tick(&self) -> bool {
        self.collector.on_tick(|| self.write())
    }

    /// Ticks as the warden does, until the list is empty.
    fn tick_to_the_end(&self) {
        let (mut message, mut calls) = (0, 0);
        while self.listed.load(Ordering::SeqCst) > 0 {
            let before = self.kept();
            calls = if before > 0 && before == message { calls + 1 } else { 1 };
            message = before;
            if !self.tick() {
                self.listed.fetch_sub(1, Ordering::SeqCst);
            }
            let is_late = calls == 2 && message > 0 && self.kept() == message;
            assert!(!is_late, "message {message} is kept for more than two ticks");
        }
    }
}

/// Keeps messages while the ticks end. All but the last are written at once.
fn keeping(messages: usize, asks: bool) {
    let model = Arc::new(Model::new());
    let warden = {
        let model = Arc::clone(&model);
        thread::spawn(move || model.tick_to_the_end())
    };
    for message in 1..=messages {
        model.keep(message, asks);
        if message < messages {
            model.write();
        }
    }
    warden.join().expect("no panic");
    // The warden looks at its list again when it is asked to.
    model.tick_to_the_end();
    assert_eq!(model.kept(), 0, "kept without ticks");
}

#[test]
fn no_output_is_kept_without_ticks() {
    for messages in 1..=3 {
        check(move || keeping(messages, true));
    }
}

/// The models find what they look for.
#[test]
#[should_panic(expected = "kept without ticks")]
fn ticks_that_nobody_asks_for_are_found() {
    check(|| keeping(1, false));
}
