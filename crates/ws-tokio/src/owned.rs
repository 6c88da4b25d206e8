//! A connection, as the application that takes its events sees it, whatever its role and stream are.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ws_common::adapter::{
    ConnectionLink, Conversation, Decided, Driver, Duplex, DynHandler, Held, Link, Outgoing, Step,
    Transport, Undecided, WRITE_MOST, lend_outbox, postpone, reclaim_outbox,
};
use ws_common::{Error, IncomingRequest, Message, WebSocketConnection};
use wsproto::handshake::Response;
use wsproto::{Advice, ReadyState, Role};

use crate::buffers::Input;
use crate::io::{AsyncStream, Io, has_news};
use crate::origin::{Carried, Origin};
use crate::tasks::{Tasks, Waiter};
use crate::websocket::RoomWait;

/// The progress of a connection.
pub(crate) enum Progress {
    Step(Step),
    /// There may be another step.
    Some,
    /// Reading has failed. There may be another step.
    Failed(Box<Error>),
    /// There is nothing to do. The owner's task is woken when that may have changed.
    None,
    /// The transport is gone.
    Over,
}

/// A connection whose events the application takes.
pub(crate) trait Owned: ConnectionLink {
    fn tasks(&self) -> &Arc<Tasks>;

    /// Returns the next message if it is small, has arrived whole, and nothing else comes before it.
    fn next_message(&self, input: &mut Input) -> Option<Message>;

    /// Returns the next step, out of `input`. Without one, writes what is pending, reads once, and looks again.
    fn advance(&self, now: Duration, input: &mut Input) -> Progress;

    /// Returns the time since the start of the connection.
    fn elapsed(&self) -> Duration;

    /// Sends a message, for which room was promised.
    fn send_promised(&self, message: Message) -> Result<(), Error>;

    /// Returns true once a message may be sent, or will fail; false once the peer has read nothing for too long.
    /// Otherwise registers the waiter.
    fn poll_room(&self, wait: &mut RoomWait, context: &Context<'_>) -> Poll<bool>;

    /// Returns ready once everything is written that is unwritten when `goal` is `None`, or some of it is lost.
    /// Otherwise registers the waiter.
    fn poll_written(
        &self,
        goal: &mut Option<u64>,
        waiter: &mut Waiter,
        context: &Context<'_>,
    ) -> Poll<Result<(), Error>>;

    /// Returns whether the client follows a response as a redirect.
    fn follows(&self, response: &Response) -> bool;

    /// Returns whether the connection is over. Otherwise registers the waiter.
    fn is_over(&self, waiter: &mut Waiter, context: &Context<'_>) -> bool;

    /// Passes a step on to the conversation.
    fn take(
        self: Arc<Self>,
        conversation: &mut Conversation,
        handle: &WebSocketConnection,
        step: Step,
    );

    /// Ends a connection whose session has no end to report.
    fn end(&self, conversation: &mut Conversation, handle: &WebSocketConnection);

    /// Takes no more steps: closes the connection, and leaves it to its carrier.
    fn leave(&self, conversation: Conversation, handle: &WebSocketConnection, input: Input);

    /// Takes no more steps: the carrier passes them to a handler.
    fn hand_over(
        &self,
        conversation: Conversation,
        handle: &WebSocketConnection,
        input: Input,
        handler: Box<dyn DynHandler>,
    );

    /// Returns whether the client has received a redirect that it follows.
    fn dials_again(&self) -> bool;

    /// Returns the response that has opened the client's connection, once.
    fn take_response(&self) -> Option<Response>;

    /// Returns the request that waits for a decision.
    fn incoming_request(&self) -> Option<IncomingRequest>;

    /// Answers the request.
    fn answer(&self, decided: &Decided) -> Result<(), Error>;

    /// Postpones the answer to the request.
    fn postpone(self: Arc<Self>, undecided: Box<dyn Undecided>) -> Box<dyn Undecided>;
}

impl<R: Role, S: AsyncStream> Owned for Carried<R, S> {
    fn tasks(&self) -> &Arc<Tasks> {
        &self.driver().tasks
    }

    #[inline]
    fn next_message(&self, input: &mut Input) -> Option<Message> {
        let mut held = self.lock();
        let link = held.link_mut()?;
        // Without a closure, which would not be inlined.
        let mut rest = input.rest();
        let message = link.next_small_message(&mut rest);
        let left = rest.len();
        input.leave(left);
        let message = message?;
        link.transport_mut().keep(!input.is_empty());
        if let Some(traffic) = Driver::<R>::traffic(self.driver()) {
            traffic.received(1, 0);
        }
        Some(message)
    }

    fn elapsed(&self) -> Duration {
        self.driver().elapsed()
    }

    fn advance(&self, now: Duration, input: &mut Input) -> Progress {
        let driver = self.driver();
        let mut held = self.lock();
        let Some(link) = held.link_mut() else { return Progress::Over };
        lend_outbox(link.endpoint_mut());
        let read_at = input.read_at().unwrap_or(now);
        if let Some(step) = input.with(|rest| link.next(read_at, rest)) {
            self.taken(held, input, &step);
            return Progress::Step(step);
        }
        link.transport_mut().keep(false);
        link.transport_mut().retry();
        link.write(now, WRITE_MOST);
        driver.count_output(link);
        let mut progress = read(driver, link, input, now);
        let has_news = driver.tasks.has_others() && has_news(link);
        if let Progress::None = progress {
            self.rest(held);
        } else if !input.is_empty()
            && let Some(step) = input.with(|rest| link.next(now, rest))
        {
            self.taken(held, input, &step);
            progress = Progress::Step(step);
        } else {
            drop(held);
        }
        if has_news {
            driver.tasks.wake_others(false);
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
        self.tasks().wake_others(true);
    }

    fn end(&self, conversation: &mut Conversation, handle: &WebSocketConnection) {
        conversation.end(self, handle);
        self.tasks().wake_others(true);
    }

    fn leave(&self, mut conversation: Conversation, handle: &WebSocketConnection, input: Input) {
        self.defer(input);
        conversation.leave(self, handle);
        self.hand(conversation, handle);
    }

    fn hand_over(
        &self,
        mut conversation: Conversation,
        handle: &WebSocketConnection,
        input: Input,
        handler: Box<dyn DynHandler>,
    ) {
        self.defer(input);
        conversation.hand_over(self, handle, handler);
        self.hand(conversation, handle);
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

/// Reads once, if the endpoint wants to.
fn read<R: Role, S: AsyncStream>(
    driver: &Origin<S>,
    link: &mut Link<R, Io<S>>,
    input: &mut Input,
    now: Duration,
) -> Progress {
    if link.endpoint().has_input() {
        return Progress::Some;
    }
    if link.endpoint().advice() == Advice::Drop {
        return Progress::Over;
    }
    if !link.endpoint().wants_read() {
        link.transport_mut().not_reading();
        return Progress::None;
    }
    if !link.transport().is_readable() {
        return Progress::None;
    }
    match driver.read(link, input, now) {
        Ok(0) if link.endpoint().wants_read() && !link.transport().is_readable() => Progress::None,
        Ok(_) => Progress::Some,
        Err(error) => Progress::Failed(Box::new(error)),
    }
}

/// Actions of the owner and its carrier, with the connection locked or not.
trait Handed<R: Role, S: AsyncStream> {
    /// Records that the owner takes a step. Its replies leave now, not after the application has handled it.
    fn taken(&self, held: Held<'_, R, Origin<S>>, input: &Input, step: &Step);

    /// Leaves the connection to its carrier, whatever the owner waits for next: there is nothing to do now.
    fn rest(&self, held: Held<'_, R, Origin<S>>);

    /// Leaves unconsumed input to the endpoint.
    fn defer(&self, input: Input);

    /// Hands the conversation to the carrier.
    fn hand(&self, conversation: Conversation, handle: &WebSocketConnection);
}

impl<R: Role, S: AsyncStream> Handed<R, S> for Carried<R, S> {
    #[inline]
    fn taken(&self, mut held: Held<'_, R, Origin<S>>, input: &Input, step: &Step) {
        let Some(link) = held.link_mut() else { return };
        link.transport_mut().keep(!input.is_empty());
        let writes = link.endpoint().unwritten() > 0 && !link.transport().is_blocked();
        if matches!(step, Step::Message(_))
            && let Some(traffic) = Driver::<R>::traffic(self.driver())
        {
            traffic.received(1, 0);
        }
        if writes {
            self.driver().changed(held);
        }
    }

    #[inline]
    fn rest(&self, mut held: Held<'_, R, Origin<S>>) {
        let Some(link) = held.link_mut() else { return };
        reclaim_outbox(link.endpoint_mut());
        let (transport, endpoint) = (link.transport(), link.endpoint());
        let alarm = transport.alarm;
        let early = endpoint.deadline().is_some_and(|at| alarm.is_none_or(|alarm| at < alarm));
        // A notice that the carrier does not need would make it wake this task, which would notify it again.
        let writes = match transport.is_writing() {
            true => !transport.watched,
            false => endpoint.unwritten() > 0,
        };
        if early || writes {
            self.driver().changed(held);
        }
    }

    fn defer(&self, mut input: Input) {
        let mut held = self.lock();
        if let Some(link) = held.link_mut() {
            input.with(|rest| link.endpoint_mut().defer_input(rest));
            link.transport_mut().keep(false);
        }
    }

    fn hand(&self, conversation: Conversation, handle: &WebSocketConnection) {
        if let Some(mut left) = self.tasks().hand(conversation)
            && !left.is_over()
        {
            // The runtime has shut down.
            left.end(self, handle);
        }
    }
}
