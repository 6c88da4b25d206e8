//! A conversation with a server: connections one after the other, and the events of each.

mod current;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ws_std::wsproto::CloseInfo;
use ws_std::wsproto::handshake::Response;
use ws_std::{ConnectionHandler, Error, Message, Reconnect, WebSocketConnection, connect_with};

pub(crate) use self::current::Current;
use crate::connection::Prepared;
use crate::exit::Exit;
use crate::heads;

/// Handles the events of a conversation, one call after the other.
pub(crate) trait Events: Send + Sync + 'static {
    /// A connection is open.
    fn opened(&self, ws: &WebSocketConnection, prepared: &Prepared, response: &Response);

    /// A message has arrived.
    fn message(&self, ws: &WebSocketConnection, message: Message);

    /// A Ping has arrived.
    fn ping(&self, ws: &WebSocketConnection, payload: &[u8]);

    /// A Pong has arrived.
    fn pong(&self, ws: &WebSocketConnection, payload: &[u8]);

    /// A connection failed, or did not open; with the response of a server that refuses.
    fn failed(&self, exit: &Exit, response: Option<&Response>);

    /// A connection that was open is closed.
    fn closed(&self, info: &CloseInfo);

    /// A line of a head, or of the body of a refusal, for `-v`.
    fn note(&self, line: &str);

    /// The next attempt follows after a delay.
    fn waiting(&self, exit: &Exit, delay: Duration);
}

/// The exit of a run that ends with this connection, and the delay before the next connection, if one follows.
type Outcome = (Exit, Option<Duration>);

/// Connects, and connects again as `reconnect` decides. Returns how the last connection ended.
pub(crate) fn converse<E: Events>(
    prepared: &Prepared,
    verbose: bool,
    reconnect: Option<Reconnect>,
    current: &Current,
    events: &Arc<E>,
) -> Exit {
    let policy = Arc::new(Mutex::new(reconnect));
    let mut delay = Duration::ZERO;
    loop {
        if verbose {
            for line in heads::request_lines(&prepared.request, &prepared.options) {
                events.note(&format!("> {line}"));
            }
        }
        let (exit, again) = connect_once(prepared, delay, verbose, &policy, current, events);
        match again.filter(|_| !current.is_over()) {
            Some(next) => {
                events.waiting(&exit, next);
                delay = next;
            }
            None => {
                // Threads that wait for another connection end.
                current.end();
                return current.verdict().unwrap_or(exit);
            }
        }
    }
}

fn connect_once<E: Events>(
    prepared: &Prepared,
    delay: Duration,
    verbose: bool,
    policy: &Arc<Mutex<Option<Reconnect>>>,
    current: &Current,
    events: &Arc<E>,
) -> Outcome {
    let options = prepared.options.clone().delay(delay).cancel(current.cancel().clone());
    let ws = match connect_with(prepared.request.clone(), options) {
        Ok(ws) => ws,
        Err(error) => {
            let (mut exit, answer) = (Exit::from_error(&error), heads::answer_lines(&error));
            if verbose {
                answer.iter().for_each(|line| events.note(line));
            }
            events.failed(&exit, heads::refusal(&error));
            if !verbose && !answer.is_empty() {
                exit.line.push_str("; -v shows the response");
            }
            return (exit, after(policy, Err(&error), Duration::ZERO));
        }
    };
    if let Some(response) = ws.response() {
        if verbose {
            heads::response_lines(response).iter().for_each(|line| events.note(line));
        }
        events.opened(&ws.handle(), prepared, response);
    }
    current.connected(ws.handle());
    let failed = Arc::new(Mutex::new(None));
    let (opened, policy) = (Instant::now(), Arc::clone(policy));
    let handler = Handler {
        events: Arc::clone(events),
        policy: Arc::clone(&policy),
        opened,
        failed: Arc::clone(&failed),
    };
    let info = ws.run(handler);
    current.disconnected();
    let failed = failed.lock().take();
    failed.unwrap_or_else(|| (Exit::from_close(&info), after(&policy, Ok(&info), opened.elapsed())))
}

fn after(
    policy: &Mutex<Option<Reconnect>>,
    outcome: Result<&CloseInfo, &Error>,
    open: Duration,
) -> Option<Duration> {
    policy.lock().as_mut()?.after(outcome, open)
}

/// The handler of a connection.
struct Handler<E> {
    events: Arc<E>,
    policy: Arc<Mutex<Option<Reconnect>>>,
    opened: Instant,
    /// The outcome, if the connection fails.
    failed: Arc<Mutex<Option<Outcome>>>,
}

impl<E: Events> ConnectionHandler for Handler<E> {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        self.events.message(ws, message);
    }

    fn on_ping(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        self.events.ping(ws, payload);
    }

    fn on_pong(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        self.events.pong(ws, payload);
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        let exit = Exit::from_error(error);
        self.events.failed(&exit, None);
        let again = after(&self.policy, Err(error), self.opened.elapsed());
        *self.failed.lock() = Some((exit, again));
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        self.events.closed(info);
    }
}
