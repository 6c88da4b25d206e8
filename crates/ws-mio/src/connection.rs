//! A connection of a loop: what its handles do, from any thread.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ws_common::{ConnectionId, ConnectionLink, Error, Message, Outgoing, SendStatus, ServerHandle};
use wsproto::url::WsUrl;
use wsproto::{CloseFrame, PreparedMessage, ReadyState, SendError};

use crate::WebSocket;
use crate::dial::Dialing;
use crate::scratch::Scratch;
use crate::shared::Shared;
use crate::side::Side;

/// A payload from so many bytes on is written where it lies, at once.
const LARGE: usize = 16 << 10;

/// The key of a connection that the loop does not know yet.
const NOWHERE: u32 = u32::MAX;

/// A connection. Its lock is never held while a handler is called.
pub(crate) struct Connection<R: Side> {
    id: ConnectionId,
    pub(crate) origin: R::Origin,
    inner: Mutex<Inner<R>>,
}

pub(crate) struct Inner<R: Side> {
    pub(crate) phase: Phase<R>,
    /// What is to be written next, and more: the loop's while it is this connection's turn.
    scratch: Option<Box<Scratch>>,
    /// Where the loop finds it; [`NOWHERE`], if the loop does not know it yet.
    key: u32,
    /// Whether it is its turn, at whose end it is looked at anyway.
    pub(crate) busy: bool,
    /// Whether the loop knows that it has to look.
    pub(crate) notified: bool,
    /// Whether somebody was told that the peer does not read.
    backlog: bool,
    /// Whether its handler was told that it is open.
    pub(crate) opened: bool,
}

/// How far a connection has got.
pub(crate) enum Phase<R: Side> {
    /// There is no stream yet.
    Dialing(Box<Dialing>),
    Live(WebSocket<R>),
    /// It is over, with so many bytes unsent.
    Closed(usize),
}

impl<R: Side> Connection<R> {
    pub(crate) fn new(origin: R::Origin, phase: Phase<R>) -> Self {
        let inner = Inner {
            phase,
            scratch: None,
            key: NOWHERE,
            busy: false,
            notified: false,
            backlog: false,
            opened: false,
        };
        Self { id: ConnectionId::new(), origin, inner: Mutex::new(inner) }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        R::shared(&self.origin)
    }

    /// It is whole between any two calls of it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner<R>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the loop look at it, unless it does so anyway.
    fn notify(&self, mut inner: MutexGuard<'_, Inner<R>>) {
        if !inner.busy && !inner.notified {
            inner.notified = true;
            // Before it has settled, the loop will look at it anyway.
            if let Some(key) = inner.key() {
                drop(inner);
                self.shared().notify(key);
            }
        }
    }
}

impl<R: Side> Inner<R> {
    /// Notes where the loop finds it.
    pub(crate) fn settle(&mut self, key: usize) {
        self.key = u32::try_from(key).unwrap_or(NOWHERE);
    }

    /// Returns where the loop finds it.
    pub(crate) fn key(&self) -> Option<usize> {
        (self.key != NOWHERE).then_some(self.key as usize)
    }

    /// Lends what it works with.
    pub(crate) fn lend(&mut self, scratch: &mut Option<Box<Scratch>>) {
        if self.scratch.is_none() {
            self.scratch = scratch.take();
        }
    }

    /// Gives it back, if all is written.
    pub(crate) fn give_back(&mut self) -> Option<Box<Scratch>> {
        self.scratch.take_if(|scratch| scratch.out.is_empty())
    }

    /// Returns the connection and what it works with.
    pub(crate) fn at_work(&mut self) -> Option<(&mut WebSocket<R>, &mut Scratch)> {
        match &mut self.phase {
            Phase::Live(ws) => Some((ws, self.scratch.get_or_insert_default())),
            Phase::Dialing(_) | Phase::Closed(_) => None,
        }
    }

    /// Returns the connection and its output.
    pub(crate) fn live(&mut self) -> Option<(&mut WebSocket<R>, &mut Vec<u8>)> {
        self.at_work().map(|(ws, scratch)| (ws, &mut scratch.out))
    }

    /// Writes as much as the stream takes.
    pub(crate) fn write(&mut self) {
        if let Some((ws, out)) = self.live() {
            ws.write(out);
        }
    }

    /// Whether more than so many bytes are unsent, although the stream was just asked to take them.
    #[inline]
    pub(crate) fn exceeds(&mut self, mark: usize) -> bool {
        self.waiting() > mark && self.still_exceeds(mark)
    }

    #[cold]
    fn still_exceeds(&mut self, mark: usize) -> bool {
        self.write();
        self.waiting() > mark
    }

    /// Returns how many bytes are to be written.
    #[inline]
    fn waiting(&self) -> usize {
        match &self.phase {
            Phase::Live(ws) => {
                ws.unsent() + self.scratch.as_ref().map_or(0, |scratch| scratch.out.len())
            }
            Phase::Dialing(_) | Phase::Closed(_) => 0,
        }
    }

    pub(crate) fn buffered_amount(&self) -> usize {
        match &self.phase {
            Phase::Dialing(_) => 0,
            Phase::Live(ws) => self.waiting() + ws.lost(),
            Phase::Closed(lost) => *lost,
        }
    }

    /// Whether its deadline has passed.
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        matches!(&self.phase, Phase::Live(ws)
            if ws.session_ref().deadline().is_some_and(|deadline| deadline <= now))
    }

    /// Whether it is to be dropped, which is still to be done.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(&self.phase, Phase::Live(ws) if ws.is_finished())
    }

    /// Whether all is written that somebody was told had to wait; only once.
    pub(crate) fn has_drained(&mut self) -> bool {
        let drained = self.backlog && self.buffered_amount() == 0;
        if drained {
            self.backlog = false;
        }
        drained && matches!(self.phase, Phase::Live(_))
    }

    fn send(&mut self, outgoing: Outgoing<'_>, mark: usize) -> Result<SendStatus, Error> {
        if self.exceeds(mark) {
            self.backlog = true;
            return Err(Error::WouldExceed(None));
        }
        let Some((ws, scratch)) = self.at_work() else {
            return Err(match self.phase {
                Phase::Dialing(_) => SendError::NotOpen.into(),
                _ => SendError::Closed.into(),
            });
        };
        let out = &mut scratch.out;
        match outgoing {
            Outgoing::Owned(message) => {
                match message {
                    Message::Text(text) => send_text(ws, text, out)?,
                    Message::Binary(bytes) => send_binary(ws, bytes, out)?,
                }
                scratch.keep(message);
            }
            Outgoing::Text(text) => send_text(ws, text, out)?,
            Outgoing::Binary(bytes) => send_binary(ws, bytes, out)?,
            Outgoing::Prepared(message) => send_prepared(ws, message, out)?,
            Outgoing::Ping(payload) => ws.session().sender()?.ping(payload, out)?,
        }
        if ws.unsent() == 0 {
            return Ok(SendStatus::Sent);
        }
        self.backlog = true;
        Ok(SendStatus::Queued)
    }
}

/// Whether a payload is written where it lies. A client's is not there: it is masked.
const fn is_large<R: Side>(payload: &[u8]) -> bool {
    !R::MASKS && payload.len() >= LARGE
}

fn send_text<R: Side>(
    ws: &mut WebSocket<R>,
    text: &str,
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    if !is_large::<R>(text.as_bytes()) {
        return ws.session().sender()?.send_text(text, out);
    }
    ws.session().sender()?.send_text_header(text, out)?;
    ws.write_with(out, text.as_bytes());
    Ok(())
}

fn send_binary<R: Side>(
    ws: &mut WebSocket<R>,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    if !is_large::<R>(bytes) {
        return ws.session().sender()?.send_binary(bytes, out);
    }
    ws.session().sender()?.send_binary_header(bytes.len() as u64, out)?;
    ws.write_with(out, bytes);
    Ok(())
}

fn send_prepared<R: Side>(
    ws: &mut WebSocket<R>,
    message: &PreparedMessage,
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    if !is_large::<R>(message.payload()) {
        return ws.session().sender()?.send_prepared(message, out);
    }
    ws.session().sender()?.send_prepared_header(message, out)?;
    ws.write_with(out, message.payload());
    Ok(())
}

impl<R: Side> ConnectionLink for Connection<R> {
    fn id(&self) -> &ConnectionId {
        &self.id
    }

    fn server(&self) -> Option<&ServerHandle> {
        R::server(&self.origin)
    }

    fn url(&self) -> Option<WsUrl> {
        R::url(&self.origin)
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        match &self.lock().phase {
            Phase::Live(ws) => ws.stream().tcp().peer_addr().ok(),
            Phase::Dialing(_) | Phase::Closed(_) => None,
        }
    }

    fn subprotocol(&self) -> Option<String> {
        match &self.lock().phase {
            Phase::Live(ws) => ws.session_ref().subprotocol().map(Into::into),
            Phase::Dialing(_) | Phase::Closed(_) => None,
        }
    }

    fn ready_state(&self) -> ReadyState {
        match &self.lock().phase {
            Phase::Dialing(_) => ReadyState::Connecting,
            Phase::Live(ws) => ws.session_ref().ready_state(),
            Phase::Closed(_) => ReadyState::Closed,
        }
    }

    fn buffered_amount(&self) -> usize {
        self.lock().buffered_amount()
    }

    fn round_trip(&self) -> Option<Duration> {
        match &self.lock().phase {
            Phase::Live(ws) => ws.session_ref().round_trip(),
            Phase::Dialing(_) | Phase::Closed(_) => None,
        }
    }

    fn send(&self, outgoing: Outgoing<'_>) -> Result<SendStatus, Error> {
        let mut inner = self.lock();
        let status = inner.send(outgoing, R::high_water_mark(&self.origin))?;
        self.notify(inner);
        Ok(status)
    }

    fn close(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        let mut inner = self.lock();
        match &mut inner.phase {
            Phase::Dialing(dialing) => dialing.give_up(),
            Phase::Live(_) | Phase::Closed(_) => {}
        }
        if let Some((ws, out)) = inner.live() {
            ws.session().close(frame, self.shared().now(), out)?;
        }
        self.notify(inner);
        Ok(())
    }

    fn abort(&self) {
        let mut inner = self.lock();
        match &mut inner.phase {
            Phase::Dialing(_) => inner.phase = Phase::Closed(0),
            Phase::Live(ws) => ws.session().abort(),
            Phase::Closed(_) => {}
        }
        self.notify(inner);
    }
}
