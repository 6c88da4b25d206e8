//! The locked part of a connection: its stage, and the adapter's work on it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use wsproto::{CloseInfo, Endpoint, Role, SendError};

use super::details::Details;
use super::lingering::Place;
use super::settings::Settings;
use crate::TimerId;
use crate::adapter::{Link, Transport};
use crate::timers::Due;

/// The locked part of a connection.
pub struct ConnectionState<R: Role, T> {
    pub(super) details: Details,
    pub(super) stage: Stage<R, T>,
    /// The adapter's key for the connection; [`NO_KEY`] before [`set_key`](Self::set_key).
    pub(super) key: u32,
    pub(super) work: Work,
    /// Whether the connection has opened, and the handler's last call was not made.
    pub(in crate::adapter) opened: bool,
    /// Whether the connection is in the adapter's list of connections that need another turn.
    queued: bool,
    /// [`OWNED`], [`UNWANTED`] and [`BORROWS`]: one byte more, and each connection would take eight.
    pub(super) flags: u8,
}

/// The application takes the events itself.
pub(super) const OWNED: u8 = 1;

/// The application has closed the connection, so that a redirect is not followed.
pub(super) const UNWANTED: u8 = 2;

/// The handler borrows messages.
const BORROWS: u8 = 4;

/// The adapter's work on a connection, and the notices that cause it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    None,
    /// A notice was given to the adapter, which may act on it later.
    LateNoticed,
    /// A notice was given to the adapter.
    Noticed,
    /// The adapter is at work, and gets no notices.
    Busy,
    /// A notice is kept for the end of its work.
    BusyNoticed,
}

/// The key before [`set_key`](ConnectionState::set_key).
pub(super) const NO_KEY: u32 = u32::MAX;

/// The stage of a connection.
pub(super) enum Stage<R: Role, T> {
    /// A client's connection without a transport; `given_up` means that it will get none.
    Dialing {
        given_up: bool,
        settings: Settings,
    },
    Live(Link<R, T>),
    /// The connection is over, with `lost` bytes unwritten. Its transport may linger.
    Over {
        lost: usize,
        info: Box<CloseInfo>,
        lingering: Option<Box<Link<R, T>>>,
        /// Its place in the count of those that linger.
        place: Option<Place>,
    },
}

impl<R: Role, T> ConnectionState<R, T> {
    pub(super) fn new(stage: Stage<R, T>, peer: Option<SocketAddr>) -> Self {
        Self {
            details: Details::new(peer),
            stage,
            key: NO_KEY,
            work: Work::None,
            opened: false,
            queued: false,
            flags: 0,
        }
    }
}

impl<R: Role, T: Transport> ConnectionState<R, T> {
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
            Stage::Dialing { given_up: false, .. } => Err(SendError::NotOpen),
            Stage::Dialing { given_up: true, .. } => Err(SendError::Closed),
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

    /// Sets the address of the peer of a connection that has no transport yet.
    pub fn set_peer(&mut self, peer: Option<SocketAddr>) {
        self.details.set_peer(peer);
    }

    /// Sets the address of the client that a proxy has named.
    pub fn set_client(&mut self, client: SocketAddr) {
        self.details.set_client(client);
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
    pub fn set_key(&mut self, key: usize) {
        self.key = u32::try_from(key).unwrap_or(NO_KEY);
    }

    /// Begins the adapter's work on the connection, and clears an outstanding notice. There are no notices
    /// until [`end_work`](Self::end_work). May be called again within the work: then all changes up to that
    /// call are handled, including those of handlers.
    #[inline]
    pub fn begin_work(&mut self) {
        self.work = Work::Busy;
    }

    /// Ends the adapter's work on the connection. Returns whether the connection has changed since
    /// [`begin_work`](Self::begin_work) was last called. If so, the adapter must work on it again.
    ///
    /// No notice is lost: [`Held::begin_notice`](super::Held::begin_notice) runs under the same lock. Before this
    /// call it leaves the change for the return value; after it, the adapter is no longer busy and gets a notice.
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
        let dialing = matches!(self.stage, Stage::Dialing { given_up: false, .. });
        (dialing && self.key != NO_KEY).then_some(self.key as usize)
    }

    /// Returns the time at which the connection must be handled at the latest: the deadline of the endpoint, or
    /// the first timer of an open connection.
    #[inline]
    pub fn deadline(&self) -> Option<Duration> {
        let endpoint = match &self.stage {
            Stage::Live(link) => Some(link.endpoint()),
            Stage::Over { lingering, .. } => lingering.as_deref().map(Link::endpoint),
            Stage::Dialing { .. } => None,
        };
        match (endpoint.and_then(Endpoint::deadline), self.next_timer()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Returns when the first timer of an open connection expires.
    #[inline]
    pub fn next_timer(&self) -> Option<Duration> {
        self.details.next_timer().filter(|_| self.opened)
    }

    /// Removes the first timer of an open connection if it has expired and is one of `due`.
    #[inline]
    pub(crate) fn take_expired_timer(&mut self, now: Duration, due: &mut Due) -> Option<TimerId> {
        self.opened.then(|| self.details.take_expired(now, due)).flatten()
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
    #[inline]
    pub fn is_busy(&self) -> bool {
        matches!(self.work, Work::Busy | Work::BusyNoticed)
    }

    /// Sets whether the application takes the events itself, in one task or thread, instead of a handler. What
    /// is sent between a message and the next event then counts as replies, as the
    /// [`Endpoint`](wsproto::Endpoint) says.
    pub fn set_owned(&mut self, owned: bool) {
        self.flags = self.flags & !OWNED | if owned { OWNED } else { 0 };
    }

    /// Sets whether the handler [borrows](crate::ConnectionHandler::borrows) messages.
    pub(in crate::adapter) fn set_borrows(&mut self, borrows: bool) {
        self.flags = self.flags & !BORROWS | if borrows { BORROWS } else { 0 };
    }

    /// Returns whether the handler borrows messages.
    #[inline]
    pub(in crate::adapter) const fn borrows(&self) -> bool {
        self.flags & BORROWS != 0
    }

    /// Returns whether the connection has opened, and its handler's last call was not made.
    pub fn was_opened(&self) -> bool {
        self.opened
    }

    /// Gives a client's connection its transport. Returns `false`, and drops the link, if the connection was
    /// given up.
    pub fn connected(&mut self, mut link: Link<R, T>, peer: Option<SocketAddr>) -> bool {
        let Stage::Dialing { given_up: false, settings } = self.stage else { return false };
        settings.apply(link.endpoint_mut());
        self.set_peer(peer);
        self.stage = Stage::Live(link);
        true
    }

    /// Removes the transport, so that the adapter dials again after a redirect. If the application has closed
    /// the connection meanwhile, gives it up instead. Returns the transport; drop it without the lock.
    pub(crate) fn redial(&mut self) -> Option<T> {
        let settings = self.link().map(|link| Settings::of(link.endpoint())).unwrap_or_default();
        let dialing = Stage::Dialing { given_up: self.flags & UNWANTED != 0, settings };
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
        matches!(self.stage, Stage::Dialing { given_up: true, .. })
    }

    /// Gives up a client's connection that has no transport. It is then closed; its handler's last calls
    /// follow.
    pub(in crate::adapter) fn give_up(&mut self) {
        if let Stage::Dialing { given_up, .. } = &mut self.stage {
            *given_up = true;
        }
    }
}

impl<R: Role, T> fmt::Debug for ConnectionState<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionState").field("opened", &self.opened).finish_non_exhaustive()
    }
}
