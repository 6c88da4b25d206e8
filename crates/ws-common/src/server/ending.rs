//! The end of a server, and the decisions that are still pending then.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use wsproto::{CloseCode, CloseFrame, SendError};

use super::ServerHandle;
use crate::adapter::Ending;
use crate::{ConnectionId, Error, WebSocketConnection};

/// The place of a connection among those that wait for a decision. Dropping it gives the place up.
pub(crate) struct AwaitedDecision {
    server: ServerHandle,
    id: ConnectionId,
}

impl AwaitedDecision {
    pub(crate) const fn server(&self) -> &ServerHandle {
        &self.server
    }
}

impl Drop for AwaitedDecision {
    fn drop(&mut self) {
        let notify = self.server.lock().undecided.remove(&self.id);
        // Dropped without the lock.
        drop(notify);
    }
}

impl ServerHandle {
    /// Ends the server: it stops accepting and closes every connection with code 1001. Connections that are
    /// not closed after `timeout` are aborted; a timeout of zero aborts all at once, without a Close frame.
    /// `None` is the sum of [`Config::handshake_timeout`](wsproto::Config::handshake_timeout) and
    /// [`Config::close_timeout`](wsproto::Config::close_timeout), or no limit if either of them is `None`.
    ///
    /// A request whose decision is postponed gets status 503. Returns at once. Later calls can shorten the time
    /// left, but not extend it.
    pub fn terminate(&self, timeout: Option<Duration>) {
        self.begin_end(None, timeout);
    }

    /// Ends the server, as [`terminate`](Self::terminate) does, but closes the connections with this code and
    /// reason: for example 1012 (Service Restart) before a restart, or 1013 (Try Again Later). A reason longer
    /// than 123 bytes is cut after the last character that fits.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] for a code that may not be sent, [`Error::Send`] for 1010, which only clients send (RFC
    /// 6455 section 7.4). Nothing ends then.
    pub fn terminate_with(
        &self,
        code: CloseCode,
        reason: &str,
        timeout: Option<Duration>,
    ) -> Result<(), Error> {
        let frame = CloseFrame::truncated(code, reason.to_owned())?;
        if code == CloseCode::MANDATORY_EXTENSION {
            return Err(SendError::ClientOnlyCode.into());
        }
        self.begin_end(Some(frame), timeout);
        Ok(())
    }

    fn begin_end(&self, frame: Option<CloseFrame<'static>>, timeout: Option<Duration>) {
        {
            let mut state = self.lock();
            if state.ending.is_none() {
                state.last_frame = frame;
            }
            let config = &self.0.options.config;
            let usual = || Some(config.handshake_timeout?.saturating_add(config.close_timeout?));
            let timeout = timeout.or_else(usual);
            let at = timeout.and_then(|timeout| self.now().checked_add(timeout));
            state.ending = Some(Ending::earlier(state.ending, at));
        }
        let undecided: Vec<_> = self.lock().undecided.values().cloned().collect();
        undecided.iter().for_each(|notify| notify());
        for connection in self.connections() {
            self.end(&connection);
        }
        self.wake();
        self.notify_ends();
    }

    /// Has the adapter look at the end and the timers.
    pub(crate) fn wake(&self) {
        (self.0.wake)(self);
    }

    /// Marks the server as ended without waiting for its connections. Returns `false` if it had ended before.
    pub(crate) fn end_at_once(&self) -> bool {
        let before = std::mem::replace(&mut self.lock().terminated, true);
        self.notify_ends();
        !before
    }

    /// Registers `notify`, which makes an adapter refuse a request that waits for a decision.
    /// [`terminate`](Self::terminate) calls it; if the server is ending already, it is called at once.
    pub(crate) fn await_decision(
        &self,
        id: ConnectionId,
        notify: impl Fn() + Send + Sync + 'static,
    ) -> AwaitedDecision {
        let notify: Arc<dyn Fn() + Send + Sync> = Arc::new(notify);
        let mut state = self.lock();
        state.undecided.insert(id, Arc::clone(&notify));
        // `terminate` sets `ending` under this lock before it lists the pending decisions: it finds this
        // one, or `ending` is set here. A second notice does no harm.
        let is_ending = state.ending.is_some();
        drop(state);
        if is_ending {
            notify();
        }
        AwaitedDecision { server: self.clone(), id }
    }

    /// Returns whether the server has ended.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.lock().terminated
    }

    /// Returns whether [`terminate`](Self::terminate) was called.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.lock().ending.is_some()
    }

    /// Returns the time of the server's clock.
    pub(crate) fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// Returns the time at which the remaining connections must be aborted; `None` if the server is not
    /// ending, or waits without a limit.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.lock().ending {
            Some(Ending::At(at)) => Some(at),
            Some(Ending::Patient) | None => None,
        }
    }

    /// Waits until all permits are freed, then marks the server as ended. At the deadline, aborts the
    /// remaining connections and waits for their handlers only. Call it once nothing more is accepted.
    pub(crate) fn wait_terminated(&self) {
        let mut state = self.lock();
        // `release`, `finish` and `terminate` change the state under its lock before they notify, and the
        // condition is checked under that lock: no wake-up is lost.
        while state.carried > 0 {
            let Some(Ending::At(at)) = state.ending else {
                self.0.changed.wait(&mut state);
                continue;
            };
            let patience = at.saturating_duration_since(self.now());
            if patience.is_zero() {
                drop(state);
                for connection in self.connections() {
                    connection.abort();
                }
                state = self.lock();
                while state.handled > 0 {
                    self.0.changed.wait(&mut state);
                }
                break;
            }
            self.0.changed.wait_for(&mut state, patience);
        }
        state.terminated = true;
    }

    /// Tells those that wait for the end of the connections that their number has changed.
    pub(super) fn notify_ends(&self) {
        self.0.changed.notify_all();
        let waiting = std::mem::take(&mut self.lock().waiting);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Returns ready if [`wait_terminated`](Self::wait_terminated) would not wait, for event loops, which must
    /// not. Otherwise registers the task of `context`, which is woken when that may have changed; poll again at
    /// the [deadline](Self::deadline).
    pub(crate) fn poll_ends(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.carried == 0 || state.handled == 0 && state.is_late(self.now()) {
            return Poll::Ready(());
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    pub(super) fn end(&self, connection: &WebSocketConnection) {
        let state = self.lock();
        let now = state.is_late(self.now());
        let frame = state.last_frame.clone();
        drop(state);
        let going_away = || CloseFrame::new(CloseCode::GOING_AWAY, "").ok();
        match frame.or_else(going_away).filter(|_| !now) {
            // An error means that the connection is gone and needs no Close.
            Some(frame) => drop(connection.close_with(frame)),
            None => connection.abort(),
        }
    }
}
