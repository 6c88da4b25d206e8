//! A connection behind a lock, shared by its adapter and its handles.

mod details;
mod ending;
mod handles;
mod held;
mod lingering;
#[cfg(not(feature = "tracing"))]
mod logged;
mod settings;
mod state;
#[cfg(feature = "tracing")]
mod traced;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use wsproto::Role;

use super::answering::is_answering;
use super::{ConnectionLink, Driver, Link, Outgoing};
use crate::{ConnectionId, Error, SendStatus, WebSocketConnection};

pub use self::ending::unknown_end;
pub use self::held::Held;
pub use self::lingering::{Lingering, MOST_LINGERING};
#[cfg(not(feature = "tracing"))]
use self::logged::ConnectionSpan;
use self::settings::Settings;
pub use self::state::ConnectionState;
use self::state::{OWNED, Stage};
#[cfg(feature = "tracing")]
use self::traced::ConnectionSpan;

/// One end of a connection. Its lock is never held while a handler is called or while a thread waits for the
/// transport.
pub struct Connection<R: Role, D: Driver<R>> {
    id: ConnectionId,
    driver: D,
    span: ConnectionSpan,
    inner: Mutex<ConnectionState<R, D::Transport>>,
}

impl<R: Role, D: Driver<R>> Connection<R, D> {
    /// Creates a connection with a transport.
    pub fn new(driver: D, link: Link<R, D::Transport>, peer: Option<SocketAddr>) -> Self {
        Self::begin(driver, Stage::Live(link), peer)
    }

    /// Creates a client's connection that has no transport yet.
    pub fn dialing(driver: D) -> Self {
        Self::begin(driver, Stage::Dialing { given_up: false, settings: Settings::default() }, None)
    }

    fn begin(driver: D, stage: Stage<R, D::Transport>, peer: Option<SocketAddr>) -> Self {
        let id = ConnectionId::new();
        let span = ConnectionSpan::begin(id, &driver);
        Self { id, driver, span, inner: Mutex::new(ConnectionState::new(stage, peer)) }
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

    /// Locks the connection. The state is consistent whenever the lock is free, also after a panic.
    #[inline]
    pub fn lock(&self) -> Held<'_, R, D> {
        Held { guard: self.inner.lock(), connection: self }
    }

    /// Calls [`Driver::changed`].
    pub fn notify(&self) {
        self.driver.changed(self.lock());
    }

    /// Sends a message or a Ping without waiting.
    ///
    /// # Errors
    ///
    /// As [`ConnectionLink::send`].
    #[inline]
    pub fn try_send(&self, outgoing: &mut Outgoing<'_>) -> Result<SendStatus, Error> {
        self.send_by(|link| link.send(outgoing, || self.driver.now()), D::changed)
    }

    /// Sends a message that many connections are sent, without waiting.
    ///
    /// # Errors
    ///
    /// As [`ConnectionLink::publish`].
    #[inline]
    pub fn publish(&self, outgoing: &mut Outgoing<'_>) -> Result<SendStatus, Error> {
        self.send_by(|link| link.send(outgoing, || self.driver.now()), D::published)
    }

    /// Sends as [`try_send`](Self::try_send) does, whether or not there is room: for an adapter that has promised room
    /// for one message.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Self::try_send), but never [`Error::WouldExceed`].
    pub fn send_promised(&self, outgoing: &mut Outgoing<'_>) -> Result<SendStatus, Error> {
        self.send_by(|link| link.send_promised(outgoing), D::changed)
    }

    #[inline]
    fn send_by(
        &self,
        send: impl FnOnce(&mut Link<R, D::Transport>) -> Result<SendStatus, Error>,
        tell: impl FnOnce(&D, Held<'_, R, D>),
    ) -> Result<SendStatus, Error> {
        let mut held = self.lock();
        let is_handled = held.opened && held.flags & OWNED == 0;
        let link = held.live()?;
        // Without a handler, or before `on_open`, the rule of the endpoint holds. With one, only the thread in
        // `on_message` replies.
        if is_handled {
            link.endpoint_mut().set_replying(is_answering(self.id));
        }
        let status = send(link)?;
        tell(&self.driver, held);
        Ok(status)
    }
}

impl<R: Role, D: Driver<R>> fmt::Debug for Connection<R, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id).finish_non_exhaustive()
    }
}
