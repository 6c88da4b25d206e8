//! The carrier of a connection: a task that serves its handler, or works beside the application that owns it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use ws_common::Error;
use ws_common::adapter::{Conversation, Link, WRITE_MOST, Written, reclaim_outbox};
use wsproto::{Advice, ReadyState, Role};

use crate::alarm::{Alarm, after};
use crate::buffers::{self, Input};
use crate::io::{AsyncStream, Io};
use crate::origin::{Carried, Origin};
use crate::tasks::{Carry, run_again};

/// The maximum number of turns that a task takes at a time: a second one if its deadline has passed during the first.
const TURNS: usize = 2;

/// Carries a connection until it is over and its transport released. Dropping it ends the connection.
///
/// With a conversation, the carrier reads, writes and calls the handler. Without one, the application owns the
/// connection and takes its events; the carrier only writes and observes the deadlines. When there is no output and no
/// deadline, it retires: an idle connection has no such task.
pub(crate) struct Carrier<R: Role, S: AsyncStream> {
    connection: Arc<Carried<R, S>>,
    conversation: Option<Conversation>,
    alarm: Alarm,
    /// Whether it ends before the connection does.
    retired: bool,
}

impl<R: Role, S: AsyncStream> Carrier<R, S> {
    /// Carries a connection that the application owns until it hands over a conversation.
    pub(crate) fn beside_owner(connection: Arc<Carried<R, S>>) -> Self {
        Self { connection, conversation: None, alarm: Alarm::default(), retired: false }
    }

    /// Carries a connection whose events go to a handler.
    pub(crate) fn with_handler(connection: Arc<Carried<R, S>>, conversation: Conversation) -> Self {
        connection.driver().tasks.set_carrier_waits(true);
        connection.lock().set_key(0);
        let conversation = Some(conversation);
        Self { connection, conversation, alarm: Alarm::default(), retired: false }
    }

    /// Gives the connection its turns. Returns ready once it is gone.
    fn take_turns(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let connection = &self.connection;
        let (driver, conversation) = (connection.driver(), &mut self.conversation);
        let Some(conversation) = conversation else { return Poll::Ready(()) };
        for _ in 0..TURNS {
            let now = driver.elapsed();
            let mut held = connection.lock();
            if held.is_dialing() {
                // A redirect has removed the transport. The client dials with another connection.
                return Poll::Ready(());
            }
            let mut room_deadline = None;
            if let Some(link) = held.link_mut() {
                if !link.transport_mut().wake_only(context.waker()) {
                    driver.tasks.register_carrier(context);
                }
                link.transport_mut().retry();
                let has_room = link.endpoint().has_room();
                room_deadline = link.transport_mut().room_deadline(has_room, now);
            }
            let outcome = buffers::with_context(now, |context| {
                conversation.turn_of(connection, held, context)
            });
            driver.tasks.wake_waiters(outcome.over);
            if outcome.gone {
                return Poll::Ready(());
            }
            if outcome.more {
                break;
            }
            let deadline = earlier(outcome.deadline, room_deadline);
            let at = after(driver.start, deadline);
            // This task polls no other alarm, and no other task this one.
            if self.alarm.is_set(at, driver.start + now) || !self.alarm.poll(context, at) {
                return Poll::Pending;
            }
        }
        run_again(context);
        Poll::Pending
    }

    /// Writes, and observes the deadlines. Returns ready once there is no transport any more.
    fn serve_owner(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let driver = self.connection.driver();
        if let Some(idle) = self.settle() {
            self.retired = idle && driver.tasks.retire();
            return if self.retired { Poll::Ready(()) } else { Poll::Pending };
        }
        // Before the stream is polled, so that no readiness is missed.
        driver.tasks.set_carrier_waits(true);
        for _ in 0..TURNS {
            let now = driver.elapsed();
            let mut held = self.connection.lock();
            held.begin_work();
            let Some(link) = held.link_mut() else { return Poll::Ready(()) };
            link.transport_mut().retry();
            let mut written = link.write(now, WRITE_MOST);
            let due = link.endpoint().deadline().is_some_and(|at| at <= now);
            if due {
                // The unread input may contain the Pong.
                if link.transport().owner_has_input() {
                    link.endpoint_mut().ping_delayed(now);
                } else if let Err(error) = read_for_owner(driver, link, now) {
                    driver.tasks.fail(error);
                }
                link.endpoint_mut().handle_timeout(now);
                written = link.write(now, WRITE_MOST);
            }
            driver.count_output(link);
            let left = match link.endpoint().advice() {
                Advice::Drop => link.transport_mut().close(),
                _ => None,
            };
            let has_room = link.endpoint().has_room();
            let room_deadline = link.transport_mut().room_deadline(has_room, now);
            let deadline = earlier(link.endpoint().deadline(), room_deadline);
            let waits = link.transport().is_writing();
            (link.transport_mut().alarm, link.transport_mut().output_watched) = (deadline, waits);
            let has_news = due || concerns_owner(link);
            let idle = deadline.is_none() && !waits;
            driver.tasks.set_carrier_waits(waits);
            reclaim_outbox(link.endpoint_mut());
            let more = held.end_work() || written == Written::Limit;
            drop(held);
            drop(left);
            if has_news {
                driver.tasks.wake_owner();
            }
            driver.tasks.wake_waiters(false);
            if !more && !self.alarm.poll(context, after(driver.start, deadline)) {
                self.retired = idle && driver.tasks.retire();
                return if self.retired { Poll::Ready(()) } else { Poll::Pending };
            }
            driver.tasks.set_carrier_waits(true);
        }
        run_again(context);
        Poll::Pending
    }

    /// Handles the usual notice, which leaves nothing to do: the owner has sent, and has written the output itself while
    /// it received. Returns whether there is no deadline either; `None` if there may be more to do.
    fn settle(&self) -> Option<bool> {
        let mut held = self.connection.lock();
        let link = held.link()?;
        let (endpoint, transport) = (link.endpoint(), link.transport());
        let deadline = endpoint.deadline();
        let settled = endpoint.unwritten() == 0
            && !transport.is_writing()
            && !transport.output_watched
            && !transport.is_room_awaited()
            && deadline.is_none_or(|at| transport.alarm.is_some_and(|set| set <= at))
            && !self.alarm.has_rung()
            && !concerns_owner(link);
        if !settled {
            return None;
        }
        held.begin_work();
        held.end_work();
        let idle = deadline.is_none() && held.next_timer().is_none();
        if idle && let Some(link) = held.link_mut() {
            // The alarm of a carrier that retires does not ring.
            link.transport_mut().alarm = None;
        }
        Some(idle)
    }

    /// Ends the connection: calls its handler for the last time, and releases its transport.
    fn end(&mut self) {
        let (connection, driver) = (&self.connection, self.connection.driver());
        let handed = driver.tasks.end();
        if let Some(mut conversation) = handed.or_else(|| self.conversation.take())
            && !conversation.is_over()
        {
            let handle = connection.handle();
            handle.abort();
            conversation.react(connection, &handle, driver.elapsed(), &mut &mut [][..]);
            if !connection.lock().is_over() {
                conversation.end(connection, &handle);
            }
        }
        let mut held = connection.lock();
        if !held.is_dialing() {
            let left = held.abandon();
            drop(held);
            drop(left);
        }
        driver.tasks.wake_owner();
        driver.tasks.wake_waiters(true);
    }
}

impl<R: Role, S: AsyncStream> Carry for Carried<R, S> {
    fn carry(self: Arc<Self>, runtime: &Handle) {
        runtime.spawn(Carrier::beside_owner(self));
    }
}

/// Returns whether the owner may have something to do that the stream does not wake it for.
fn concerns_owner<R: Role, S: AsyncStream>(link: &Link<R, Io<S>>) -> bool {
    let (endpoint, transport) = (link.endpoint(), link.transport());
    endpoint.ready_state() != ReadyState::Open
        || endpoint.has_input()
        || endpoint.wants_read() && !transport.awaits_input()
}

/// Returns the earlier of two deadlines.
fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

/// Reads once; the endpoint keeps the input for the owner.
fn read_for_owner<R: Role, S: AsyncStream>(
    driver: &Origin<S>,
    link: &mut Link<R, Io<S>>,
    now: Duration,
) -> Result<(), Error> {
    let mut input = Input::default();
    let read = driver.read(link, &mut input, now);
    input.with(|rest| link.endpoint_mut().defer_input(rest));
    read.map(drop)
}

impl<R: Role, S: AsyncStream> Future for Carrier<R, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let carrier = &mut *self;
        if carrier.conversation.is_none() {
            let tasks = &carrier.connection.driver().tasks;
            carrier.conversation = tasks.register_carrier(context);
            if carrier.conversation.is_none() {
                return carrier.serve_owner(context);
            }
            tasks.set_carrier_waits(true);
        }
        carrier.take_turns(context)
    }
}

/// A runtime drops its tasks when it shuts down.
impl<R: Role, S: AsyncStream> Drop for Carrier<R, S> {
    fn drop(&mut self) {
        if !self.retired {
            self.end();
        }
    }
}
