//! The background work of a server without a handler: its timers, and its end.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, OnceLock, Weak};
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;
use ws_common::adapter::{Acceptor, Connections, server_handle};
use ws_common::{ServerOptions, WebSocketConnection};

use super::MAX_CONNECTIONS;
use crate::alarm::{Alarm, now};
use crate::tasks::{Carry, Tasks};

/// Calls the timers of a server whose connections the application takes, and carries out its end. One task does this,
/// which exists only while there is such work.
pub(crate) struct Background {
    /// It lasts as long as a connection, or something that accepts one.
    acceptor: OnceLock<Weak<Acceptor>>,
    /// The task of this work as the carrier, and the one that accepts as the owner.
    tasks: Arc<Tasks>,
    /// Tells the tasks of connections, and those that wait for the end, that its deadline has passed.
    over: Notify,
    left: Once,
    /// Whether the server accepts no more connections.
    closed: AtomicBool,
}

impl Background {
    /// Creates a server.
    pub(crate) fn start(
        options: ServerOptions,
        address: Option<SocketAddr>,
    ) -> (Arc<Self>, Arc<Acceptor>) {
        let background = Arc::new(Self {
            acceptor: OnceLock::new(),
            tasks: Arc::default(),
            over: Notify::new(),
            left: Once::new(),
            closed: AtomicBool::new(false),
        });
        let woken = Arc::clone(&background);
        let wake = move |_: &_| woken.wake();
        let registry = Connections::default();
        let server = server_handle(options, MAX_CONNECTIONS, address, registry, wake, now);
        let acceptor = Arc::new(Acceptor::without_handler(server));
        let _ = background.acceptor.set(Arc::downgrade(&acceptor));
        acceptor.join();
        (background, acceptor)
    }

    /// Has the task run in this runtime the next time that there is work.
    pub(crate) fn set_runtime(self: &Arc<Self>, runtime: Handle) {
        let this: Weak<Self> = Arc::downgrade(self);
        self.tasks.spawn_when_needed(this, runtime);
        // Another runtime may have shut down before its time.
        if self.acceptor().is_some_and(|acceptor| acceptor.next_timer().is_some()) {
            self.tasks.wake_carrier();
        }
    }

    /// Wakes the task, or spawns one, and wakes the one that accepts.
    fn wake(&self) {
        self.tasks.wake_owner();
        if self.tasks.has_runtime() {
            self.tasks.wake_carrier();
        } else if let Some(acceptor) = self.acceptor()
            && acceptor.server().is_ending()
            && acceptor.poll_ends(&Context::from_waker(std::task::Waker::noop())).is_ready()
        {
            // There was no connection.
            self.leave(&acceptor);
        }
    }

    fn acceptor(&self) -> Option<Arc<Acceptor>> {
        self.acceptor.get()?.upgrade()
    }

    /// Registers the task that accepts, to be woken at the end of the server.
    pub(crate) fn register(&self, context: &Context<'_>) {
        self.tasks.register_owner(context);
    }

    /// Returns the notice to the tasks of connections that the deadline of the end has passed.
    #[cfg(feature = "hyper")]
    pub(crate) const fn over(&self) -> &Notify {
        &self.over
    }

    /// Records that nothing more is accepted. The connections continue.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // In a runtime that shuts down, the task is dropped, and the server ends.
        self.wake();
    }

    /// Waits until all connections have ended, or were aborted at the deadline of the server's end. The task does so, too:
    /// outside of a runtime, it alone.
    pub(crate) async fn ended(&self, acceptor: &Acceptor) {
        let (mut over, mut alarm) = (pin!(self.over.notified()), Alarm::default());
        poll_fn(|context| {
            if acceptor.server().is_terminated() {
                return Poll::Ready(());
            }
            if acceptor.poll_ends(context).is_ready() {
                self.leave(acceptor);
            } else if alarm.poll(context, acceptor.end_deadline().map(Instant::from_std)) {
                // The application may hold on to a connection: that is not waited for.
                self.abort(acceptor);
            } else {
                return over.as_mut().poll(context);
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Aborts the connections that are left at the deadline.
    fn abort(&self, acceptor: &Acceptor) {
        self.over.notify_waiters();
        acceptor.server().connections().iter().for_each(WebSocketConnection::abort);
    }

    /// Ends the server: its connections have ended, or none of those that are left at the deadline has opened.
    fn leave(&self, acceptor: &Acceptor) {
        self.left.call_once(|| acceptor.leave());
        if acceptor.end_deadline().is_some_and(|at| at <= now()) {
            self.over.notify_waiters();
        }
    }
}

impl Carry for Background {
    fn carry(self: Arc<Self>, runtime: &Handle) {
        runtime.spawn(BackgroundTask {
            background: self,
            alarm: Alarm::default(),
            aborted: false,
            finished: false,
        });
    }
}

/// The task of this work, until there is none left.
struct BackgroundTask {
    background: Arc<Background>,
    alarm: Alarm,
    /// Whether the connections were aborted at the deadline of the end.
    aborted: bool,
    finished: bool,
}

impl BackgroundTask {
    fn run(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let background = &*self.background;
        background.tasks.register_carrier(context);
        // Without one, the server has ended.
        let Some(acceptor) = background.acceptor() else { return Poll::Ready(()) };
        loop {
            acceptor.call_timers();
            let is_ending = acceptor.server().is_ending();
            if is_ending && acceptor.poll_ends(context).is_ready() {
                background.leave(&acceptor);
                return Poll::Ready(());
            }
            let end = acceptor.end_deadline();
            if !self.aborted && end.is_some_and(|at| at <= now()) {
                self.aborted = true;
                background.abort(&acceptor);
            }
            let end = end.filter(|_| !self.aborted);
            let due = acceptor.next_timer().into_iter().chain(end).min();
            if due.is_none() && !is_ending && background.tasks.retire() {
                return Poll::Ready(());
            }
            if !self.alarm.poll(context, due.map(Instant::from_std)) {
                return Poll::Pending;
            }
        }
    }
}

impl Future for BackgroundTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let polled = self.run(context);
        self.finished = polled.is_ready();
        polled
    }
}

/// A runtime drops its tasks when it shuts down.
impl Drop for BackgroundTask {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let background = &self.background;
        background.tasks.lose_runtime();
        if let Some(acceptor) = background.acceptor()
            && (acceptor.server().is_ending() || background.closed.load(Ordering::Relaxed))
        {
            background.left.call_once(|| acceptor.abandon());
        }
    }
}
