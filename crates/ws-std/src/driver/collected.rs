//! Output that is collected while a thread handles input that it has already read.
//!
//! A read may bring many messages. The answers to all but the last are kept, and leave in one write with the answer to
//! the last, so a server that receives 16 messages at once makes two system calls, not 17. Kept output leaves with the
//! first byte above [`MOST`], before the thread waits, and after two [ticks](TICK) of the warden at the latest: a handler
//! that is slow with one message does not hold back the answer to another.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use ws_common::adapter::{Held, WRITE_MOST};
use wsproto::{Advice, Role};

use super::{Blocking, BlockingDriver};
#[cfg(doc)]
use crate::warden::TICK;
use crate::warden::warden;

/// The maximum number of bytes that are kept.
const MOST: usize = 64 << 10;

/// After how many ticks without kept output the warden looks no more.
const IDLE: u32 = 20;

/// The thread that collects a connection's output, and the state of that output. Changes under the lock of the
/// connection, except `ticks`.
#[derive(Default)]
pub(super) struct Collector {
    /// The [token](this_thread) of the thread; 0 while output is not collected.
    thread: AtomicUsize,
    /// Whether output is kept.
    kept: AtomicBool,
    /// Whether the last write left output, so that nothing is kept until the socket accepts it.
    blocked: AtomicBool,
    /// How many ticks have passed since output was last begun to be kept.
    ticks: AtomicU32,
    /// Whether the warden calls at every tick.
    ticked: AtomicBool,
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

    /// Returns whether `unwritten` bytes may be kept.
    fn has_room(&self, unwritten: usize) -> bool {
        unwritten <= MOST && !self.blocked.load(Ordering::Relaxed)
    }

    fn has_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    fn is_this_thread(&self) -> bool {
        self.thread.load(Ordering::Relaxed) == this_thread()
    }

    /// Keeps output. Returns whether the warden must be asked for ticks.
    pub(super) fn keep(&self) -> bool {
        if self.has_kept() {
            return false;
        }
        self.ticks.store(0, Ordering::Relaxed);
        // Either this thread sees that the ticks have ended, or `end_ticks` sees kept output.
        self.kept.store(true, Ordering::SeqCst);
        !self.ticked.swap(true, Ordering::SeqCst)
    }

    /// Counts a tick. Returns how many have passed since output was last begun to be kept.
    fn tick(&self) -> u32 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }

    /// Ends the ticks. Returns `false` if they must go on, because output is kept again.
    fn end_ticks(&self) -> bool {
        self.ticked.store(false, Ordering::SeqCst);
        !self.kept.load(Ordering::SeqCst) || self.ticked.swap(true, Ordering::SeqCst)
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
        let collects = self.collector.is_this_thread();
        self.write_unless(collects, held);
    }

    /// Writes pending output before the application gets a message, unless this thread collects it, or some is kept:
    /// the answer to the last message of a read leaves with the answers to the others.
    pub(crate) fn write_before_message(&self, held: &mut Held<'_, R, Self>) {
        let collects = self.collector.is_this_thread() || self.collector.has_kept();
        self.write_unless(collects, held);
    }

    fn write_unless(&self, collects: bool, held: &mut Held<'_, R, Self>) {
        if !(collects && self.may_keep(held)) {
            self.write_and_plan(held, WRITE_MOST);
        } else if self.collector.keep() {
            warden().tick(self.this.clone());
        }
    }

    /// Returns whether the output of this thread was kept: the socket is not blocked, and the output leaves soon.
    pub(super) fn has_kept(&self) -> bool {
        self.collector.is_this_thread() && self.collector.has_kept()
    }

    /// Returns whether output may be kept. That of a connection that is closing leaves at once, and so does that of a
    /// stream without a socket, which the warden could not write in time.
    fn may_keep(&self, held: &mut Held<'_, R, Self>) -> bool {
        held.live().is_ok_and(|link| {
            self.collector.has_room(link.endpoint().unwritten())
                && link.endpoint().advice() == Advice::KeepOpen
                && link.transport().socket().is_some()
        })
    }

    /// Writes kept output, whichever thread has kept it, so that it leaves before the stream ends.
    pub(crate) fn write_kept(&self, held: &mut Held<'_, R, Self>) {
        if self.collector.has_kept() {
            self.write_and_plan(held, WRITE_MOST);
        }
    }

    /// Ends collecting output. The caller then writes the kept output.
    pub(crate) fn end_collecting(&self) {
        self.collector.set(false);
    }

    /// Counts a tick, and writes output that was kept before the last one. Returns whether more ticks are wanted.
    pub(super) fn write_late(&self, connection: &Blocking<R>) -> bool {
        let ticks = self.collector.tick();
        if ticks > 0 && self.collector.has_kept() {
            self.write_kept(&mut connection.lock());
        }
        ticks < IDLE || !self.collector.end_ticks()
    }
}
