//! A server's connection and its client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use wsproto::handshake::Response;
use wsproto::{Advice, Client, CloseInfo, Endpoint, Event, Server, SessionEvent};

use super::wire::Wire;
use crate::Message;
use crate::adapter::{
    Acceptor, Connection, Conversation, Driver, Held, Traffic, TrafficLease, Transport,
    TurnContext, TurnOutcome,
};

/// The time of a server and its connections, which the test advances.
#[derive(Clone, Default)]
pub(super) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(super) fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }

    pub(super) fn set(&self, now: Duration) {
        self.0.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

/// The driver of a server's connections.
pub(super) struct Origin {
    pub(super) acceptor: Arc<Acceptor>,
    pub(super) traffic: Arc<TrafficLease>,
    pub(super) clock: Clock,
    /// Whether the connection needs a turn.
    pub(super) changed: Arc<AtomicBool>,
}

impl Driver<Server> for Origin {
    type Transport = Wire;

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn changed(&self, mut held: Held<'_, Server, Self>) {
        if held.begin_notice().is_some() {
            self.changed.store(true, Ordering::SeqCst);
        }
    }

    fn acceptor(&self) -> Option<&Acceptor> {
        Some(&self.acceptor)
    }

    fn traffic(&self) -> Option<&Traffic> {
        Some(&self.traffic)
    }
}

/// A server's connection, and its client.
pub(super) struct Pair {
    pub(super) connection: Arc<Connection<Server, Origin>>,
    pub(super) conversation: Conversation,
    pub(super) outcome: TurnOutcome,
    pub(super) changed: Arc<AtomicBool>,
    pub(super) wire: Wire,
    pub(super) client: Endpoint<Client>,
    pub(super) received: Vec<Message>,
    pub(super) refusal: Option<Response>,
    pub(super) closed: Option<CloseInfo>,
}

impl Pair {
    /// Gives each end a turn, if it needs one. Returns whether either did.
    pub(super) fn turn(&mut self, context: &mut TurnContext) -> bool {
        let due = self.outcome.due(context.now).is_some_and(|at| at <= context.now);
        let server = self.changed.swap(false, Ordering::SeqCst) || due;
        if server && !self.outcome.gone {
            self.outcome = self.conversation.turn(&self.connection, context);
            if self.outcome.gone {
                // A transport that is dropped ends.
                self.wire.shutdown();
            }
        }
        let client = self.client_turn(context.now);
        server || client
    }

    /// Returns when the next turn is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let client = self.client.deadline().filter(|_| self.client.advice() != Advice::Drop);
        self.outcome.deadline.into_iter().chain(client).min()
    }

    /// Requests a turn for the server's connection.
    pub(super) fn notice(&self) {
        self.changed.store(true, Ordering::SeqCst);
    }

    fn client_turn(&mut self, now: Duration) -> bool {
        let mut bytes = self.wire.take();
        let mut moved = !bytes.is_empty();
        self.client_read(&mut bytes, now);
        if self.wire.is_at_end() && self.client.advice() != Advice::Drop {
            self.client.end_of_input(now);
            self.client_read(&mut [], now);
            moved = true;
        }
        if self.client.deadline().is_some_and(|at| at <= now) {
            self.client.handle_timeout(now);
            self.client_read(&mut [], now);
        }
        let pending = self.client.pending();
        let len = pending.len();
        if len > 0 {
            self.wire.write(pending);
            self.client.wrote(len, now);
            self.client_read(&mut [], now);
            self.notice();
        }
        let ends = matches!(self.client.advice(), Advice::Shutdown | Advice::Drop);
        if ends && self.wire.end() {
            self.notice();
            moved = true;
        }
        moved || len > 0
    }

    fn client_read(&mut self, bytes: &mut [u8], now: Duration) {
        let mut input = bytes;
        while let Some(event) = self.client.next_event(now, &mut input) {
            match event {
                SessionEvent::Received(Event::Text(text)) => {
                    self.received.push(Message::Text(text.into_owned()));
                }
                SessionEvent::Received(Event::Binary(bytes)) => {
                    self.received.push(Message::Binary(bytes.into_owned()));
                }
                SessionEvent::Error(_) => self.refusal = self.client.take_response(),
                SessionEvent::Closed(info) => self.closed = Some(info),
                _ => {}
            }
        }
    }
}
