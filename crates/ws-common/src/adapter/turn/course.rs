//! The course of a turn: read once, handle all events, write.

use std::sync::Arc;
use std::time::Duration;

use wsproto::Role;

use super::{Duplex, MOST_EVENTS, TurnContext, TurnOutcome, WRITE_MOST};
use crate::WebSocketConnection;
use crate::adapter::{Connection, Conversation, Driver, Held, Step, Written};

/// How many times a turn writes after reading, while writing leads to events and these to more output.
const ROUNDS: usize = 3;

/// A turn in progress. It locks the connection once, and unlocks it only to call the application.
pub(super) struct Turn<'a, 'c, R: Role, D: Driver<R>> {
    connection: &'a Arc<Connection<R, D>>,
    handle: WebSocketConnection,
    conversation: &'c mut Conversation,
    now: Duration,
    /// Whether the connection needs another turn before the loop waits.
    again: bool,
    /// How many events were handled.
    events: usize,
    /// How many bytes were read, and messages received.
    read: usize,
    messages: usize,
    /// Whether the application was called, which may have taken long.
    called: bool,
}

impl<'a, 'c, R: Role, D: Driver<R>> Turn<'a, 'c, R, D>
where
    D::Transport: Duplex,
{
    pub(super) fn new(
        connection: &'a Arc<Connection<R, D>>,
        conversation: &'c mut Conversation,
        now: Duration,
    ) -> Self {
        Self {
            connection,
            handle: connection.handle(),
            conversation,
            now,
            again: false,
            events: 0,
            read: 0,
            messages: 0,
            called: false,
        }
    }

    pub(super) fn run(
        mut self,
        mut held: Held<'a, R, D>,
        context: &mut TurnContext,
    ) -> TurnOutcome {
        let lingered = held.is_lingering();
        if let Some(link) = held.link_mut() {
            link.endpoint_mut().lend(&mut context.outbox);
            held = self.receive(held, context);
            held = self.handle_timeout(held);
            held = self.write(held);
        }
        self.conclude(held, context, lingered)
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

    /// Handles any event but a small message.
    #[cold]
    fn take(&mut self, mut held: Held<'a, R, D>, step: Step) -> Held<'a, R, D> {
        // The end may drop the endpoint.
        self.count_output(&mut held);
        self.call(held, |turn| {
            turn.conversation.take(turn.connection, &turn.handle, turn.now, step)
        })
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

    /// Writes the pending output, reads once, and handles the events.
    fn receive(&mut self, mut held: Held<'a, R, D>, context: &mut TurnContext) -> Held<'a, R, D> {
        let mut input: &mut [u8] = &mut [];
        if let Some(link) = held.link_mut() {
            link.write(self.now, WRITE_MOST);
            match link.read(&mut context.input, self.now) {
                Ok(read) => {
                    self.read = read.len();
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
        self.react(held, &mut input).0
    }

    /// Performs the action that is due, and calls the handler for expired timers. This follows the read: a Pong
    /// among its bytes prevents a timeout.
    fn handle_timeout(&mut self, mut held: Held<'a, R, D>) -> Held<'a, R, D> {
        if let Some(link) = held.link_mut()
            && link.endpoint().deadline().is_some_and(|at| at <= self.now)
        {
            link.endpoint_mut().handle_timeout(self.now);
            held = self.react(held, &mut &mut [][..]).0;
        }
        if held.next_timer().is_some_and(|at| at <= self.now) {
            held = self.call(held, |turn| {
                turn.conversation.call_timers(turn.connection, &turn.handle, turn.now)
            });
        }
        held
    }

    /// Takes the events out of `input`, and calls the handler. After [`MOST_EVENTS`], the endpoint keeps the
    /// rest. Returns whether there were any.
    fn react(&mut self, mut held: Held<'a, R, D>, input: &mut &mut [u8]) -> (Held<'a, R, D>, bool) {
        let mut reacted = false;
        while let Some(link) = held.link_mut() {
            let endpoint = link.endpoint_mut();
            if self.events >= MOST_EVENTS && (!input.is_empty() || endpoint.has_input()) {
                endpoint.defer_input(input);
                break;
            }
            // Moving a message once more costs as much as the rest of this loop.
            if let Some(message) = link.next_small_message(input) {
                self.messages += 1;
                self.connection.driver().input_goes_on(!input.is_empty());
                let id = self.connection.id();
                held = self.call(held, |turn| turn.conversation.message(id, &turn.handle, message));
            } else if let Some(step) = link.next_other(self.now, input) {
                held = self.take(held, step);
            } else {
                break;
            }
            (reacted, self.events) = (true, self.events + 1);
        }
        // Only a socket: dropping it under the lock calls no code of the application.
        drop(held.follow_redirect());
        // After a redirect, the next turn dials.
        self.again |= held.is_dialing();
        (held, reacted)
    }

    /// Writes, handles the events that follow, and calls `on_drained` at most once. Repeats this while there
    /// were events, so no output is left unwritten that the socket would accept.
    fn write(&mut self, mut held: Held<'a, R, D>) -> Held<'a, R, D> {
        if self.called {
            // Deadlines that begin now must not count the time the application took. Those that are due were
            // handled with the time of the events, since newer input is not read yet.
            self.now = self.connection.driver().now();
        }
        let mut may_tell = true;
        for _ in 0..ROUNDS {
            let Some(link) = held.link_mut() else { return held };
            let written = link.write(self.now, WRITE_MOST);
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

    /// Ends the turn. No wake-up is lost: the lock has been held since the last check for events and output,
    /// so a change by another thread either precedes that check or follows `end_work`, and then notifies the
    /// loop.
    fn conclude(
        self,
        mut held: Held<'a, R, D>,
        context: &mut TurnContext,
        lingered: bool,
    ) -> TurnOutcome {
        if (self.read > 0 || self.messages > 0)
            && let Some(traffic) = self.connection.driver().traffic()
        {
            traffic.received(self.messages as u64, self.read as u64);
        }
        let noticed = held.end_work();
        // The notice may mean that the postponed decision was made.
        let mut more = self.again || noticed && self.conversation.is_deciding();
        // The output has drained after `on_drained` was called; call it again in the next turn.
        more |= held.live().is_ok_and(|link| link.endpoint().is_drained());
        self.count_output(&mut held);
        if let Some(link) = held.link_mut() {
            #[cfg(feature = "deflate")]
            link.endpoint_mut().reclaim_tools(&mut context.tools);
            if let Some(outbox) = link.endpoint_mut().reclaim() {
                context.outbox = Some(outbox);
            }
            more |= link.endpoint().has_input() || link.may_read();
        }
        let deadline = held.deadline();
        let left = held.count_lingering(lingered, &context.lingering);
        let (over, gone) = (held.is_over(), held.is_gone());
        drop(held);
        drop(left);
        if gone {
            // A connection that is gone needs no turn.
            return TurnOutcome { deadline: None, more: false, over, gone };
        }
        TurnOutcome { deadline, more, over, gone }
    }
}
