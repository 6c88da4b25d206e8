//! Connections whose events the application takes.

mod interface;

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ws_common::adapter::{
    Conversation, Decided, Driver, Duplex, DynHandler, Held, Link, Outgoing, Step, Transport,
    Undecided, WRITE_MOST, lend_outbox, postpone, reclaim_outbox,
};
use ws_common::{Error, IncomingRequest, Message, WebSocketConnection};
use wsproto::handshake::Response;
use wsproto::{Advice, ReadyState, Role};

use crate::buffers::Input;
use crate::io::{AsyncStream, Io, has_news};
use crate::origin::{Carried, Origin};
use crate::room::RoomWait;
use crate::tasks::{Tasks, Waiter};

pub(crate) use interface::{Owned, Progress};

impl<R: Role, S: AsyncStream> Owned for Carried<R, S> {
    fn tasks(&self) -> &Arc<Tasks> {
        &self.driver().tasks
    }

    #[inline]
    fn next_message(&self, input: &mut Input, to: &mut Option<Message>) {
        let mut held = self.lock();
        let Some(link) = held.link_mut() else { return };
        // Without a closure, which would not be inlined.
        let mut rest = input.rest();
        *to = link.next_small_message(&mut rest);
        let left = rest.len();
        input.leave(left);
        if to.is_none() {
            return;
        }
        link.transport_mut().set_owner_has_input(!input.is_empty());
        if let Some(traffic) = Driver::<R>::traffic(self.driver()) {
            traffic.received(1, 0);
        }
    }

    fn advance(&self, input: &mut Input) -> Progress {
        let driver = self.driver();
        let mut held = self.lock();
        let Some(link) = held.link_mut() else { return Progress::Over };
        lend_outbox(link.endpoint_mut());
        let read_at = input.read_at().unwrap_or_else(|| time_for(driver, link));
        if let Some(step) = input.with(|rest| link.next(read_at, rest)) {
            record_step(driver, held, input, &step);
            return Progress::Step(step);
        }
        link.transport_mut().set_owner_has_input(false);
        link.transport_mut().retry_if_woken();
        link.write(time_for(driver, link), WRITE_MOST);
        driver.count_output(link);
        let mut progress = read(driver, link, input);
        let has_news = driver.tasks.has_waiters() && has_news(link);
        if let Progress::Idle = progress {
            leave_to_carrier(driver, held);
        } else if let Some(read_at) = input.read_at()
            && let Some(step) = input.with(|rest| link.next(read_at, rest))
        {
            record_step(driver, held, input, &step);
            progress = Progress::Step(step);
        } else {
            drop(held);
        }
        if has_news {
            driver.tasks.wake_waiters(false);
        }
        progress
    }

    fn send_promised(&self, mut message: Message) -> Result<(), Error> {
        Self::send_promised(self, &mut Outgoing::Owned(&mut message)).map(drop)
    }

    fn poll_room(&self, wait: &mut RoomWait, context: &Context<'_>) -> Poll<bool> {
        let (driver, now) = (self.driver(), self.driver().elapsed());
        let mut held = self.lock();
        let Ok(link) = held.live() else { return Poll::Ready(true) };
        let endpoint = link.endpoint();
        let waits = endpoint.ready_state() == ReadyState::Open
            && !endpoint.has_failed()
            && !endpoint.has_room();
        if !waits {
            return Poll::Ready(true);
        }
        let limit = endpoint.session().config().write_timeout;
        let end = wait.end(driver.tasks.written(), limit, now);
        if end <= now {
            return Poll::Ready(false);
        }
        wait.waiter.register(context);
        if link.transport_mut().await_room(end) {
            driver.changed(held);
        }
        Poll::Pending
    }

    fn poll_written(
        &self,
        goal: &mut Option<u64>,
        waiter: &mut Waiter,
        context: &Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let mut held = self.lock();
        let written = self.driver().tasks.written();
        // Lost bytes are part of the goal, so that it is never reached if some are.
        let goal = *goal.get_or_insert_with(|| written + held.buffered_amount() as u64);
        if written >= goal {
            return Poll::Ready(Ok(()));
        }
        let endpoint = held.link_mut().map(|link| link.endpoint());
        if endpoint.is_some_and(|it| !it.has_failed() && it.advice() != Advice::Drop) {
            waiter.register(context);
            return Poll::Pending;
        }
        Poll::Ready(Err(io::Error::from(io::ErrorKind::BrokenPipe).into()))
    }

    fn follows(&self, response: &Response) -> bool {
        Driver::<R>::follows(self.driver(), response)
    }

    fn is_over(&self, waiter: &mut Waiter, context: &Context<'_>) -> bool {
        let held = self.lock();
        let over = held.is_over();
        if !over {
            waiter.register(context);
        }
        over
    }

    fn take(
        self: Arc<Self>,
        conversation: &mut Conversation,
        handle: &WebSocketConnection,
        step: Step,
    ) {
        let now = self.driver().elapsed();
        conversation.take(&self, handle, now, step);
        self.tasks().wake_waiters(true);
    }

    fn end(&self, conversation: &mut Conversation, handle: &WebSocketConnection) {
        conversation.end(self, handle);
        self.tasks().wake_waiters(true);
    }

    fn leave(&self, mut conversation: Conversation, handle: &WebSocketConnection, input: Input) {
        defer_input(self, input);
        conversation.leave(self, handle);
        hand_to_carrier(self, conversation, handle);
    }

    fn hand_over(
        &self,
        mut conversation: Conversation,
        handle: &WebSocketConnection,
        input: Input,
        handler: Box<dyn DynHandler>,
    ) {
        defer_input(self, input);
        conversation.hand_over(self, handle, handler);
        hand_to_carrier(self, conversation, handle);
    }

    fn dials_again(&self) -> bool {
        // The transport is dropped without the lock.
        let left = self.lock().follow_redirect();
        if left.is_some() {
            // It ends.
            self.tasks().wake_carrier();
        }
        left.is_some()
    }

    fn take_response(&self) -> Option<Response> {
        self.lock().live().ok()?.endpoint_mut().take_response()
    }

    fn incoming_request(&self) -> Option<IncomingRequest> {
        self.lock().incoming_request()
    }

    fn answer(&self, decided: &Decided) -> Result<(), Error> {
        Self::answer(self, decided, self.driver().elapsed()).map(drop)
    }

    fn postpone(self: Arc<Self>, undecided: Box<dyn Undecided>) -> Box<dyn Undecided> {
        postpone(&self, undecided)
    }
}

/// Returns the time for the next write, or for events without input. If no deadline follows from it, an earlier one will
/// do, and the clock is not read.
#[inline]
fn time_for<R: Role, S: AsyncStream>(driver: &Origin<S>, link: &Link<R, Io<S>>) -> Duration {
    if link.endpoint().needs_time() { driver.elapsed() } else { Duration::ZERO }
}

/// Reads once, if the endpoint wants to.
fn read<R: Role, S: AsyncStream>(
    driver: &Origin<S>,
    link: &mut Link<R, Io<S>>,
    input: &mut Input,
) -> Progress {
    if link.endpoint().has_input() {
        return Progress::Again;
    }
    if link.endpoint().advice() == Advice::Drop {
        return Progress::Over;
    }
    if !link.endpoint().wants_read() {
        link.transport_mut().ignore_input();
        return Progress::Idle;
    }
    if !link.transport().is_readable() {
        return Progress::Idle;
    }
    match driver.read(link, input, driver.elapsed()) {
        Ok(0) if link.endpoint().wants_read() && !link.transport().is_readable() => Progress::Idle,
        Ok(_) => Progress::Again,
        Err(error) => Progress::Failed(Box::new(error)),
    }
}

/// Records that the owner takes a step. Its replies leave now, not after the application has handled it.
#[inline]
fn record_step<R: Role, S: AsyncStream>(
    driver: &Origin<S>,
    mut held: Held<'_, R, Origin<S>>,
    input: &Input,
    step: &Step,
) {
    let Some(link) = held.link_mut() else { return };
    link.transport_mut().set_owner_has_input(!input.is_empty());
    let writes = link.endpoint().unwritten() > 0 && !link.transport().is_blocked();
    if matches!(step, Step::Message(_))
        && let Some(traffic) = Driver::<R>::traffic(driver)
    {
        traffic.received(1, 0);
    }
    if writes {
        driver.changed(held);
    }
}

/// Leaves the connection to its carrier, whatever the owner waits for next: there is nothing to do now.
#[inline]
fn leave_to_carrier<R: Role, S: AsyncStream>(driver: &Origin<S>, mut held: Held<'_, R, Origin<S>>) {
    let Some(link) = held.link_mut() else { return };
    reclaim_outbox(link.endpoint_mut());
    let (transport, endpoint) = (link.transport(), link.endpoint());
    let alarm = transport.alarm;
    let early = endpoint.deadline().is_some_and(|at| alarm.is_none_or(|alarm| at < alarm));
    // A notice that the carrier does not need would make it wake this task, which would notify it again.
    let writes = match transport.is_writing() {
        true => !transport.output_watched,
        false => endpoint.unwritten() > 0,
    };
    if early || writes {
        driver.changed(held);
    }
}

/// Leaves unconsumed input to the endpoint. The connection must not be locked.
fn defer_input<R: Role, S: AsyncStream>(connection: &Carried<R, S>, mut input: Input) {
    let mut held = connection.lock();
    if let Some(link) = held.link_mut() {
        input.with(|rest| link.endpoint_mut().defer_input(rest));
        link.transport_mut().set_owner_has_input(false);
    }
}

/// Hands the conversation to the carrier. The connection must not be locked.
fn hand_to_carrier<R: Role, S: AsyncStream>(
    connection: &Carried<R, S>,
    conversation: Conversation,
    handle: &WebSocketConnection,
) {
    if let Some(mut left) = connection.tasks().hand(conversation)
        && !left.is_over()
    {
        // The runtime has shut down.
        left.end(connection, handle);
    }
}
