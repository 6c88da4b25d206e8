//! Output that is collected while a thread handles input that it has already read.
//!
//! A read may bring many messages. The answers to all but the last are kept, and one write carries them, so a
//! server that receives 16 messages at once makes two system calls, not 17. Kept output leaves when the input is
//! used up, with the first byte above [`MOST`], before the thread waits, and after [`LONGEST`] at the latest: a
//! handler that is slow with one message does not hold back the answer to another.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use ws_common::adapter::{Held, WRITE_MOST};
use wsproto::{Advice, Role};

use super::BlockingDriver;
use crate::clock::now;
use crate::warden::Plan;

/// The maximum number of bytes that are kept.
const MOST: usize = 64 << 10;

/// The longest time for which output is kept.
const LONGEST: Duration = Duration::from_millis(10);

/// The thread that collects a connection's output, and the state of that output. Changes under the lock of the
/// connection.
#[derive(Default)]
pub(super) struct Collector {
    /// The [token](this_thread) of the thread; 0 while output is not collected.
    thread: AtomicUsize,
    /// When the warden writes the kept output, in nanoseconds.
    until: AtomicU64,
    /// Whether output is kept, and the warden knows it.
    kept: AtomicBool,
    /// Whether the last write left output, so that nothing is kept until the socket accepts it.
    blocked: AtomicBool,
}

impl Collector {
    /// Begins or ends collecting the output of this thread.
    pub(super) fn set(&self, collects: bool) {
        let thread = if collects { this_thread() } else { 0 };
        self.thread.store(thread, Ordering::Relaxed);
    }

    /// Records a write of the kept output, and whether some of it is left.
    pub(super) fn wrote(&self, blocked: bool) {
        self.kept.store(false, Ordering::Relaxed);
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    /// Returns whether to keep `unwritten` bytes of this thread.
    fn keeps(&self, unwritten: usize) -> bool {
        self.is_this_thread() && unwritten <= MOST && !self.blocked.load(Ordering::Relaxed)
    }

    fn is_this_thread(&self) -> bool {
        self.thread.load(Ordering::Relaxed) == this_thread()
    }

    /// Keeps output. Returns whether that needs a new [deadline](Self::deadline).
    pub(super) fn keep(&self) -> bool {
        if self.kept.swap(true, Ordering::Relaxed) {
            return false;
        }
        let now = now();
        let is_new = self.deadline(now).is_none();
        if is_new {
            let until = now.saturating_add(LONGEST);
            self.until.store(until.as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        is_new
    }

    /// Returns the time by which kept output must be written. It stays set after the output has left, because
    /// later output can use it: a busy connection changes the warden's plan only once in [`LONGEST`].
    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        let until = Duration::from_nanos(self.until.load(Ordering::Relaxed));
        Some(until).filter(|until| *until > now)
    }
}

/// Returns a number that no other living thread has; never 0.
fn this_thread() -> usize {
    thread_local!(static TOKEN: u8 = const { 0 });
    TOKEN.with(|token| ptr::from_ref(token).addr())
}

impl<R: Role> BlockingDriver<R> {
    /// Writes pending output, unless this thread collects it.
    pub(crate) fn write_or_keep(&self, held: &mut Held<'_, R, Self>) {
        if !self.keeps(held) {
            self.write_and_plan(held, WRITE_MOST);
        } else if self.collector.keep() {
            let timer = held.next_timer().filter(|at| *at > now());
            let deadline = held.link().and_then(|link| link.endpoint().deadline());
            let kept = self.collector.deadline(now());
            let deadline = deadline.into_iter().chain(timer).chain(kept).min();
            self.tell(Plan { deadline, ..Plan::default() });
        }
    }

    /// Returns whether the output of this thread was kept: the socket is not blocked, and the output leaves soon.
    pub(super) fn has_kept(&self) -> bool {
        self.collector.is_this_thread() && self.collector.kept.load(Ordering::Relaxed)
    }

    /// Returns whether to keep the output, because this thread collects it. Output of a connection that is closing
    /// leaves at once, and so does that of a stream without a socket, which the warden could not write in time.
    fn keeps(&self, held: &mut Held<'_, R, Self>) -> bool {
        held.live().is_ok_and(|link| {
            self.collector.keeps(link.endpoint().unwritten())
                && link.endpoint().advice() == Advice::KeepOpen
                && link.transport().socket().is_some()
        })
    }

    /// Writes kept output, whichever thread has kept it, so that it leaves before the stream ends.
    pub(crate) fn write_kept(&self, held: &mut Held<'_, R, Self>) {
        if self.collector.kept.load(Ordering::Relaxed) {
            self.write_and_plan(held, WRITE_MOST);
        }
    }

    /// Ends collecting output. The caller then writes the kept output.
    pub(crate) fn end_collecting(&self) {
        self.collector.set(false);
    }
}
