//! Giving up a connection that is being opened, from another thread.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A token to give up connecting from any thread; see [`ClientOptions::cancel`](crate::ClientOptions::cancel).
/// Clones are the same token. It has no effect on a connection that is open, and cannot be undone.
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
    /// Wakes the thread that waits, or the loop.
    wake: Option<Box<dyn FnOnce() + Send>>,
}

impl Cancel {
    /// Creates a token.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up: connecting fails with [`Error::Session`](crate::Error::Session) of
    /// [`Abandoned`](wsproto::SessionError::Abandoned), also if it begins later.
    pub fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        let wake = state.wake.take();
        // `wake` is the adapter's code: call it without the lock.
        drop(state);
        if let Some(wake) = wake {
            wake();
        }
    }

    /// Returns whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Sets what to do when the token is cancelled, instead of what was set before; does it now if it is
    /// cancelled already. For adapters: it must wake the adapter, which asks
    /// [`Dial::next`](crate::adapter::Dial::next).
    pub fn on_cancel(&self, wake: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        if state.cancelled {
            drop(state);
            return wake();
        }
        let before = state.wake.replace(Box::new(wake));
        drop(state);
        drop(before);
    }

    /// Ignores poisoning: the state changes in single assignments.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("is_cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
