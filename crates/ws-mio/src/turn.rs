//! A connection's turn on a loop: it dials while it has no stream, then has the turn that all adapters share.

use std::sync::Arc;

use ws_common::adapter::{Connection, Conversation, Held};
use wsproto::{Role, SessionError};

use crate::dial::DialContext;
use crate::origin::Origin;
use crate::slot::{Cause, DynConnection, LoopContext, TurnOutcome};

impl<R: Role, D: Origin<R>> DynConnection for Connection<R, D> {
    fn turn(
        self: Arc<Self>,
        context: &mut LoopContext,
        conversation: &mut Conversation,
        cause: Cause<'_>,
    ) -> TurnOutcome {
        let mut held = self.lock();
        let was_over = held.is_over();
        if let Cause::Queued = cause {
            held.unqueue();
        }
        if held.is_dialing() {
            held.begin_work();
            held = dial(&self, held, conversation, context);
            if held.is_dialing() {
                // The notice means that a name was resolved, or the application has closed or aborted the
                // connection.
                let more = held.end_work() || self.driver().dials_again();
                let queue = more && held.queue();
                let deadline = self.driver().dial_deadline();
                return TurnOutcome { deadline, queue, finished: false };
            }
        }
        if let Cause::Ready(event) = cause
            && let Some(link) = held.link_mut()
        {
            link.transport_mut().ready(event);
        }
        let outcome = conversation.turn_of(&self, held, &mut context.turn);
        if !was_over && outcome.over {
            self.driver().ended();
        }
        if outcome.gone {
            self.driver().stop_dialing();
        }
        let queue = outcome.more && self.lock().queue();
        TurnOutcome { deadline: outcome.deadline, queue, finished: outcome.gone }
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

/// Continues to dial. The connection then has a stream, is over, or still dials.
fn dial<'a, R: Role, D: Origin<R>>(
    connection: &'a Arc<Connection<R, D>>,
    held: Held<'a, R, D>,
    conversation: &mut Conversation,
    context: &LoopContext,
) -> Held<'a, R, D> {
    let handle = connection.handle();
    if held.is_given_up() {
        drop(held);
        conversation.give_up(connection, &handle, &SessionError::Abandoned.into());
        return connection.lock();
    }
    let Some(key) = held.dialing_key() else { return held };
    drop(held);
    let dial = DialContext {
        key,
        registry: &context.registry,
        now: context.turn.now,
        wake: &move || {
            let waiting = Arc::clone(connection);
            Box::new(move || waiting.notify())
        },
    };
    let driver = connection.driver();
    let dialed = driver.dial(&dial, conversation);
    let mut held = connection.lock();
    let error = match dialed {
        Ok(None) => return held,
        Ok(Some((link, peer))) => {
            if held.connected(link, peer) {
                if let Some(client) = driver.client() {
                    held.set_client(client);
                }
                return held;
            }
            Some(SessionError::Abandoned.into())
        }
        Err(error) => error,
    };
    drop(held);
    match error {
        Some(error) => conversation.give_up(connection, &handle, &error),
        None => conversation.end(connection, &handle),
    };
    connection.lock()
}
