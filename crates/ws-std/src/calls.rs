//! The calls of a handler, made by the receiving thread and, while that waits for input, by another one.
//!
//! Locks are taken in one order: the handler's, then the connection's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use log::warn;
use ws_common::WebSocketConnection;
use ws_common::adapter::{Conversation, Panic};
use wsproto::Role;

use crate::driver::Blocking;
use crate::receive::Input;

/// A handler. The lock makes its calls one at a time, whichever threads make them.
pub(crate) struct Calls(Mutex<Inner>);

struct Inner {
    conversation: Conversation,
    /// The payload of its first panic.
    panic: Option<Panic>,
}

impl Calls {
    pub(crate) fn new(conversation: Conversation) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner { conversation, panic: None })))
    }

    /// Runs `call`, which calls the handler, and keeps the first panic.
    pub(crate) fn with<R: Role>(
        &self,
        connection: &Blocking<R>,
        call: impl FnOnce(&mut Conversation) -> Option<Panic>,
    ) {
        let mut inner = self.lock();
        connection.driver().set_caller(thread::current().id());
        let panic = call(&mut inner.conversation);
        inner.panic = inner.panic.take().or(panic);
    }

    /// Takes the payload of the handler's first panic.
    pub(crate) fn take_panic(&self) -> Option<Panic> {
        self.lock().panic.take()
    }

    pub(crate) fn react<R: Role>(
        &self,
        connection: &Arc<Blocking<R>>,
        handle: &WebSocketConnection,
        now: Duration,
        input: &mut Input,
    ) {
        self.with(connection, |conversation| {
            input.with(|input| conversation.react(connection, handle, now, input))
        });
    }

    pub(crate) fn tell_drained<R: Role>(
        &self,
        connection: &Arc<Blocking<R>>,
        handle: &WebSocketConnection,
    ) {
        self.with(connection, |conversation| conversation.tell_drained(connection, handle));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls `on_drained` in a new thread, because the receiving thread waits for input and nothing but input
/// wakes it. Happens only after a send from another thread was queued or refused.
pub(crate) fn tell_drained_elsewhere<R: Role>(connection: Arc<Blocking<R>>, calls: Arc<Calls>) {
    let waiting = Arc::clone(&connection);
    let told = thread::Builder::new().name("ws-std drained".into()).spawn(move || {
        connection.driver().begin_telling();
        calls.tell_drained(&connection, &connection.handle());
    });
    if let Err(error) = told {
        waiting.driver().begin_telling();
        let id = waiting.id();
        warn!("connection {id}: there is room again, but no thread to call its handler: {error}");
    }
}

/// The thread that last called the handler of a connection.
pub(crate) type Caller = Mutex<Option<ThreadId>>;
