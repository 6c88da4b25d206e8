//! A connection's turn: read once, handle all events, write.

use std::sync::Arc;
use std::time::Duration;

use ws_common::adapter::{Connection, Conversation, Held, MOST_EVENTS, Step, WRITE_MOST, Written};
use ws_common::{Error, WebSocketConnection};
use wsproto::{Role, SessionError};

use crate::dial::DialContext;
use crate::origin::Origin;
use crate::slot::{Cause, DynConnection, LoopContext, TurnOutcome};
use crate::websocket::read;

/// How many times a turn writes after reading, while writing leads to events and these to more output.
const ROUNDS: usize = 3;

impl<R: Role, D: Origin<R>> DynConnection for Connection<R, D> {
    fn turn(
        self: Arc<Self>,
        context: &mut LoopContext,
        conversation: &mut Conversation,
        cause: Cause<'_>,
    ) -> TurnOutcome {
        #[cfg(feature = "tracing")]
        let _within = self.span().enter();
        let mut held = self.lock();
        held.begin_work();
        let (was_over, lingered) = (held.is_over(), held.is_lingering());
        let now = context.now;
        let handle = self.handle();
        let mut turn = Turn {
            connection: &self,
            handle,
            conversation,
            now,
            again: false,
            events: 0,
            read: 0,
            messages: 0,
            called: false,
        };
        if let Cause::Queued = cause {
            held.unqueue();
        }
        if held.is_dialing() {
            held = turn.dial(held, context);
        }
        if let Some(link) = held.link_mut() {
            link.endpoint_mut().lend(&mut context.outbox);
            if let Cause::Ready(event) = cause {
                link.transport_mut().ready(event);
            }
            held = turn.receive(held, context);
            held = turn.handle_timeout(held);
            held = turn.write(held);
        }
        if !was_over && held.is_over() {
            self.driver().ended();
        }
        turn.conclude(held, context, lingered)
    }

    fn is_open(&self) -> bool {
        self.lock().was_opened()
    }

    fn set_key(&self, key: usize) {
        self.lock().set_key(key);
    }

    fn abandon(&self) -> bool {
        let mut held = self.lock();
        let (opened, left) = (held.was_opened(), held.abandon());
        drop(held);
        drop(left);
        self.driver().stop_dialing();
        opened
    }
}

/// A turn in progress. It locks the connection once, and unlocks it only to dial and to call the
/// application.
struct Turn<'a, R: Role, D: Origin<R>> {
    connection: &'a Arc<Connection<R, D>>,
    handle: WebSocketConnection,
    conversation: &'a mut Conversation,
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

impl<'a, R: Role, D: Origin<R>> Turn<'a, R, D> {
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

    /// Continues to dial.
    fn dial(&mut self, held: Held<'a, R, D>, context: &LoopContext) -> Held<'a, R, D> {
        if held.is_given_up() {
            return self.call(held, |turn| turn.give_up(&SessionError::Abandoned.into()));
        }
        let Some(key) = held.dialing_key() else { return held };
        drop(held);
        let waiting = self.connection;
        let dial = DialContext {
            key,
            registry: &context.registry,
            now: context.now,
            wake: &move || {
                let waiting = Arc::clone(waiting);
                Box::new(move || waiting.notify())
            },
        };
        let driver = self.connection.driver();
        let dialed = driver.dial(&dial, self.conversation);
        let mut held = self.connection.lock();
        let error = match dialed {
            Ok(None) => return held,
            Ok(Some((link, peer))) => match held.connected(link, peer) {
                true => {
                    if let Some(client) = driver.client() {
                        held.set_client(client);
                    }
                    return held;
                }
                false => Some(SessionError::Abandoned.into()),
            },
            Err(error) => error,
        };
        self.call(held, |turn| match error {
            Some(error) => turn.give_up(&error),
            None => drop(turn.conversation.end(turn.connection, &turn.handle)),
        })
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

    fn give_up(&mut self, error: &Error) {
        self.conversation.give_up(self.connection, &self.handle, error);
    }

    /// Writes the pending output, reads once, and handles the events.
    fn receive(&mut self, mut held: Held<'a, R, D>, context: &mut LoopContext) -> Held<'a, R, D> {
        let mut input: &mut [u8] = &mut [];
        if let Some(link) = held.link_mut() {
            link.write(self.now, WRITE_MOST);
            if link.endpoint().wants_read() && link.transport().is_readable() {
                match read(link, &mut context.input, self.now) {
                    Ok(read) => {
                        self.read = read.len();
                        input = read;
                        // A connection that ends takes with it what it was lent.
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
        context: &mut LoopContext,
        lingered: bool,
    ) -> TurnOutcome {
        let driver = self.connection.driver();
        if (self.read > 0 || self.messages > 0)
            && let Some(traffic) = driver.traffic()
        {
            traffic.received(self.messages as u64, self.read as u64);
        }
        let noticed = held.end_work();
        let (mut more, mut deadline) = (self.again, None);
        if held.is_dialing() {
            // A name was resolved, or the application has closed or aborted the connection.
            more |= noticed || driver.dials_again();
            deadline = driver.dial_deadline();
        }
        // The notice may mean that the postponed decision was made.
        more |= noticed && self.conversation.is_deciding();
        // The output has drained after `on_drained` was called; call it again in the next turn.
        more |= held.live().is_ok_and(|link| link.endpoint().is_drained());
        self.count_output(&mut held);
        if let Some(link) = held.link_mut() {
            let endpoint = link.endpoint_mut();
            #[cfg(feature = "deflate")]
            endpoint.reclaim_tools(&mut context.tools);
            if let Some(outbox) = endpoint.reclaim() {
                context.outbox = Some(outbox);
            }
            more |= endpoint.has_input() || endpoint.wants_read() && link.transport().is_readable();
        }
        let deadline = deadline.or_else(|| held.deadline());
        let gone = held.count_lingering(lingered, &context.lingering);
        let finished = held.is_gone();
        let queue = more && !finished && held.queue();
        drop(held);
        drop(gone);
        if finished {
            driver.stop_dialing();
        }
        // A connection that is gone is due no more.
        let deadline = deadline.filter(|_| !finished);
        TurnOutcome { deadline, queue, finished }
    }
}
