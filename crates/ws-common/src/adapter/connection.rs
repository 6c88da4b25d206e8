//! A connection behind a lock, for the adapter that carries it and for its handles.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wsproto::handshake::Response;
use wsproto::url::WsUrl;
use wsproto::{Advice, CloseFrame, CloseInfo, Initiator, ReadyState, Role, SendError};

use super::peer::Peer;
use super::{Acceptor, ConnectionLink, Link, Outgoing, Transport};
use crate::{ConnectionId, Error, SendStatus, ServerHandle, WebSocketConnection};

/// The adapter's part of a connection: where it comes from, and how it is told that there is something to do.
pub trait Driver<R: Role>: Send + Sync + Sized + 'static {
    /// The writing side of the transport.
    type Transport: Transport;

    /// Returns the time.
    fn now(&self) -> Duration;

    /// Something has changed: there is something to write, to report, or another deadline. `held` says
    /// whether the adapter [has to be told](Held::begin_notice), which may then take a while: any thread calls
    /// this, a handler's included, and waits for it.
    fn changed(&self, held: Held<'_, R, Self>);

    /// Sends; an adapter that blocks may wait for the peer here.
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

    /// Whether a client follows a response, which redirects it, and dials anew.
    fn follows(&self, response: &Response) -> bool {
        let _ = response;
        false
    }
}

/// One end of a connection. Its lock is never held while a handler is called, nor while a transport is
/// waited for.
pub struct Connection<R: Role, D: Driver<R>> {
    id: ConnectionId,
    driver: D,
    inner: Mutex<Inner<R, D::Transport>>,
}

/// The locked part of a connection.
pub struct Inner<R: Role, T> {
    peer: Peer,
    stage: Stage<R, T>,
    /// Where the adapter finds the connection; [`NOWHERE`], if it does not know it yet.
    key: u32,
    /// Whether the adapter is at work on it, and is told of nothing.
    busy: bool,
    /// Whether the adapter was told to look, or would have been if it were not at work.
    noticed: bool,
    /// Whether its handler was told that it is open.
    pub(super) opened: bool,
    /// Whether it is in the adapter's list of connections that have more to do.
    queued: bool,
    /// Whether the application wants it no more, so that it is not dialed anew.
    unwanted: bool,
}

/// The key of a connection that the adapter does not know yet.
const NOWHERE: u32 = u32::MAX;

/// How far a connection has got.
enum Stage<R: Role, T> {
    /// There is no transport yet; it may have been given up.
    Dialing {
        given_up: bool,
    },
    Live(Link<R, T>),
    /// It is over, with so many bytes unwritten. Its transport may linger.
    Over {
        lost: usize,
        info: Box<CloseInfo>,
        lingering: Option<Box<Link<R, T>>>,
    },
}

impl<R: Role, D: Driver<R>> Connection<R, D> {
    /// Begins with a transport.
    pub fn new(driver: D, link: Link<R, D::Transport>, peer: Option<SocketAddr>) -> Self {
        Self::begin(driver, Stage::Live(link), peer)
    }

    /// Begins a client's connection without a transport.
    pub fn dialing(driver: D) -> Self {
        Self::begin(driver, Stage::Dialing { given_up: false }, None)
    }

    fn begin(driver: D, stage: Stage<R, D::Transport>, peer: Option<SocketAddr>) -> Self {
        let peer = peer.map(Peer::from).unwrap_or_default();
        let inner = Inner {
            peer,
            stage,
            key: NOWHERE,
            busy: false,
            noticed: false,
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

    /// Returns the adapter's part.
    pub const fn driver(&self) -> &D {
        &self.driver
    }

    /// Makes a handle.
    pub fn handle(self: &Arc<Self>) -> WebSocketConnection {
        WebSocketConnection::new(Arc::clone(self) as Arc<dyn ConnectionLink>)
    }

    /// Locks it. It is whole between any two calls.
    #[inline]
    pub fn lock(&self) -> Held<'_, R, D> {
        let guard = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Held { guard, connection: self }
    }

    /// Has the adapter look at it.
    pub fn notify(&self) {
        self.driver.changed(self.lock());
    }

    /// Sends without waiting.
    ///
    /// # Errors
    ///
    /// As [`ConnectionLink::try_send`].
    #[inline]
    pub fn try_send(&self, outgoing: &mut Outgoing<'_>) -> Result<SendStatus, Error> {
        let mut held = self.lock();
        let link = held.live()?;
        let status = if link.endpoint().has_room() {
            // Nothing has to be written, and so nobody needs to know the time, which is not free.
            link.send_now(outgoing)?
        } else {
            link.send(outgoing, self.driver.now())?
        };
        self.driver.changed(held);
        Ok(status)
    }
}

/// A connection whose lock is held.
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

    /// Notes that the adapter is about to be told to look. Returns where it finds the connection: `None`, if
    /// it looks anyway, because it is at work on the connection, was told already, or does not know it yet.
    ///
    /// No notice is lost: what changes while the adapter is at work is told by [`end_work`](Inner::end_work).
    pub fn begin_notice(&mut self) -> Option<usize> {
        let known = self.key != NOWHERE;
        let first = !std::mem::replace(&mut self.noticed, true);
        (first && !self.busy && known).then_some(self.key as usize)
    }
}

impl<R: Role, D: Driver<R>> Held<'_, R, D> {
    /// Begins to dial anew, if the head of a response has arrived that redirects the client. Returns the
    /// transport, to be dropped without the lock.
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
    /// [`SendError`] if there is no transport yet, or no more.
    #[inline]
    pub fn live(&mut self) -> Result<&mut Link<R, T>, SendError> {
        match &mut self.stage {
            Stage::Live(link) => Ok(link),
            Stage::Dialing { given_up: false } => Err(SendError::NotOpen),
            Stage::Dialing { given_up: true } => Err(SendError::Closed),
            Stage::Over { .. } => Err(SendError::Closed),
        }
    }

    /// Returns the link, also of a transport that lingers.
    #[inline]
    pub fn link_mut(&mut self) -> Option<&mut Link<R, T>> {
        match &mut self.stage {
            Stage::Live(link) => Some(link),
            Stage::Over { lingering, .. } => lingering.as_deref_mut(),
            Stage::Dialing { .. } => None,
        }
    }

    /// Returns the link of a connection that is not over.
    pub fn link(&self) -> Option<&Link<R, T>> {
        match &self.stage {
            Stage::Live(link) => Some(link),
            Stage::Dialing { .. } | Stage::Over { .. } => None,
        }
    }

    /// Notes where the adapter finds the connection. Before this, it is told of nothing, and has to look of its
    /// own accord; an adapter that looks at all of its connections anyway may call them all 0.
    pub fn settle(&mut self, key: usize) {
        self.key = u32::try_from(key).unwrap_or(NOWHERE);
    }

    /// Begins the adapter's work on it. Until its [end](Self::end_work), the adapter is told of nothing.
    #[inline]
    pub fn begin_work(&mut self) {
        (self.busy, self.noticed) = (true, false);
    }

    /// Notes that the adapter looks at everything once more. What changed before is done with; what changes
    /// from now on is told by [`end_work`](Self::end_work). For work in which handlers are called: what
    /// they change is looked at before the work ends.
    #[inline]
    pub fn begin_last_look(&mut self) {
        self.noticed = false;
    }

    /// Ends the adapter's work on it. Returns whether something has changed since the
    /// [last look](Self::begin_last_look), of which the adapter was not told: it has to look again.
    ///
    /// No notice is lost: each is given under the lock, and either before this, which then returns it, or
    /// behind it, when the adapter is not at work any more and is told.
    #[inline]
    pub fn end_work(&mut self) -> bool {
        self.busy = false;
        std::mem::take(&mut self.noticed)
    }

    /// Puts the connection into the adapter's list of those that have more to do. Returns whether it was not
    /// there: no connection is there twice.
    pub fn queue(&mut self) -> bool {
        !std::mem::replace(&mut self.queued, true)
    }

    /// Returns where the adapter finds the connection, if it has no transport yet and is wanted.
    pub fn dialing_key(&self) -> Option<usize> {
        let dialing = matches!(self.stage, Stage::Dialing { given_up: false });
        (dialing && self.key != NOWHERE).then_some(self.key as usize)
    }

    /// Whether the connection is over; its transport may linger.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over { .. })
    }

    /// Takes it out of that list.
    pub fn unqueue(&mut self) {
        self.queued = false;
    }

    /// Whether the adapter is at work on it.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Whether the handler of the connection was told that it is open.
    pub fn was_opened(&self) -> bool {
        self.opened
    }

    /// Gives a client's connection its transport. Returns whether it is still wanted.
    pub fn connected(&mut self, link: Link<R, T>, peer: Option<SocketAddr>) -> bool {
        if !matches!(self.stage, Stage::Dialing { given_up: false }) {
            return false;
        }
        self.peer = peer.map(Peer::from).unwrap_or_default();
        self.stage = Stage::Live(link);
        true
    }

    /// Begins to dial anew, because the server has redirected the client, unless the application has closed
    /// the connection meanwhile. Returns the transport, to be dropped.
    pub fn redial(&mut self) -> Option<T> {
        let dialing = Stage::Dialing { given_up: self.unwanted };
        let before = std::mem::replace(&mut self.stage, dialing);
        match before {
            Stage::Live(link) => Some(link.into_transport()),
            Stage::Dialing { .. } | Stage::Over { .. } => None,
        }
    }

    /// Whether there is no transport yet.
    #[inline]
    pub fn is_dialing(&self) -> bool {
        matches!(self.stage, Stage::Dialing { .. })
    }

    /// Whether a client's connection was given up before there was a transport.
    pub fn is_given_up(&self) -> bool {
        matches!(self.stage, Stage::Dialing { given_up: true })
    }

    /// Gives up a client's connection that has no transport: it is closed, and its handler is about to learn
    /// of it.
    pub(super) fn give_up(&mut self) {
        if let Stage::Dialing { given_up } = &mut self.stage {
            *given_up = true;
        }
    }

    /// Ends it: what remains is how. Its transport lingers, unless it is to be dropped at once; then it is
    /// returned. Does nothing the second time.
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

    /// Lets go of a transport that need not linger any more. Returns it, to be dropped without the lock.
    pub fn let_go(&mut self) -> Option<Box<Link<R, T>>> {
        let Stage::Over { lingering, .. } = &mut self.stage else { return None };
        lingering.take_if(|link| link.endpoint().advice() == Advice::Drop)
    }

    /// Whether the connection is over, and its transport lingers.
    pub fn is_lingering(&self) -> bool {
        matches!(self.stage, Stage::Over { lingering: Some(_), .. })
    }

    /// Ends it although its adapter carries it no longer. Returns the transport, to be dropped without the
    /// lock; handles that are kept then keep no descriptor.
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

    /// Has a transport that lingers be let go at once.
    pub fn hasten(&mut self) {
        if let Stage::Over { lingering: Some(link), .. } = &mut self.stage {
            link.endpoint_mut().abort();
        }
    }

    /// Whether the connection is over, and its transport let go.
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

/// The end of a connection of which nothing was received.
pub(super) fn unknown_end() -> CloseInfo {
    CloseInfo::abnormal(Initiator::Local)
}
