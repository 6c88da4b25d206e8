//! The calls of a handler, made by the receiving thread and, while that waits for input, by another one.
//!
//! Locks are taken in one order: the handler's, then the connection's.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use parking_lot::{Mutex, MutexGuard};
use ws_common::adapter::{Conversation, Panic};

/// A handler. The lock makes its calls one at a time, whichever threads make them.
pub(crate) struct Calls {
    guarded: Mutex<Guarded>,
    /// The thread that last called it.
    caller: Mutex<Option<ThreadId>>,
}

struct Guarded {
    conversation: Conversation,
    /// The payload of its first panic.
    panic: Option<Panic>,
}

impl Calls {
    pub(crate) fn new(conversation: Conversation) -> Arc<Self> {
        let guarded = Mutex::new(Guarded { conversation, panic: None });
        Arc::new(Self { guarded, caller: Mutex::default() })
    }

    /// Runs `call`, which calls the handler, and keeps the first panic.
    pub(crate) fn with(&self, call: impl FnOnce(&mut Conversation) -> Option<Panic>) {
        let mut guarded = self.lock();
        *self.lock_caller() = Some(thread::current().id());
        let panic = call(&mut guarded.conversation);
        guarded.panic = guarded.panic.take().or(panic);
    }

    /// Takes the payload of the handler's first panic.
    pub(crate) fn take_panic(&self) -> Option<Panic> {
        self.lock().panic.take()
    }

    /// Returns whether this thread called the handler last.
    pub(crate) fn is_this_thread(&self) -> bool {
        *self.lock_caller() == Some(thread::current().id())
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.guarded.lock()
    }

    fn lock_caller(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.caller.lock()
    }
}
