//! A connection behind a lock, shared by its adapter and its handles.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wsproto::handshake::Response;
use wsproto::url::WsUrl;
use wsproto::{Advice, CloseFrame, CloseInfo, Initiator, ReadyState, Role, SendError};

use super::answering::is_answering;
use super::peer::Peer;
use super::{Acceptor, ConnectionLink, Link, Outgoing, Transport};
use crate::{ConnectionId, Error, SendStatus, ServerHandle, WebSocketConnection};

/// The adapter's part of a connection: its clock, its origin, and its notification of changes.
pub trait Driver<R: Role>: Send + Sync + Sized + 'static {
    /// The writing side of the transport.
    type Transport: Transport;

    /// Returns the time, since an origin of the adapter's choice.
    fn now(&self) -> Duration;

    /// Called when a connection has changed: it has output, an event or a new deadline. If
    /// [`Held::begin_notice`] returns a key, make the adapter handle the connection. Any thread may call
    /// this, including one inside a handler, and blocks until it returns.
    fn changed(&self, held: Held<'_, R, Self>);

    /// Sends a message or a Ping. A blocking adapter may wait here until the peer reads.
    ///
    /// # Errors
    ///
    /// As [`ConnectionLink::send`].
    fn send(
        connection: &Connection<R, Self>,
        mut outgoing: Outgoing<'_>,
    ) -> Result<SendStatus, Error> {
        connection.try_send(&mut outgoing)
    }

    /// Returns the acceptor of the server that accepted the connection.
    fn acceptor(&self) -> Option<&Acceptor> {
        None
    }

    /// Returns the URL that a client connects to.
    fn url(&self) -> Option<WsUrl> {
        None
    }

    /// Returns whether a client follows a response as a redirect, and dials again.
    fn follows(&self, response: &Response) -> bool {
        let _ = response;
        false
    }
}

/// One end of a connection. Its lock is never held while a handler is called or while a thread waits for the
/// transport.
pub struct Connection<R: Role, D: Driver<R>> {
    id: ConnectionId,
    driver: D,
    inner: Mutex<Inner<R, D::Transport>>,
}

/// The locked part of a connection.
pub struct Inner<R: Role, T> {
    peer: Peer,
    stage: Stage<R, T>,
    /// The adapter's key for the connection; [`NOWHERE`] before [`settle`](Self::settle).
    key: u32,
    work: Work,
    /// Whether the connection has opened, and the handler's last call was not made.
    pub(super) opened: bool,
    /// Whether the connection is in the adapter's list of connections that need another turn.
    queued: bool,
    /// Whether the application has closed the connection, so that a redirect is not followed.
    unwanted: bool,
}

/// The adapter's work on a connection, and the notices that cause it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    None,
    /// A notice was given to the adapter.
    Noticed,
    /// The adapter is at work, and gets no notices.
    Busy,
    /// A notice is kept for the end of its work.
    BusyNoticed,
}

/// The key of a connection that the adapter has not [settled](Inner::settle).
const NOWHERE: u32 = u32::MAX;

/// The stage of a connection.
enum Stage<R: Role, T> {
    /// A client's connection without a transport; `given_up` means that it will get none.
    Dialing {
        given_up: bool,
    },
    Live(Link<R, T>),
    /// The connection is over, with `lost` bytes unwritten. Its transport may linger.
    Over {
        lost: usize,
        info: Box<CloseInfo>,
        lingering: Option<Box<Link<R, T>>>,
    },
}

impl<R: Role, D: Driver<R>> Connection<R, D> {
    /// Creates a connection with a transport.
    pub fn new(driver: D, link: Link<R, D::Transport>, peer: Option<SocketAddr>) -> Self {
        Self::begin(driver, Stage::Live(link), peer)
    }

    /// Creates a client's connection that has no transport yet.
    pub fn dialing(driver: D) -> Self {
        Self::begin(driver, Stage::Dialing { given_up: false }, None)
    }

    fn begin(driver: D, stage: Stage<R, D::Transport>, peer: Option<SocketAddr>) -> Self {
        let peer = peer.map(Peer::from).unwrap_or_default();
        let inner = Inner {
            peer,
            stage,
            key: NOWHERE,
            work: Work::None,
            opened: false,
            queued: false,
            unwanted: false,
        };
        Self { id: ConnectionId::new(), driver, inner: Mutex::new(inner) }
    }

    /// Returns the id.
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// Returns the driver.
    pub const fn driver(&self) -> &D {
        &self.driver
    }

    /// Creates a handle.
    pub fn handle(self: &Arc<Self>) -> WebSocketConnection {
        WebSocketConnection::new(Arc::clone(self) as Arc<dyn ConnectionLink>)
    }

    /// Locks the connection. Ignores poisoning: the state is consistent whenever the lock is free.
    #[inline]
    pub fn lock(&self) -> Held<'_, R, D> {
        let guard = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Held { guard, connection: self }
    }

    /// Calls [`Driver::changed`].
    pub fn notify(&self) {
        self.driver.changed(self.lock());
    }

    /// Sends a message or a Ping without waiting.
    ///
    /// # Errors
    ///
    /// As [`ConnectionLink::try_send`].
    #[inline]
    pub fn try_send(&self, outgoing: &mut Outgoing<'_>) -> Result<SendStatus, Error> {
        let mut held = self.lock();
        let is_handled = held.opened;
        let link = held.live()?;
        if is_handled {
            link.endpoint_mut().set_replying(is_answering(self.id));
        }
        let status = if link.endpoint().has_room() {
            // Reading the clock costs time, and only writing needs it.
            link.send_now(outgoing)?
        } else {
            link.send(outgoing, self.driver.now())?
        };
        self.driver.changed(held);
        Ok(status)
    }
}

/// A locked connection.
pub struct Held<'a, R: Role, D: Driver<R>> {
    guard: MutexGuard<'a, Inner<R, D::Transport>>,
    connection: &'a Connection<R, D>,
}

impl<'a, R: Role, D: Driver<R>> Held<'a, R, D> {
    /// Returns the connection.
    #[must_use]
    pub const fn connection(&self) -> &'a Connection<R, D> {
        self.connection
    }

    /// Begins a notice to the adapter. Returns the connection's key, or `None` if no notice is needed: one
    /// is outstanding, the adapter is at work on the connection, or it has not [settled](Inner::settle) it.
    ///
    /// No notice is lost, because this state changes under the lock only. If a notice is outstanding, the
    /// adapter has not begun the work for it, and will see this change. If the adapter is at work,
    /// [`end_work`](Inner::end_work) returns that there was a change.
    pub fn begin_notice(&mut self) -> Option<usize> {
        let known = self.key != NOWHERE;
        let before = self.work;
        self.work = match before {
            Work::None | Work::Noticed => Work::Noticed,
            Work::Busy | Work::BusyNoticed => Work::BusyNoticed,
        };
        (before == Work::None && known).then_some(self.key as usize)
    }
}

impl<R: Role, D: Driver<R>> Held<'_, R, D> {
    /// Prepares to dial again if the client has received the head of a redirect response that it follows.
    /// Returns the old transport; drop it without the lock.
    #[inline]
    pub fn follow_redirect(&mut self) -> Option<D::Transport> {
        let link = self.link().filter(|_| !R::is_server())?;
        if link.endpoint().ready_state() != ReadyState::Connecting {
            return None;
        }
        let response = link.endpoint().session().response()?;
        if !self.connection.driver.follows(response) {
            return None;
        }
        self.redial()
    }
}

impl<R: Role, D: Driver<R>> Deref for Held<'_, R, D> {
    type Target = Inner<R, D::Transport>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.guard
    }
}

impl<R: Role, D: Driver<R>> DerefMut for Held<'_, R, D> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.guard
    }
}

impl<R: Role, T: Transport> Inner<R, T> {
    /// Returns the link.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] before the connection has a transport, [`SendError::Closed`] if it was given up
    /// or is over.
    #[inline]
    pub fn live(&mut self) -> Result<&mut Link<R, T>, SendError> {
        match &mut self.stage {
            Stage::Live(link) => Ok(link),
            Stage::Dialing { given_up: false } => Err(SendError::NotOpen),
            Stage::Dialing { given_up: true } => Err(SendError::Closed),
            Stage::Over { .. } => Err(SendError::Closed),
        }
    }

    /// Returns the link, including that of a lingering transport.
    #[inline]
    pub fn link_mut(&mut self) -> Option<&mut Link<R, T>> {
        match &mut self.stage {
            Stage::Live(link) => Some(link),
            Stage::Over { lingering, .. } => lingering.as_deref_mut(),
            Stage::Dialing { .. } => None,
        }
    }

    /// Returns the link; `None` while dialing or once the connection is over.
    pub fn link(&self) -> Option<&Link<R, T>> {
        match &self.stage {
            Stage::Live(link) => Some(link),
            Stage::Dialing { .. } | Stage::Over { .. } => None,
        }
    }

    /// Sets the adapter's key for the connection, less than `u32::MAX`. Changes before this call cause no
    /// notice, so the adapter must give the connection a turn after it. An adapter that needs no keys may use
    /// 0 for all connections.
    pub fn settle(&mut self, key: usize) {
        self.key = u32::try_from(key).unwrap_or(NOWHERE);
    }

    /// Begins the adapter's work on the connection, and clears an outstanding notice. There are no notices
    /// until [`end_work`](Self::end_work).
    #[inline]
    pub fn begin_work(&mut self) {
        self.work = Work::Busy;
    }

    /// Begins the adapter's last look at the connection within its work: it will handle all changes made
    /// before this call, including those of handlers. [`end_work`](Self::end_work) returns whether there were
    /// later ones.
    #[inline]
    pub fn begin_last_look(&mut self) {
        self.work = Work::Busy;
    }

    /// Ends the adapter's work on the connection. Returns whether the connection has changed since the
    /// [last look](Self::begin_last_look), or without one since the [beginning](Self::begin_work). If so, the
    /// adapter must work on it again.
    ///
    /// No notice is lost: [`Held::begin_notice`] runs under the same lock. Before this call it leaves the
    /// change for the return value; after it, the adapter is no longer busy and gets a notice.
    #[inline]
    pub fn end_work(&mut self) -> bool {
        std::mem::replace(&mut self.work, Work::None) == Work::BusyNoticed
    }

    /// Marks the connection as queued for another turn. Returns `true` if it was not queued: only then add it
    /// to the list, so that it is there once.
    pub fn queue(&mut self) -> bool {
        !std::mem::replace(&mut self.queued, true)
    }

    /// Returns the adapter's key if the connection has no transport yet and is not given up.
    pub fn dialing_key(&self) -> Option<usize> {
        let dialing = matches!(self.stage, Stage::Dialing { given_up: false });
        (dialing && self.key != NOWHERE).then_some(self.key as usize)
    }

    /// Returns whether the connection is over; its transport may linger.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over { .. })
    }

    /// Marks the connection as no longer queued; see [`queue`](Self::queue).
    pub fn unqueue(&mut self) {
        self.queued = false;
    }

    /// Returns whether the adapter is at work on the connection.
    pub fn is_busy(&self) -> bool {
        matches!(self.work, Work::Busy | Work::BusyNoticed)
    }

    /// Returns whether the connection has opened, and its handler's last call was not made.
    pub fn was_opened(&self) -> bool {
        self.opened
    }

    /// Gives a client's connection its transport. Returns `false`, and drops the link, if the connection was
    /// given up.
    pub fn connected(&mut self, link: Link<R, T>, peer: Option<SocketAddr>) -> bool {
        if !matches!(self.stage, Stage::Dialing { given_up: false }) {
            return false;
        }
        self.peer = peer.map(Peer::from).unwrap_or_default();
        self.stage = Stage::Live(link);
        true
    }

    /// Removes the transport, so that the adapter dials again after a redirect. If the application has closed
    /// the connection meanwhile, gives it up instead. Returns the transport; drop it without the lock.
    pub fn redial(&mut self) -> Option<T> {
        let dialing = Stage::Dialing { given_up: self.unwanted };
        let before = std::mem::replace(&mut self.stage, dialing);
        match before {
            Stage::Live(link) => Some(link.into_transport()),
            Stage::Dialing { .. } | Stage::Over { .. } => None,
        }
    }

    /// Returns whether a client's connection has no transport yet, or was given up without one.
    #[inline]
    pub fn is_dialing(&self) -> bool {
        matches!(self.stage, Stage::Dialing { .. })
    }

    /// Returns whether a client's connection was given up without a transport.
    pub fn is_given_up(&self) -> bool {
        matches!(self.stage, Stage::Dialing { given_up: true })
    }

    /// Gives up a client's connection that has no transport. It is then closed; its handler's last calls
    /// follow.
    pub(super) fn give_up(&mut self) {
        if let Stage::Dialing { given_up } = &mut self.stage {
            *given_up = true;
        }
    }

    /// Ends the connection, and keeps `info`. Its transport lingers, unless the endpoint advises to drop it;
    /// then its link is returned, to be dropped without the lock. Further calls do nothing.
    pub fn finish(&mut self, info: CloseInfo) -> Option<Box<Link<R, T>>> {
        if self.is_over() {
            return None;
        }
        let (lost, info) = (self.buffered_amount(), Box::new(info));
        let over = Stage::Over { lost, info, lingering: None };
        let Stage::Live(link) = std::mem::replace(&mut self.stage, over) else { return None };
        let link = Box::new(link);
        if link.endpoint().advice() == Advice::Drop {
            return Some(link);
        }
        if let Stage::Over { lingering, .. } = &mut self.stage {
            *lingering = Some(link);
        }
        None
    }

    /// Returns the link of a lingering transport, if the endpoint advises to drop it. Drop it without the
    /// lock.
    pub fn let_go(&mut self) -> Option<Box<Link<R, T>>> {
        let Stage::Over { lingering, .. } = &mut self.stage else { return None };
        lingering.take_if(|link| link.endpoint().advice() == Advice::Drop)
    }

    /// Returns whether the connection is over and its transport lingers.
    pub fn is_lingering(&self) -> bool {
        matches!(self.stage, Stage::Over { lingering: Some(_), .. })
    }

    /// Ends a connection that its adapter no longer serves. Returns the link of its transport; drop it
    /// without the lock. Remaining handles keep no file descriptor open.
    pub fn abandon(&mut self) -> Option<Box<Link<R, T>>> {
        match &mut self.stage {
            Stage::Over { lingering, .. } => lingering.take(),
            Stage::Live(link) => {
                link.endpoint_mut().abort();
                self.finish(unknown_end())
            }
            Stage::Dialing { .. } => self.finish(unknown_end()),
        }
    }

    /// Stops a lingering transport from lingering: [`let_go`](Self::let_go) then returns it.
    pub fn hasten(&mut self) {
        if let Stage::Over { lingering: Some(link), .. } = &mut self.stage {
            link.endpoint_mut().abort();
        }
    }

    /// Returns whether the connection is over and its transport released.
    pub fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Over { lingering: None, .. })
    }

    fn buffered_amount(&self) -> usize {
        match &self.stage {
            Stage::Dialing { .. } => 0,
            Stage::Live(link) => link.endpoint().unwritten() + link.endpoint().lost(),
            Stage::Over { lost, .. } => *lost,
        }
    }
}

impl<R: Role, D: Driver<R>> ConnectionLink for Connection<R, D> {
    fn id(&self) -> &ConnectionId {
        &self.id
    }

    fn server(&self) -> Option<&ServerHandle> {
        self.driver.acceptor().map(Acceptor::server)
    }

    fn url(&self) -> Option<WsUrl> {
        self.driver.url()
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        self.lock().peer.address()
    }

    fn subprotocol(&self) -> Option<String> {
        Some(self.lock().link()?.endpoint().session().subprotocol()?.into())
    }

    fn ready_state(&self) -> ReadyState {
        match &self.lock().stage {
            Stage::Dialing { given_up: false } => ReadyState::Connecting,
            Stage::Live(link) => link.endpoint().ready_state(),
            Stage::Dialing { given_up: true } | Stage::Over { .. } => ReadyState::Closed,
        }
    }

    fn close_info(&self) -> Option<CloseInfo> {
        match &self.lock().stage {
            Stage::Over { info, .. } => Some((**info).clone()),
            Stage::Dialing { .. } | Stage::Live(_) => None,
        }
    }

    fn buffered_amount(&self) -> usize {
        self.lock().buffered_amount()
    }

    fn round_trip(&self) -> Option<Duration> {
        self.lock().link()?.endpoint().session().round_trip()
    }

    #[inline]
    fn send(&self, outgoing: Outgoing<'_>) -> Result<SendStatus, Error> {
        D::send(self, outgoing)
    }

    fn try_send(&self, mut outgoing: Outgoing<'_>) -> Result<SendStatus, Error> {
        Self::try_send(self, &mut outgoing)
    }

    fn close(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        let mut held = self.lock();
        let now = self.driver.now();
        match &mut held.stage {
            Stage::Dialing { given_up } => *given_up = true,
            Stage::Live(link) => link.close(frame, now)?,
            Stage::Over { .. } => return Ok(()),
        }
        held.unwanted = true;
        self.driver.changed(held);
        Ok(())
    }

    fn close_as_application(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        match frame {
            Some(frame) if !R::is_server() && !frame.code().is_application() => {
                Err(Error::ClientCode(frame.code()))
            }
            _ => self.close(frame),
        }
    }

    fn abort(&self) {
        let mut held = self.lock();
        match &mut held.stage {
            Stage::Dialing { given_up } => *given_up = true,
            Stage::Live(link) => link.endpoint_mut().abort(),
            Stage::Over { .. } => return,
        }
        held.unwanted = true;
        self.driver.changed(held);
    }
}

/// Returns the [`CloseInfo`] of a connection without a Close frame: code 1006 (RFC 6455 section 7.1.5).
pub(super) fn unknown_end() -> CloseInfo {
    CloseInfo::abnormal(Initiator::Local)
}
