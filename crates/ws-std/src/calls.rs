//! The calls of a handler, made by the receiving thread and, while that waits for input, by another one.
//!
//! Locks are taken in one order: the handler's, then the connection's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use ws_common::adapter::{Conversation, Panic};

/// A handler. The lock makes its calls one at a time, whichever threads make them.
pub(crate) struct Calls {
    inner: Mutex<ConnectionState>,
    /// The thread that last called it.
    caller: Mutex<Option<ThreadId>>,
}

struct ConnectionState {
    conversation: Conversation,
    /// The payload of its first panic.
    panic: Option<Panic>,
}

impl Calls {
    pub(crate) fn new(conversation: Conversation) -> Arc<Self> {
        let inner = Mutex::new(ConnectionState { conversation, panic: None });
        Arc::new(Self { inner, caller: Mutex::default() })
    }

    /// Runs `call`, which calls the handler, and keeps the first panic.
    pub(crate) fn with(&self, call: impl FnOnce(&mut Conversation) -> Option<Panic>) {
        let mut inner = self.lock();
        *self.lock_caller() = Some(thread::current().id());
        let panic = call(&mut inner.conversation);
        inner.panic = inner.panic.take().or(panic);
    }

    /// Takes the payload of the handler's first panic.
    pub(crate) fn take_panic(&self) -> Option<Panic> {
        self.lock().panic.take()
    }

    /// Returns whether this thread called the handler last.
    pub(crate) fn is_this_thread(&self) -> bool {
        *self.lock_caller() == Some(thread::current().id())
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_caller(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.caller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
