//! A turn in progress.

use std::sync::Arc;
use std::time::Duration;

use wsproto::{ReadyState, Role};

use super::{Duplex, MOST_EVENTS, TurnContext, TurnOutcome, WRITE_MOST};
use crate::adapter::{Connection, Conversation, Driver, Held, Step, Written, reclaim_outbox};
use crate::{ConnectionId, WebSocketConnection};

/// How many times a turn writes after reading, while writing leads to events and these to more output.
const ROUNDS: usize = 3;

/// A turn in progress. It unlocks the connection only to call the application.
pub(super) struct Turn<'a, R: Role, D: Driver<R>> {
    connection: &'a Arc<Connection<R, D>>,
    handle: WebSocketConnection,
    conversation: &'a mut Conversation,
    now: Duration,
    /// How many events were handled.
    events: usize,
    /// How many bytes were read, and small messages received.
    read: usize,
    messages: u64,
    /// Whether the application was called since [`now`](Self::now), which may have taken long.
    called: bool,
    /// Whether the connection needs another turn without waiting.
    again: bool,
    /// Whether the connection had a transport before.
    dialed: bool,
}

impl<'a, R: Role, D: Driver<R>> Turn<'a, R, D>
where
    D::Transport: Duplex,
{
    /// Begins a turn of a connection that is locked.
    pub(super) fn new(
        conversation: &'a mut Conversation,
        connection: &'a Arc<Connection<R, D>>,
        held: &mut Held<'_, R, D>,
        now: Duration,
    ) -> Self {
        Self {
            connection,
            handle: connection.handle(),
            conversation,
            now,
            events: 0,
            read: 0,
            messages: 0,
            called: false,
            again: false,
            dialed: held.link_mut().is_some(),
        }
    }

    /// Unlocks the connection for a call of the application.
    #[inline]
    fn call<T>(
        &mut self,
        held: Held<'a, R, D>,
        call: impl FnOnce(&mut Self) -> T,
    ) -> Held<'a, R, D> {
        drop(held);
        self.called = true;
        call(self);
        self.connection.lock()
    }

    /// Writes the pending output, reads once, and handles the events. Returns whether there were any.
    pub(super) fn receive(
        &mut self,
        mut held: Held<'a, R, D>,
        context: &mut TurnContext,
    ) -> (Held<'a, R, D>, bool) {
        let mut input: &mut [u8] = &mut [];
        if self.called {
            self.look_at_clock();
        }
        if let Some(link) = held.link_mut() {
            link.write(self.now, WRITE_MOST);
            let payload = link.read_payload(self.now);
            let read = match payload {
                Some(read) => read.map(|read| (read, &mut [][..])),
                None => link.read(&mut context.input, self.now).map(|read| (read.len(), read)),
            };
            match read {
                Ok((len, read)) => {
                    self.read += len;
                    input = read;
                    // A connection that ends drops the states that it was lent: lend them for input only.
                    #[cfg(feature = "deflate")]
                    if !input.is_empty() {
                        link.endpoint_mut().lend_tools(&mut context.tools);
                    }
                }
                Err(error) => {
                    held = self.call(held, |turn| {
                        turn.conversation.fail(turn.connection, &turn.handle, &error)
                    });
                }
            }
        }
        if self.conversation.is_deciding() {
            held = self.call(held, |turn| turn.conversation.resume(turn.connection, turn.now));
        }
        self.react(held, &mut input)
    }

    /// Takes the events out of `input`, and calls the handler. After [`MOST_EVENTS`], the endpoint keeps the
    /// rest. Returns whether there were any.
    fn react(&mut self, mut held: Held<'a, R, D>, input: &mut &mut [u8]) -> (Held<'a, R, D>, bool) {
        let before = self.events;
        loop {
            let borrows = held.borrows();
            let Some(link) = held.link_mut() else { break };
            let endpoint = link.endpoint_mut();
            if self.events >= MOST_EVENTS && (!input.is_empty() || endpoint.has_input()) {
                endpoint.defer_input(input);
                break;
            }
            // Moving a message once more costs as much as the rest of this loop.
            if borrows && let Some(message) = link.next_small_message_ref(input) {
                let id = self.count_message(input);
                held = self
                    .call(held, |turn| turn.conversation.message_ref(id, &turn.handle, message));
            } else if let Some(message) = link.next_small_message(input) {
                let id = self.count_message(input);
                held = self.call(held, |turn| turn.conversation.message(id, &turn.handle, message));
            } else if let Some(step) = link.next_other(self.now, input) {
                held = self.take(held, step, !input.is_empty());
            } else {
                break;
            }
            self.events += 1;
        }
        let left = held.follow_redirect();
        if left.is_some() {
            held = self.call(held, |_| drop(left));
        }
        (held, self.events > before)
    }

    /// Counts a small message that was taken out of `input`. Returns the id of the connection.
    #[inline(always)]
    fn count_message(&mut self, input: &[u8]) -> ConnectionId {
        self.messages += 1;
        self.connection.driver().input_goes_on(!input.is_empty());
        self.connection.id()
    }

    /// Handles any event but a small message.
    #[cold]
    fn take(&mut self, mut held: Held<'a, R, D>, step: Step, goes_on: bool) -> Held<'a, R, D> {
        // The end may drop the endpoint.
        self.count_output(&mut held);
        if let Step::Message(_) = step {
            self.connection.driver().input_goes_on(goes_on);
        }
        self.call(held, |turn| {
            turn.conversation.take(turn.connection, &turn.handle, turn.now, step)
        })
    }

    /// Performs the action that is due, and calls the handler for expired timers. The input that arrived before the
    /// deadline is processed, so the deadline has really expired.
    pub(super) fn handle_timeout(&mut self, mut held: Held<'a, R, D>) -> Held<'a, R, D> {
        if let Some(link) = held.link_mut()
            && link.endpoint().deadline().is_some_and(|at| at <= self.now)
        {
            link.endpoint_mut().handle_timeout(self.now);
        }
        if held.next_timer().is_some_and(|at| at <= self.now) {
            held = self.call(held, |turn| {
                turn.conversation.call_timers(turn.connection, &turn.handle, turn.now)
            });
        }
        held
    }

    /// Writes, handles the events that follow, and calls `on_drained` at most once. Repeats this while there were
    /// events, so that no output is left that the transport would accept.
    pub(super) fn write(&mut self, mut held: Held<'a, R, D>) -> Held<'a, R, D> {
        let mut may_tell = true;
        for _ in 0..ROUNDS {
            // All changes until now are handled here, but for a decision: the next turn takes it.
            if !self.conversation.is_deciding() {
                held.begin_work();
            }
            let Some(link) = held.link_mut() else { return held };
            if self.called && link.endpoint().needs_time() {
                self.look_at_clock();
            }
            let written = link.write(self.now, WRITE_MOST);
            // Writing may have failed.
            if self.called && link.endpoint().needs_time() {
                self.look_at_clock();
            }
            let reacted;
            (held, reacted) = self.react(held, &mut &mut [][..]);
            let drained =
                may_tell && held.live().is_ok_and(|link| link.endpoint_mut().take_drained());
            if drained {
                may_tell = false;
                held = self.call(held, |turn| turn.conversation.drained(&turn.handle));
            } else if !reacted {
                self.again |= written == Written::Limit;
                return held;
            }
        }
        // Let other connections have their turn first.
        self.again = true;
        held
    }

    /// Takes the time anew. Deadlines that begin now must not count the time that handlers took; usually, none begins.
    #[cold]
    fn look_at_clock(&mut self) {
        self.called = false;
        self.now = self.connection.driver().now();
    }

    /// Counts the output of the turn. Taken for clients, too: the buffer goes on to other connections.
    fn count_output(&self, held: &mut Held<'a, R, D>) {
        if let Some(link) = held.link_mut() {
            let counts = link.endpoint_mut().take_output_counts();
            if let Some(traffic) = self.connection.driver().traffic() {
                traffic.sent(counts);
            }
        }
    }

    /// Ends the turn. No wake-up is lost: the lock has been held since the last check for events and output, so a
    /// change by another thread either precedes that check or follows `end_work`, and then is a notice.
    pub(super) fn conclude(
        self,
        mut held: Held<'a, R, D>,
        context: &mut TurnContext,
    ) -> TurnOutcome {
        if (self.read > 0 || self.messages > 0)
            && let Some(traffic) = self.connection.driver().traffic()
        {
            traffic.received(self.messages, self.read as u64);
        }
        self.count_output(&mut held);
        let mut outcome = TurnOutcome { more: self.again, ..TurnOutcome::default() };
        outcome.over = held.is_over();
        if let Some(link) = held.link_mut() {
            let endpoint = link.endpoint();
            outcome.more |= endpoint.has_input()
                || endpoint.is_drained()
                || link.may_read()
                // The handler's last call is still due.
                || !outcome.over && endpoint.ready_state() == ReadyState::Closed;
            #[cfg(feature = "deflate")]
            link.endpoint_mut().reclaim_tools(&mut context.tools);
            reclaim_outbox(link.endpoint_mut());
        } else {
            // A redirect has removed the transport: the adapter must dial again.
            outcome.more |= self.dialed && !outcome.over;
        }
        outcome.deadline = held.deadline();
        outcome.more |= held.end_work();
        let left = held.count_lingering(&context.lingering);
        outcome.gone = held.is_gone();
        if outcome.gone {
            // A connection that is gone needs no turn.
            (outcome.deadline, outcome.more) = (None, false);
        }
        drop(held);
        drop(left);
        outcome
    }
}
