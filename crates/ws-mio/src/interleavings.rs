//! The hand-over to a loop that may sleep, in the orders in which threads may run: the mailbox and the queue of
//! newcomers are compiled here once more, with the locks and atomics of `shuttle`, whose threads change places at
//! each of them. A message that waits while all sleep is a deadlock, which `shuttle` reports.
//!
//! Orders of memory are those of one processor. Each pair of a store and a load that relies on more is `SeqCst`, or
//! under a lock.

mod sync {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use std::ops::{Deref, DerefMut};
    use std::sync::PoisonError;

    /// A lock as that of `parking_lot`.
    #[derive(Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    /// `None` while a condition is awaited.
    pub(crate) struct MutexGuard<'a, T>(Option<shuttle::sync::MutexGuard<'a, T>>);

    #[derive(Default)]
    pub(crate) struct Condvar(shuttle::sync::Condvar);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            if let Some(held) = guard.0.take() {
                guard.0 = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
            }
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().expect("it is held")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("it is held")
        }
    }
}

#[expect(clippy::duplicate_mod, reason = "this one has the locks above")]
#[path = "mailbox.rs"]
mod mailbox;

#[expect(clippy::duplicate_mod, reason = "this one has the locks above")]
#[path = "newcomers.rs"]
mod newcomers;

mod connection;

use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Runner, check_dfs, thread};

use self::mailbox::{Mail, Mailbox};
use self::newcomers::Newcomers;
use self::sync::{AtomicUsize, Condvar, Mutex, Ordering};

/// How many orders are tried of those that are too many.
const ORDERS: usize = 2000;

/// Runs a model in random orders, and in those with few changes between threads in unlikely places.
fn check(model: impl Fn() + Clone + Send + Sync + 'static) {
    let mut config = shuttle::Config::new();
    // The turn of a connection, not optimized, needs more than the default.
    config.stack_size = 1 << 18;
    Runner::new(RandomScheduler::new(ORDERS), config.clone()).run(model.clone());
    Runner::new(PctScheduler::new(3, ORDERS), config).run(model);
}

impl<T> Mail for Vec<T> {
    fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

/// A loop's mailbox, and the system's part of it: a waker whose wake ends one wait, the next one if there is none.
#[derive(Default)]
struct Sleeper<M> {
    mailbox: Mailbox<M>,
    woken: Mutex<bool>,
    changed: Condvar,
}

impl<M: Mail> Sleeper<M> {
    fn post(&self, put: impl FnOnce(&mut M)) {
        if self.mailbox.post(put) == Some(true) {
            self.wake();
        }
    }

    fn wake(&self) {
        *self.woken.lock() = true;
        self.changed.notify_all();
    }

    /// Waits as `EventLoop::wait` does, unless `has_more` returns true.
    fn sleep(&self, has_more: impl FnOnce() -> bool) {
        if self.mailbox.fall_asleep() && !has_more() {
            let mut woken = self.woken.lock();
            while !*woken {
                self.changed.wait(&mut woken);
            }
            *woken = false;
        }
        self.mailbox.wake_up();
    }
}

/// Posts from several threads to a loop, which takes all messages and ends.
fn posting(threads: usize, messages: usize, post: fn(&Sleeper<Vec<usize>>, usize)) {
    let sleeper = Arc::new(Sleeper::<Vec<usize>>::default());
    let posters: Vec<_> = (0..threads)
        .map(|poster| {
            let sleeper = Arc::clone(&sleeper);
            thread::spawn(move || {
                (0..messages).for_each(|at| post(&sleeper, poster * messages + at));
            })
        })
        .collect();
    let mut taken = Vec::new();
    while taken.len() < threads * messages {
        taken.extend(sleeper.mailbox.take().unwrap_or_default());
        if taken.len() < threads * messages {
            sleeper.sleep(|| false);
        }
    }
    for poster in 0..threads {
        let of = taken.iter().filter(|message| **message / messages == poster);
        assert!(of.is_sorted(), "{taken:?}");
    }
    posters.into_iter().for_each(|poster| poster.join().expect("no panic"));
}

fn post(sleeper: &Sleeper<Vec<usize>>, message: usize) {
    sleeper.post(|mail| mail.push(message));
}

#[test]
fn no_message_waits_while_its_loop_sleeps() {
    // Every order.
    check_dfs(|| posting(1, 1, post), None);
    check(|| posting(1, 3, post));
    check(|| posting(3, 2, post));
}

/// The models find what they look for.
#[test]
#[should_panic(expected = "deadlock")]
fn a_wake_that_is_left_out_is_found() {
    check(|| {
        posting(1, 1, |sleeper, message| {
            let _ = sleeper.mailbox.post(|mail| mail.push(message));
        });
    });
}

#[test]
fn a_message_is_taken_or_refused_when_the_loop_ends() {
    let model = || {
        let sleeper = Arc::new(Sleeper::<Vec<usize>>::default());
        let posters: Vec<_> = (0..2)
            .map(|message| {
                let sleeper = Arc::clone(&sleeper);
                thread::spawn(move || {
                    usize::from(sleeper.mailbox.post(|mail| mail.push(message)).is_some())
                })
            })
            .collect();
        let mut taken = 0;
        while !sleeper.mailbox.end() {
            taken += sleeper.mailbox.take().map_or(0, |mail| mail.len());
        }
        let posted: usize = posters.into_iter().map(|p| p.join().expect("no panic")).sum();
        assert_eq!(posted, taken);
        assert_eq!(sleeper.mailbox.give_up().len(), 0);
    };
    check_dfs(model, Some(ORDERS));
    check(model);
}

/// The message that ends a loop.
#[derive(Default)]
struct Stop(bool);

impl Mail for Stop {
    fn is_empty(&self) -> bool {
        !self.0
    }
}

/// Hands newcomers over to two loops, as `Handover` does: it wakes one that sleeps. The loop that takes the last one
/// stops all.
fn handing_over(newcomers: usize, most: usize) {
    let queue = Arc::new(Newcomers::new(most));
    let loops: Arc<[Sleeper<Stop>; 2]> = Arc::default();
    let taken = Arc::new(AtomicUsize::new(0));
    let running: Vec<_> = (0..loops.len())
        .map(|at| {
            let (queue, loops, taken) =
                (Arc::clone(&queue), Arc::clone(&loops), Arc::clone(&taken));
            thread::spawn(move || {
                while loops[at].mailbox.take().is_none() {
                    loops[at].sleep(|| !queue.is_empty());
                    while queue.take().is_some() {
                        if taken.fetch_add(1, Ordering::SeqCst) + 1 == newcomers {
                            loops.iter().for_each(|to| to.post(|mail| mail.0 = true));
                        }
                    }
                }
            })
        })
        .collect();
    for newcomer in 0..newcomers {
        assert!(queue.put(newcomer));
        let asleep = loops.iter().find(|sleeper| sleeper.mailbox.is_asleep());
        if let Some(sleeper) = asleep.filter(|sleeper| sleeper.mailbox.must_wake()) {
            sleeper.wake();
        }
    }
    running.into_iter().for_each(|running| running.join().expect("no panic"));
    assert_eq!(taken.load(Ordering::SeqCst), newcomers);
}

#[test]
fn no_newcomer_waits_while_all_loops_sleep() {
    check(|| handing_over(1, 4));
    check(|| handing_over(3, 4));
    // The accepting thread waits for room.
    check(|| handing_over(3, 1));
}

#[test]
fn a_full_queue_that_is_closed_lets_the_accepting_thread_go() {
    let model = || {
        let queue = Arc::new(Newcomers::new(1));
        let accepting = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || (0..3).filter(|newcomer| queue.put(*newcomer)).count())
        };
        let taken = usize::from(queue.take().is_some());
        queue.close();
        assert!(accepting.join().expect("no panic") <= taken + 1);
        assert!(queue.is_empty() && queue.take().is_none());
    };
    check_dfs(model, Some(ORDERS));
    check(model);
}
