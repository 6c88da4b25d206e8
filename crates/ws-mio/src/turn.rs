//! A connection's turn: one read, all its events, one write.

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use log::{debug, error, trace};
use mio::Registry;
use mio::event::Event as Readiness;
use ws_common::{ConnectionHandler, ConnectionLink, Error, Message, WebSocketConnection};
use wsproto::{CloseCode, CloseFrame, CloseInfo, Event, Initiator, ReadyState, SessionEvent};

use crate::connection::{Connection, Inner, Phase};
use crate::dial::{DialContext, Resolved};
use crate::scratch::Scratch;
use crate::side::Side;

/// How many reads may follow a deadline that has passed, because what it waits for may be there
/// already: all that a socket holds, but not all that a flooding peer can send.
const LATE_READS: usize = 100;

/// What all turns of a loop use.
pub(crate) struct Kit {
    pub(crate) now: Duration,
    pub(crate) input: Box<[u8]>,
    /// `None` while a connection has it.
    pub(crate) scratch: Option<Box<Scratch>>,
    pub(crate) registry: Registry,
}

/// What carries a connection; `None` before it is accepted, and once it has panicked.
pub(crate) type Carrier = Option<Box<dyn ConnectionHandler>>;

/// What comes after a turn.
pub(crate) struct After {
    pub(crate) deadline: Option<Duration>,
    /// Whether there is more to do at once.
    pub(crate) again: bool,
    pub(crate) finished: bool,
}

/// A connection, whichever end it is.
pub(crate) trait Turns: ConnectionLink {
    /// Does what there is to do; `event` says why, if the stream does.
    fn turn(
        self: Arc<Self>,
        kit: &mut Kit,
        carrier: &mut Carrier,
        event: Option<&Readiness>,
    ) -> After;

    /// Whether its handler was told that it is open, and not that it is closed.
    fn is_open(&self) -> bool;

    /// Takes the addresses of its server.
    fn found(&self, found: Resolved, now: Duration);

    /// Notes where the loop finds it.
    fn settled(&self, key: usize);
}

impl<R: Side> Turns for Connection<R> {
    fn turn(
        self: Arc<Self>,
        kit: &mut Kit,
        carrier: &mut Carrier,
        event: Option<&Readiness>,
    ) -> After {
        let handle = WebSocketConnection::new(Arc::clone(&self) as Arc<dyn ConnectionLink>);
        let (connection, now) = (&*self, kit.now);
        let mut turn = Turn { connection, handle, now, carrier, failed: false, closed: None };
        let mut inner = self.lock();
        (inner.busy, inner.notified) = (true, false);
        inner.lend(&mut kit.scratch);
        match (&mut inner.phase, event) {
            (Phase::Live(ws), Some(event)) => ws.ready(event),
            (Phase::Dialing(_), _) => inner = turn.dial(inner, kit),
            _ => {}
        }
        inner = turn.receive(inner, &mut kit.input);
        inner = turn.handle_timeout(inner, &mut kit.input);
        turn.conclude(inner, kit)
    }

    fn is_open(&self) -> bool {
        self.lock().opened
    }

    fn found(&self, found: Resolved, now: Duration) {
        if let Phase::Dialing(dialing) = &mut self.lock().phase {
            dialing.resolved(found, now);
        }
    }

    fn settled(&self, key: usize) {
        self.lock().settle(key);
    }
}

struct Turn<'a, R: Side> {
    connection: &'a Connection<R>,
    handle: WebSocketConnection,
    now: Duration,
    carrier: &'a mut Carrier,
    /// Whether an error was reported.
    failed: bool,
    closed: Option<CloseInfo>,
}

/// A connection whose lock is held. It is let go of to call a handler.
type Held<'a, R> = MutexGuard<'a, Inner<R>>;

impl<'a, R: Side> Turn<'a, R> {
    fn lock(&self) -> Held<'a, R> {
        self.connection.lock()
    }

    /// Goes on with opening a stream.
    fn dial(&mut self, mut inner: Held<'a, R>, kit: &Kit) -> Held<'a, R> {
        let Some(key) = inner.key() else { return inner };
        let Phase::Dialing(dialing) = &mut inner.phase else { return inner };
        let context = DialContext {
            key,
            id: self.handle.id(),
            shared: self.connection.shared(),
            registry: &kit.registry,
            now: self.now,
        };
        let mut out = Vec::new();
        match R::dial(&self.connection.origin, dialing, &context, &mut out) {
            Ok(None) => {}
            Ok(Some(ws)) => {
                inner.phase = Phase::Live(ws);
                if let Some((_, to)) = inner.live() {
                    to.append(&mut out);
                }
            }
            Err(error) => {
                inner.phase = Phase::Closed(0);
                drop(inner);
                self.closed = Some(CloseInfo::abnormal(Initiator::Local));
                self.call(|handler, ws| handler.on_error(ws, &error));
                return self.lock();
            }
        }
        inner
    }

    /// Takes what was held back, or reads once, and deals with it.
    fn receive(&mut self, mut inner: Held<'a, R>, buffer: &mut [u8]) -> Held<'a, R> {
        inner.write();
        if inner.exceeds(R::high_water_mark(&self.connection.origin)) {
            // It waits until the peer reads; but the session may have something to report.
            return self.react(inner, &mut &mut [][..]);
        }
        let Some((ws, _)) = inner.live() else { return inner };
        if let Some(mut held) = ws.take_held() {
            return self.react(inner, &mut &mut held[..]);
        }
        if !ws.is_readable() {
            return self.react(inner, &mut &mut [][..]);
        }
        let state = ws.session().ready_state();
        match ws.read(buffer) {
            Ok(mut input) => self.react(inner, &mut input),
            Err(error) => {
                if matches!(state, ReadyState::Connecting | ReadyState::Open) {
                    drop(inner);
                    self.fail(error.into());
                    inner = self.lock();
                }
                self.react(inner, &mut &mut [][..])
            }
        }
    }

    /// Does what is due, unless what it waits for has arrived.
    fn handle_timeout(&mut self, mut inner: Held<'a, R>, buffer: &mut [u8]) -> Held<'a, R> {
        let mut reads = 0;
        while inner.is_due(self.now) {
            match inner.live() {
                Some((ws, _)) if ws.can_read() && reads < LATE_READS => {
                    reads += 1;
                    inner = self.receive(inner, buffer);
                }
                Some((ws, out)) => {
                    ws.session().handle_timeout(self.now, out);
                    inner = self.react(inner, &mut &mut [][..]);
                }
                None => break,
            }
        }
        inner
    }

    /// Takes event after event out of what was read, until the peer does not read our answers.
    fn react(&mut self, mut inner: Held<'a, R>, input: &mut &mut [u8]) -> Held<'a, R> {
        let mark = R::high_water_mark(&self.connection.origin);
        loop {
            // There is always room for one answer to what is taken out.
            if inner.exceeds(mark)
                && let Some((ws, _)) = inner.live()
            {
                let rest: &mut [u8] = mem::take(input);
                ws.hold(rest);
            }
            let Some((ws, scratch)) = inner.at_work() else { return inner };
            let event = ws.session().next_event(self.now, input, &mut scratch.out);
            let step = Step::of(event, scratch);
            if matches!(step, Step::None) {
                return inner;
            }
            drop(inner);
            match step {
                Step::None | Step::Other => {}
                Step::Message(message) => self.call(|handler, ws| handler.on_message(ws, message)),
                Step::Request => {
                    if let Some(accepted) = R::answer(self.connection) {
                        *self.carrier = Some(accepted);
                    }
                }
                Step::Open => self.open(),
                Step::Error(error) => self.fail(error),
                Step::Closed(info) => self.closed = Some(info),
            }
            inner = self.lock();
        }
    }

    fn open(&mut self) {
        debug!("connection {} is open", self.handle.id());
        self.lock().opened = true;
        if !R::add(&self.connection.origin, &self.handle) {
            self.lock().opened = false;
            *self.carrier = None;
            return self.handle.abort();
        }
        self.call(ConnectionHandler::on_open);
    }

    /// Reports an error, unless one was reported that says more.
    fn fail(&mut self, error: Error) {
        if mem::replace(&mut self.failed, true) {
            return;
        }
        debug!("connection {}: {error}", self.handle.id());
        let opened = self.lock().opened;
        let error = if opened { Some(error) } else { R::failed(self.connection, error) };
        if let Some(error) = error {
            self.call(|handler, ws| handler.on_error(ws, &error));
        }
    }

    /// Calls the handler, which may panic, and is not called again then.
    fn call(&mut self, call: impl FnOnce(&mut dyn ConnectionHandler, &WebSocketConnection)) {
        let Some(handler) = self.carrier.as_deref_mut() else { return };
        if panic::catch_unwind(AssertUnwindSafe(|| call(handler, &self.handle))).is_err() {
            error!("the handler of connection {} has panicked", self.handle.id());
            // The peer learns that it was not at fault.
            let sorry = CloseFrame::new(CloseCode::INTERNAL_ERROR, "").ok();
            let _ = self.handle.close_with(sorry);
            drop_quietly(self.carrier.take());
        }
    }

    /// Writes, and ends the turn; and the connection if it is over.
    fn conclude(mut self, mut inner: Held<'a, R>, kit: &mut Kit) -> After {
        let mark = R::high_water_mark(&self.connection.origin);
        loop {
            inner.write();
            if inner.has_drained() {
                drop(inner);
                self.call(ConnectionHandler::on_drained);
                inner = self.lock();
            } else if inner.is_finished() && self.closed.is_none() {
                // Another thread has ended it, which is still to be reported.
                inner = self.react(inner, &mut &mut [][..]);
                self.closed.get_or_insert_with(|| CloseInfo::abnormal(Initiator::Remote));
            } else {
                break;
            }
        }
        inner.busy = false;
        if let Some(scratch) = inner.give_back()
            && scratch.is_worth_keeping()
        {
            kit.scratch = Some(scratch);
        }
        let after = match &mut inner.phase {
            Phase::Dialing(dialing) => {
                After { deadline: dialing.deadline(), again: dialing.is_again(), finished: false }
            }
            Phase::Live(ws) if !ws.is_finished() => {
                let (deadline, may_go_on) = (ws.session().deadline(), ws.unsent() <= mark);
                let readable = ws.is_readable();
                let again = may_go_on && (readable || ws.holds());
                return After { deadline, again, finished: false };
            }
            Phase::Live(ws) => {
                // Nobody waits for its events any more.
                let _ = mio::event::Source::deregister(ws, &kit.registry);
                After { deadline: None, again: false, finished: true }
            }
            Phase::Closed(_) => After { deadline: None, again: false, finished: true },
        };
        let opened = mem::take(&mut inner.opened);
        drop(inner);
        if after.finished {
            self.finish(opened);
        }
        after
    }

    fn finish(&mut self, opened: bool) {
        let origin = &self.connection.origin;
        if opened {
            R::remove(origin, &self.handle);
        }
        let unknown = || CloseInfo::abnormal(Initiator::Local);
        let info = self.closed.take().unwrap_or_else(unknown);
        debug!("connection {} is closed: {}", self.handle.id(), info.code);
        // It is closed, and still knows who was at the other end.
        self.call(|handler, ws| handler.on_terminate(ws, &info));
        let mut inner = self.lock();
        let lost = inner.buffered_amount();
        let over = mem::replace(&mut inner.phase, Phase::Closed(lost));
        drop(inner);
        drop(over);
        // Before anything that its server does at the end.
        drop_quietly(self.carrier.take());
        if opened {
            R::finish(origin);
        }
        R::release(origin);
    }
}

fn drop_quietly(carrier: Carrier) {
    // Who panics even now has been told of before, or never answers for anything again.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(carrier)));
}

/// What the session says, for those who do not have its input.
enum Step {
    None,
    Request,
    Open,
    Message(Message),
    /// Nothing for the application, such as a Ping.
    Other,
    Error(Error),
    Closed(CloseInfo),
}

impl Step {
    #[inline]
    fn of(event: Option<SessionEvent<Event<'_>>>, scratch: &mut Scratch) -> Self {
        match event {
            None => Self::None,
            Some(SessionEvent::Upgrade | SessionEvent::Http) => Self::Request,
            Some(SessionEvent::Open) => Self::Open,
            Some(SessionEvent::Received(Event::Text(text))) => {
                trace!("received a text of {} bytes", text.len());
                Self::Message(scratch.text(text))
            }
            Some(SessionEvent::Received(Event::Binary(bytes))) => {
                trace!("received {} bytes", bytes.len());
                Self::Message(scratch.binary(bytes))
            }
            Some(SessionEvent::Received(_)) => Self::Other,
            Some(SessionEvent::Error(error)) => Self::Error(error.into()),
            Some(SessionEvent::Closed(info)) => Self::Closed(info),
        }
    }
}
