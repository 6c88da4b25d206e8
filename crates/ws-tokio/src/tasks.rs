//! The tasks that a connection wakes.
//!
//! No wake-up is lost: a task registers itself before it looks at the connection, or while it holds the lock of the
//! connection under which it has looked. Every change of the connection is made under that lock, and wakes the tasks
//! later.

use std::collections::BTreeMap;
use std::mem;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};

use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use ws_common::Error;
use ws_common::adapter::Conversation;

/// The first key of the tasks that wait for the end alone, which messages do not wake.
const AT_END: u64 = 1 << 63;

/// The tasks that a connection wakes, and what they hand to each other. As a waker of the connection's stream, it
/// wakes those that wait for the stream. Its lock is always taken last, and no foreign code runs while it is held.
#[derive(Default)]
pub(crate) struct Tasks {
    state: Mutex<State>,
    /// Whether there may be [waiters](State::waiters) below [`AT_END`]. It is written under the lock.
    has_waiters: AtomicBool,
    /// How often the stream has become ready. It is written under the lock.
    stream_wakes: AtomicU32,
    /// How many bytes were written to the stream. It outlives the stream, for the tasks that wait for a flush.
    written: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The task that waits in a call of the owner.
    owner: Option<Waker>,
    /// The task that carries the connection.
    carrier: Option<Waker>,
    /// Whether there is such a task, or one was spawned.
    carried: bool,
    /// Whether the carrier was woken since it registered itself.
    carrier_woken: bool,
    /// Whether the carrier waits for the stream.
    carrier_waits: bool,
    /// How to spawn a carrier when there is work for one, and in which runtime.
    spawn: Option<(Weak<dyn Carry>, Handle)>,
    /// Whether the carrier has ended.
    ended: bool,
    /// The tasks that wait for room, or until something is written; from [`AT_END`] on, those that wait for the end.
    waiters: BTreeMap<u64, Waker>,
    next: u64,
    /// The conversation that the owner has handed to the carrier.
    handed: Option<Box<Conversation>>,
    /// The failure to read that the carrier hands to the owner.
    failure: Option<Box<Error>>,
}

/// Work that a task can carry: that of a connection, or the background work of a server.
pub(crate) trait Carry: Send + Sync {
    /// Spawns the task.
    fn carry(self: Arc<Self>, runtime: &Handle);
}

impl Tasks {
    /// Has a carrier of `work` spawned whenever one is needed, from now on in this runtime.
    pub(crate) fn spawn_when_needed(&self, work: Weak<dyn Carry>, runtime: Handle) {
        let before = self.lock().spawn.replace((work, runtime));
        // Dropped without the lock.
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Counts bytes that were written. Call it under the lock of the connection.
    pub(crate) fn count_written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns how many bytes were written. Call it under the lock of the connection.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Returns how often the stream has become ready. It is counted before tasks are woken.
    pub(crate) fn stream_wakes(&self) -> u32 {
        self.stream_wakes.load(Ordering::Relaxed)
    }

    /// Registers the task of the owner. Returns the failure that the carrier has handed to it.
    pub(crate) fn register_owner(&self, context: &Context<'_>) -> Option<Error> {
        let mut state = self.lock();
        let (before, failure) = (register(&mut state.owner, context), state.failure.take());
        drop(state);
        drop(before);
        failure.map(|failure| *failure)
    }

    /// Registers the task that carries the connection. Returns the conversation that the owner has handed to it.
    pub(crate) fn register_carrier(&self, context: &Context<'_>) -> Option<Conversation> {
        let mut state = self.lock();
        let before = register(&mut state.carrier, context);
        state.carrier_woken = false;
        let handed = state.handed.take();
        drop(state);
        drop(before);
        handed.map(|handed| *handed)
    }

    /// Records that the carrier ends because it has no work left. Returns false, and it must go on, if it was woken
    /// since it has registered itself: so no wake-up is lost, because a later one spawns another carrier.
    pub(crate) fn retire(&self) -> bool {
        let mut state = self.lock();
        if state.carrier_woken || state.spawn.is_none() {
            return false;
        }
        state.carried = false;
        let carrier = state.carrier.take();
        drop(state);
        drop(carrier);
        true
    }

    /// Records that the runtime of the carrier has shut down. The next wake-up spawns another one.
    pub(crate) fn lose_runtime(&self) {
        let mut state = self.lock();
        state.carried = false;
        let carrier = state.carrier.take();
        drop(state);
        drop(carrier);
    }

    /// Returns whether a carrier can be spawned.
    pub(crate) fn has_runtime(&self) -> bool {
        self.lock().spawn.is_some()
    }

    /// Sets whether the carrier waits for the stream.
    pub(crate) fn set_carrier_waits(&self, waits: bool) {
        self.lock().carrier_waits = waits;
    }

    /// Wakes the carrier. Spawns one if there is none, and the connection has an owner.
    pub(crate) fn wake_carrier(&self) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        state.carrier_woken = true;
        if let Some((work, runtime)) = &state.spawn
            && !state.carried
        {
            let (work, runtime) = (work.upgrade(), runtime.clone());
            state.carried = work.is_some();
            drop(state);
            if let Some(work) = work {
                work.carry(&runtime);
            }
            return;
        }
        let carrier = state.carrier.clone();
        drop(state);
        if let Some(carrier) = carrier {
            carrier.wake();
        }
    }

    /// Wakes the carrier, if there is one, to look at the deadlines: it may have no work left.
    pub(crate) fn check_carrier(&self) {
        let mut state = self.lock();
        state.carrier_woken = true;
        let carrier = state.carrier.clone();
        drop(state);
        if let Some(carrier) = carrier {
            carrier.wake();
        }
    }

    pub(crate) fn wake_owner(&self) {
        let owner = self.lock().owner.take();
        if let Some(owner) = owner {
            owner.wake();
        }
    }

    /// Returns whether tasks wait for room, or until something is written: those that have registered themselves before
    /// the caller has locked the connection.
    pub(crate) fn has_waiters(&self) -> bool {
        self.has_waiters.load(Ordering::Relaxed)
    }

    /// Wakes the tasks that wait for room, or until something is written; and those that wait for the end, if the
    /// connection is `over`.
    pub(crate) fn wake_waiters(&self, over: bool) {
        if !over && !self.has_waiters() {
            return;
        }
        let mut state = self.lock();
        let at_end = if over { BTreeMap::new() } else { state.waiters.split_off(&AT_END) };
        let waiters = mem::replace(&mut state.waiters, at_end);
        self.has_waiters.store(false, Ordering::Relaxed);
        drop(state);
        waiters.into_values().for_each(Waker::wake);
    }

    /// Hands the conversation to the carrier. Returns it if that has ended.
    pub(crate) fn hand(&self, conversation: Conversation) -> Option<Conversation> {
        let mut state = self.lock();
        if state.ended {
            return Some(conversation);
        }
        state.handed = Some(Box::new(conversation));
        drop(state);
        self.wake_carrier();
        None
    }

    /// Hands a failure to the owner.
    pub(crate) fn fail(&self, error: Error) {
        self.lock().failure.get_or_insert_with(|| Box::new(error));
    }

    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.lock().failure.take().map(|failure| *failure)
    }

    /// Records that the carrier has ended. Returns the conversation that was handed to it.
    pub(crate) fn end(&self) -> Option<Conversation> {
        let mut state = self.lock();
        state.ended = true;
        let (carrier, handed) = (state.carrier.take(), state.handed.take());
        drop(state);
        drop(carrier);
        handed.map(|handed| *handed)
    }
}

/// Has the current task run again, after the other tasks that are ready, and after the runtime has looked for I/O. A
/// task that wakes itself instead runs dozens of times before the runtime looks for I/O.
pub(crate) fn run_again(context: &mut Context<'_>) {
    // Outside of a runtime of tokio, the task is woken at once.
    let _ = pin!(yield_now()).poll(context);
}

/// Replaces a waker by that of the context. Drop the previous one without the lock.
fn register(slot: &mut Option<Waker>, context: &Context<'_>) -> Option<Waker> {
    match slot {
        Some(waker) if waker.will_wake(context.waker()) => None,
        slot => slot.replace(context.waker().clone()),
    }
}

/// The stream is ready: wakes the owner, and the carrier if that waits for the stream.
impl Wake for Tasks {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.lock();
        self.stream_wakes.store(self.stream_wakes().wrapping_add(1), Ordering::Relaxed);
        let owner = state.owner.take();
        let carrier = state.carrier.clone().filter(|_| state.carrier_waits);
        state.carrier_woken |= carrier.is_some();
        drop(state);
        owner.into_iter().chain(carrier).for_each(Waker::wake);
    }
}

/// A place among the tasks that wait for room, until something is written, or for the end. Dropping it gives the place
/// up.
pub(crate) struct Waiter {
    tasks: Arc<Tasks>,
    /// Zero, or [`AT_END`].
    first: u64,
    key: Option<u64>,
}

impl Waiter {
    pub(crate) fn new(tasks: &Arc<Tasks>) -> Self {
        Self { tasks: Arc::clone(tasks), first: 0, key: None }
    }

    /// A place among those that wait for the end alone.
    pub(crate) fn at_end(tasks: &Arc<Tasks>) -> Self {
        Self { tasks: Arc::clone(tasks), first: AT_END, key: None }
    }

    /// Registers the task for the next [`Tasks::wake_waiters`]. Call it under the lock of the connection.
    pub(crate) fn register(&mut self, context: &Context<'_>) {
        let mut state = self.tasks.lock();
        let key = match self.key {
            Some(key) => key,
            None => {
                state.next += 1;
                *self.key.insert(self.first + state.next)
            }
        };
        let before = state.waiters.insert(key, context.waker().clone());
        if key < AT_END {
            self.tasks.has_waiters.store(true, Ordering::Relaxed);
        }
        drop(state);
        drop(before);
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let waker = self.tasks.lock().waiters.remove(&key);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_that_waits_for_the_end_costs_no_turn_anything() {
        let (tasks, counts) = (Arc::<Tasks>::default(), [(); 2].map(|()| Arc::<Count>::default()));
        let woken = || counts.each_ref().map(|count| count.0.load(Ordering::Relaxed));
        let [at_end, written] = counts.each_ref().map(|count| Waker::from(Arc::clone(count)));
        let mut end_waiter = Waiter::at_end(&tasks);
        end_waiter.register(&Context::from_waker(&at_end));
        assert!(!tasks.has_waiters());
        tasks.wake_waiters(false);
        assert_eq!(woken(), [0, 0]);

        let mut waiter = Waiter::new(&tasks);
        waiter.register(&Context::from_waker(&written));
        assert!(tasks.has_waiters());
        tasks.wake_waiters(false);
        assert_eq!(woken(), [0, 1]);
        assert!(!tasks.has_waiters());
        tasks.wake_waiters(true);
        assert_eq!(woken(), [1, 1]);
        tasks.wake_waiters(true);
        assert_eq!(woken(), [1, 1], "each is woken once");
    }
}
