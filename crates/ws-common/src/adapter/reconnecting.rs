//! A client's handler that connects again, for event loops.

use std::time::{Duration, Instant};

use wsproto::CloseInfo;
use wsproto::handshake::ClientRequest;

use super::logging::debug;
use crate::adapter::CloseOnCancel;
use crate::{
    Cancel, ClientOptions, ConnectionHandler, Error, Message, MessageRef, Reconnect,
    ReconnectEvent, TimerId, WebSocketConnection,
};

/// Begins client connections; an event loop's handle.
pub trait Connector: Clone + Send + 'static {
    /// Begins a connection, and returns its handle at once.
    ///
    /// # Errors
    ///
    /// [`Error`] if the request or the options are invalid, or the loop has ended.
    fn connect(
        &self,
        request: ClientRequest,
        options: ClientOptions,
        handler: impl ConnectionHandler,
    ) -> Result<WebSocketConnection, Error>;
}

/// Connects, and connects again as `reconnect` decides, never sooner than the [delay](ClientOptions::delay) of
/// the options. `make` makes the handler of each connection, before it opens; `tell` is called with each
/// decision. After a panic of either, or of a handler, nothing is called again, and no connection is made. Returns the
/// token that stops connecting, and closes the connection if it is open: the token of the options, if they have one.
///
/// # Errors
///
/// As [`Connector::connect`], for the first connection.
pub fn reconnect<H: ConnectionHandler>(
    connector: impl Connector,
    request: ClientRequest,
    mut options: ClientOptions,
    reconnect: Reconnect,
    tell: impl FnMut(ReconnectEvent) + Send + 'static,
    make: impl FnMut() -> H + Send + 'static,
) -> Result<Cancel, Error> {
    let cancel = options.cancel.get_or_insert_default().clone();
    let origin = Origin { connector, request, options, reconnect, tell, make };
    origin.begin(Duration::ZERO)?;
    Ok(cancel)
}

/// A decision of a [`Reconnect`], with its cause.
#[derive(Debug)]
#[must_use]
pub struct NextAttempt {
    delay: Option<Duration>,
    failures: u32,
    cause: String,
}

impl NextAttempt {
    /// Decides after an end or an error, as [`Reconnect::after`] does.
    pub fn after(
        reconnect: &mut Reconnect,
        outcome: Result<&CloseInfo, &Error>,
        open: Duration,
    ) -> Self {
        let delay = reconnect.after(outcome, open);
        let cause = match outcome {
            Ok(info) => info.to_string(),
            Err(error) => error.to_string(),
        };
        Self { delay, failures: reconnect.failures(), cause }
    }

    /// Calls `tell` with the decision, which is to give up if connecting was cancelled. Returns the time to wait
    /// before the next attempt; `None` gives up.
    pub fn tell(
        self,
        cancel: Option<&Cancel>,
        tell: &mut impl FnMut(ReconnectEvent),
    ) -> Option<Duration> {
        let Self { delay, failures, cause } = self;
        let next = delay.filter(|_| !cancel.is_some_and(Cancel::is_cancelled));
        tell(match next {
            Some(delay) => {
                debug!(
                    "connecting again in {delay:?}, after {failures} failures; the last: {cause}"
                );
                ReconnectEvent::Waiting { delay, failures, cause }
            }
            None => ReconnectEvent::GaveUp { failures, cause },
        });
        next
    }
}

/// The part that survives a connection.
struct Origin<C, T, M> {
    connector: C,
    request: ClientRequest,
    options: ClientOptions,
    reconnect: Reconnect,
    tell: T,
    make: M,
}

impl<C, T, M, H> Origin<C, T, M>
where
    C: Connector,
    T: FnMut(ReconnectEvent) + Send + 'static,
    M: FnMut() -> H + Send + 'static,
    H: ConnectionHandler,
{
    /// Begins a connection, whose handler owns the origin.
    fn begin(mut self, delay: Duration) -> Result<(), Error> {
        let connector = self.connector.clone();
        let (request, options) = (self.request.clone(), self.options.clone());
        let options = ClientOptions { delay: options.delay.max(delay), ..options };
        let handler = (self.make)();
        let origin = Some(self);
        let handler = Reconnecting { origin, handler, opened: None, decided: None, closing: None };
        connector.connect(request, options, handler).map(drop)
    }
}

/// The handler of one connection, which passes on all calls.
struct Reconnecting<C, T, M, H> {
    /// `None` after the last call.
    origin: Option<Origin<C, T, M>>,
    handler: H,
    opened: Option<Instant>,
    /// The decision after an error.
    decided: Option<NextAttempt>,
    /// While the connection is open.
    closing: Option<CloseOnCancel>,
}

impl<C, T, M, H> Reconnecting<C, T, M, H> {
    fn open_for(&self) -> Duration {
        self.opened.map_or(Duration::ZERO, |opened| opened.elapsed())
    }
}

impl<C, T, M, H> ConnectionHandler for Reconnecting<C, T, M, H>
where
    C: Connector,
    T: FnMut(ReconnectEvent) + Send + 'static,
    M: FnMut() -> H + Send + 'static,
    H: ConnectionHandler,
{
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.opened = Some(Instant::now());
        let cancel = self.origin.as_ref().and_then(|origin| origin.options.cancel.as_ref());
        self.closing = Some(CloseOnCancel::new(cancel, ws.clone()));
        self.handler.on_open(ws);
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        self.handler.on_message(ws, message);
    }

    fn on_message_ref(&mut self, ws: &WebSocketConnection, message: MessageRef<'_>) {
        self.handler.on_message_ref(ws, message);
    }

    fn borrows(&self) -> bool {
        self.handler.borrows()
    }

    fn on_drained(&mut self, ws: &WebSocketConnection) {
        self.handler.on_drained(ws);
    }

    fn on_ping(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        self.handler.on_ping(ws, payload);
    }

    fn on_pong(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        self.handler.on_pong(ws, payload);
    }

    fn on_timer(&mut self, ws: &WebSocketConnection, timer: TimerId) {
        self.handler.on_timer(ws, timer);
    }

    fn on_error(&mut self, ws: &WebSocketConnection, error: &Error) {
        let open = self.open_for();
        if let Some(origin) = &mut self.origin {
            self.decided = Some(NextAttempt::after(&mut origin.reconnect, Err(error), open));
        }
        self.handler.on_error(ws, error);
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        let open = self.open_for();
        self.closing = None;
        self.handler.on_terminate(ws, info);
        let Some(mut origin) = self.origin.take() else { return };
        let decided = match self.decided.take() {
            Some(decided) => decided,
            None => NextAttempt::after(&mut origin.reconnect, Ok(info), open),
        };
        // It fails if the loop has ended.
        if let Some(delay) = decided.tell(origin.options.cancel.as_ref(), &mut origin.tell)
            && let Err(error) = origin.begin(delay)
        {
            debug!("not connecting again: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use wsproto::Initiator;

    use super::*;
    use crate::testing;

    /// Keeps what it is told to connect.
    #[derive(Clone, Default)]
    struct Recorded(Arc<Mutex<Vec<Box<dyn ConnectionHandler>>>>);

    impl Connector for Recorded {
        fn connect(
            &self,
            _: ClientRequest,
            _: ClientOptions,
            handler: impl ConnectionHandler,
        ) -> Result<WebSocketConnection, Error> {
            self.0.lock().unwrap().push(Box::new(handler));
            Ok(testing::connect(()).connection().clone())
        }
    }

    /// Counts the messages that it borrows, and those that it owns.
    struct Counter(Arc<Mutex<[usize; 2]>>, bool);

    impl ConnectionHandler for Counter {
        fn borrows(&self) -> bool {
            self.1
        }

        fn on_message_ref(&mut self, _: &WebSocketConnection, _: MessageRef<'_>) {
            self.0.lock().unwrap()[0] += 1;
        }

        fn on_message(&mut self, _: &WebSocketConnection, _: Message) {
            self.0.lock().unwrap()[1] += 1;
        }
    }

    /// A handler that borrows also does so if it connects again.
    #[test]
    fn a_handler_borrows_in_each_connection() {
        for borrows in [true, false] {
            let (connector, counts) = (Recorded::default(), Arc::<Mutex<[usize; 2]>>::default());
            let counted = Arc::clone(&counts);
            let request = ClientRequest::parse("ws://localhost/").unwrap();
            let again = Reconnect::default();
            let make = move || Counter(Arc::clone(&counted), borrows);
            let options = ClientOptions::new();
            reconnect(connector.clone(), request, options, again, drop, make).unwrap();
            for round in 1..3 {
                let mut handler = connector.0.lock().unwrap().pop().expect("a connection");
                let client = testing::connect(());
                assert_eq!(handler.borrows(), borrows);
                handler.on_message_ref(client.connection(), MessageRef::Text("small"));
                handler.on_message(client.connection(), "large".into());
                assert_eq!(*counts.lock().unwrap(), [round, round]);
                let lost = CloseInfo::abnormal(Initiator::Remote);
                handler.on_terminate(client.connection(), &lost);
            }
        }
    }
}
