//! A connection's turn: one read, all its events, one write.

use std::sync::Arc;
use std::time::Duration;

use ws_common::adapter::{Connection, Conversation, Step, Written};
use ws_common::{Error, WebSocketConnection};
use wsproto::{Role, SessionError};

use crate::dial::DialContext;
use crate::origin::Origin;
use crate::slot::{Cause, DynConnection, LoopContext, TurnOutcome};
use crate::websocket::{WRITE_MOST, read};

/// How many transports may linger at a time. Those beyond are dropped at once, and may lose our last bytes.
const MOST_LINGERING: usize = 1024;

impl<R: Role, D: Origin<R>> DynConnection for Connection<R, D> {
    fn turn(
        self: Arc<Self>,
        context: &mut LoopContext,
        conversation: &mut Option<Conversation>,
        cause: Cause<'_>,
    ) -> TurnOutcome {
        let handle = self.handle();
        let lingered = self.lock().is_lingering();
        let mut turn = Turn { connection: &self, handle, conversation };
        turn.begin(context, cause);
        turn.dial(context);
        turn.receive(context);
        // A redirect may have led elsewhere.
        turn.dial(context);
        turn.handle_timeout(context);
        let outcome = turn.conclude(context);
        context.lingering -= usize::from(lingered);
        context.lingering += usize::from(outcome.lingers);
        outcome
    }

    fn is_open(&self) -> bool {
        self.lock().was_opened()
    }

    fn is_over(&self) -> bool {
        self.lock().is_over()
    }

    fn settle(&self, key: usize) {
        self.lock().settle(key);
    }
}

struct Turn<'a, R: Role, D: Origin<R>> {
    connection: &'a Arc<Connection<R, D>>,
    handle: WebSocketConnection,
    /// `None` once the handler was called for the last time.
    conversation: &'a mut Option<Conversation>,
}

impl<R: Role, D: Origin<R>> Turn<'_, R, D> {
    fn begin(&mut self, context: &mut LoopContext, cause: Cause<'_>) {
        let mut held = self.connection.lock();
        held.begin_work();
        if let Cause::Queued = cause {
            held.unqueue();
        }
        let Some(link) = held.link_mut() else { return };
        link.endpoint_mut().lend(&mut context.outbox);
        if let Cause::Ready(event) = cause {
            link.transport_mut().ready(event);
        }
    }

    /// Goes on with opening a stream.
    fn dial(&mut self, context: &LoopContext) {
        let held = self.connection.lock();
        if held.is_given_up() {
            drop(held);
            return self.give_up(&SessionError::Abandoned.into());
        }
        let Some(key) = held.dialing_key() else { return };
        drop(held);
        let waiting = Arc::clone(self.connection);
        let dial = DialContext {
            key,
            registry: &context.registry,
            now: context.now,
            wake: &move || {
                let waiting = Arc::clone(&waiting);
                Box::new(move || waiting.notify())
            },
        };
        match self.connection.driver().dial(&dial) {
            Ok(None) => {}
            Ok(Some((link, peer))) => {
                if !self.connection.lock().connected(link, peer) {
                    self.give_up(&SessionError::Abandoned.into());
                }
            }
            Err(error) => self.give_up(&error),
        }
    }

    fn give_up(&mut self, error: &Error) {
        if let Some(mut conversation) = self.conversation.take() {
            conversation.give_up(self.connection, &self.handle, error);
        }
    }

    /// Writes what waited, reads once, and deals with what was read.
    fn receive(&mut self, context: &mut LoopContext) {
        let mut input: &mut [u8] = &mut [];
        let mut failure = None;
        let mut held = self.connection.lock();
        if let Some(link) = held.link_mut() {
            link.write(context.now, WRITE_MOST);
            if link.endpoint().wants_read() && link.transport().is_readable() {
                match read(link, &mut context.input, context.now) {
                    Ok(read) => input = read,
                    Err(error) => failure = Some(error),
                }
            }
        }
        drop(held);
        if let (Some(error), Some(conversation)) = (failure, &mut *self.conversation) {
            conversation.fail(self.connection, &self.handle, &error);
        }
        self.react(context.now, &mut input);
    }

    /// Does what is due, now that what had arrived was looked at.
    fn handle_timeout(&mut self, context: &LoopContext) {
        let mut held = self.connection.lock();
        let Some(link) = held.link_mut() else { return };
        if link.endpoint().deadline().is_some_and(|deadline| deadline <= context.now) {
            link.endpoint_mut().handle_timeout(context.now);
            drop(held);
            self.react(context.now, &mut &mut [][..]);
        }
    }

    /// Takes event after event out of what was read, and calls the handler.
    fn react(&mut self, now: Duration, input: &mut &mut [u8]) {
        match self.conversation {
            Some(conversation) => {
                conversation.react(self.connection, &self.handle, now, input);
                if conversation.is_over() {
                    *self.conversation = None;
                }
            }
            // The transport lingers, or its handler has panicked: what it brings is discarded.
            None => {
                let mut held = self.connection.lock();
                while let Some(step) = held.link_mut().and_then(|link| link.next(now, input)) {
                    if let Step::Closed(info) = step {
                        drop(held.finish(info));
                    }
                }
            }
        }
    }

    /// Writes, tells the handler that there is room again, and ends the turn.
    fn conclude(mut self, context: &mut LoopContext) -> TurnOutcome {
        self.connection.lock().begin_last_look();
        self.write(context);
        // What is written may make room, or be the last there is.
        self.react(context.now, &mut &mut [][..]);
        if let Some(conversation) = &mut *self.conversation {
            conversation.tell_drained(self.connection, &self.handle);
        }
        let written = self.write(context);

        let mut held = self.connection.lock();
        let mut more = self.connection.driver().dials_again();
        // Another thread has changed something after it was looked at, and has not told the loop.
        more |= held.end_work();
        let mut deadline = self.connection.driver().dial_deadline();
        if let Some(link) = held.link_mut() {
            deadline = link.endpoint().deadline();
            more |= written == Written::Some
                || link.endpoint().has_input()
                || link.endpoint().wants_read() && link.transport().is_readable();
            if let Some(outbox) = link.endpoint_mut().reclaim() {
                context.outbox = Some(outbox);
            }
        }
        if held.is_lingering() && context.lingering >= MOST_LINGERING {
            held.hasten();
        }
        let gone = held.let_go();
        let finished = held.is_gone();
        if finished {
            self.connection.driver().stop_dialing();
        }
        let queue = more && !finished && held.queue();
        let lingers = held.is_lingering();
        drop(held);
        drop(gone);
        TurnOutcome { deadline, queue, finished, lingers }
    }

    fn write(&mut self, context: &LoopContext) -> Written {
        let mut held = self.connection.lock();
        held.link_mut().map_or(Written::All, |link| link.write(context.now, WRITE_MOST))
    }
}
