//! Giving up a connection that is being opened, from another thread.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::{fmt, mem};

use parking_lot::Mutex;

/// A token to give up connecting from any thread; see [`ClientOptions::cancel`](crate::ClientOptions::cancel).
/// Clones are the same token, and any number of connections may have it. Cancelling cannot be undone. It has no
/// effect on an open connection, except that it closes one of a `reconnect`.
///
/// ```
/// use ws_common::{Cancel, ClientOptions};
///
/// let cancel = Cancel::new();
/// let options = ClientOptions::new().cancel(cancel.clone());
/// cancel.cancel(); // for example, from another thread
/// assert!(cancel.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cancelled: bool,
    /// The number of the next registration.
    next: u64,
    /// The registered functions by their numbers.
    wakes: BTreeMap<u64, Box<dyn FnOnce() + Send>>,
}

/// A function that is called when a token is cancelled; see [`Cancel::on_cancel`]. Dropping it forgets the
/// function, unless it is being called.
#[derive(Debug)]
#[must_use]
pub struct OnCancel {
    token: Weak<Mutex<State>>,
    number: u64,
}

impl Cancel {
    /// Creates a token.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up: connecting fails with [`Error::Session`](crate::Error::Session) of
    /// [`Abandoned`](wsproto::SessionError::Abandoned), also if it begins later. This applies to all connections
    /// with this token.
    pub fn cancel(&self) {
        let mut state = self.0.lock();
        state.cancelled = true;
        let wakes = mem::take(&mut state.wakes);
        // The functions are the adapters' code: call them without the lock.
        drop(state);
        for wake in wakes.into_values() {
            wake();
        }
    }

    /// Returns whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().cancelled
    }

    /// Calls `wake` when the token is cancelled; at once if it is cancelled already. For adapters: while
    /// connecting, `wake` must make the adapter ask [`Dial::next`](crate::adapter::Dial::next). It must not panic,
    /// and is called in the thread that cancels.
    pub fn on_cancel(&self, wake: impl FnOnce() + Send + 'static) -> OnCancel {
        let mut state = self.0.lock();
        let number = state.next;
        if state.cancelled {
            drop(state);
            wake();
        } else {
            state.next += 1;
            state.wakes.insert(number, Box::new(wake));
        }
        OnCancel { token: Arc::downgrade(&self.0), number }
    }
}

impl Drop for OnCancel {
    fn drop(&mut self) {
        let Some(token) = self.token.upgrade() else { return };
        let wake = token.lock().wakes.remove(&self.number);
        // The function may own anything: drop it without the lock.
        drop(wake);
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("is_cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn every_registration_is_called_once_unless_it_was_dropped() {
        let (sender, called) = mpsc::channel();
        let note = |name| {
            let sender = sender.clone();
            move || sender.send(name).expect("the test waits")
        };
        let cancel = Cancel::new();
        let first = cancel.on_cancel(note("first"));
        let dropped = cancel.clone().on_cancel(note("dropped"));
        let second = cancel.on_cancel(note("second"));
        drop(dropped);
        assert!(!cancel.is_cancelled());
        cancel.cancel();
        cancel.cancel();
        assert!(cancel.clone().is_cancelled());
        let late = cancel.on_cancel(note("late"));
        drop((first, second, late, sender));
        assert_eq!(called.iter().collect::<Vec<_>>(), ["first", "second", "late"]);
    }

    #[test]
    fn a_dropped_registration_owns_nothing() {
        let cancel = Cancel::new();
        let owned = Arc::new(());
        let registered = Arc::clone(&owned);
        let on_cancel = cancel.on_cancel(move || drop(registered));
        assert_eq!(Arc::strong_count(&owned), 2);
        drop(on_cancel);
        assert_eq!(Arc::strong_count(&owned), 1);
        // A token may be dropped before its registrations.
        let on_cancel = Cancel::new().on_cancel(|| ());
        drop(on_cancel);
    }
}
