//! Messages to a loop that may sleep, and the rule by which none waits while it sleeps.

use std::mem;

use super::sync::{AtomicBool, Mutex, Ordering};

/// The messages to a loop.
pub(crate) trait Mail: Default {
    /// Returns whether there are none.
    fn is_empty(&self) -> bool;
}

/// A mailbox, and whether its loop sleeps.
#[derive(Default)]
pub(crate) struct Mailbox<M> {
    /// Whether the loop is waiting or about to wait, and must be woken; see [`must_wake`](Self::must_wake).
    asleep: AtomicBool,
    inner: Mutex<Inner<M>>,
}

#[derive(Default)]
struct Inner<M> {
    mail: M,
    /// Whether the loop has ended, and accepts no more messages.
    ended: bool,
}

impl<M: Mail> Mailbox<M> {
    /// Puts a message into the mailbox. Returns whether to wake the loop then; `None`, without calling `put`, if
    /// the loop has ended.
    pub(crate) fn post(&self, put: impl FnOnce(&mut M)) -> Option<bool> {
        self.put(put).then(|| self.must_wake())
    }

    /// Puts a message into the mailbox; afterwards, the caller must ask whether it [must wake](Self::must_wake) the
    /// loop. Returns false, without calling `put`, if the loop has ended.
    pub(crate) fn put(&self, put: impl FnOnce(&mut M)) -> bool {
        let mut inner = self.inner.lock();
        if !inner.ended {
            put(&mut inner.mail);
        }
        !inner.ended
    }

    /// Returns whether the loop is asleep, so that the caller must wake it; true for one of several callers.
    ///
    /// No wake-up is lost. A poster stores its message, then loads `asleep`; the loop stores `asleep`, then
    /// loads the mailbox ([`fall_asleep`](Self::fall_asleep)). All are `SeqCst` or under the mailbox's lock,
    /// so at least one of the two sees the other's store.
    pub(crate) fn must_wake(&self) -> bool {
        self.asleep.swap(false, Ordering::SeqCst)
    }

    /// Marks the loop as asleep. Returns whether it may wait, because the mailbox is empty.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        self.inner.lock().mail.is_empty()
    }

    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::SeqCst)
    }

    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// Returns the messages to the loop, if there are any.
    pub(crate) fn take(&self) -> Option<M> {
        let mut inner = self.inner.lock();
        (!inner.mail.is_empty()).then(|| mem::take(&mut inner.mail))
    }

    /// Ends the loop unless there is a message. Returns whether the loop has ended.
    ///
    /// No message is lost: [`post`](Self::post) checks `ended` under the same lock.
    pub(crate) fn end(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.ended = inner.mail.is_empty();
        inner.ended
    }

    /// Ends the loop. Returns the messages that it has not taken.
    pub(crate) fn give_up(&self) -> M {
        let mut inner = self.inner.lock();
        inner.ended = true;
        mem::take(&mut inner.mail)
    }
}
