//! A connection, as its handles see it.

use std::net::SocketAddr;
use std::time::Duration;

use wsproto::handshake::Extension;
use wsproto::url::WsUrl;
use wsproto::{CloseFrame, CloseInfo, KeepAlive, ReadyState, Role};

use super::Connection;
use super::state::{OWNED, Stage, UNWANTED};
use crate::adapter::{Acceptor, ConnectionLink, Driver, Outgoing, Transport};
use crate::{ConnectionId, Error, SendStatus, ServerHandle, TimerId};

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
        self.lock().details.peer()
    }

    fn client_addr(&self) -> Option<SocketAddr> {
        self.lock().details.client()
    }

    fn subprotocol(&self) -> Option<String> {
        Some(self.lock().link()?.endpoint().session().subprotocol()?.into())
    }

    fn extensions(&self) -> Vec<Extension> {
        let held = self.lock();
        held.link().map_or_else(Vec::new, |link| link.endpoint().session().extensions())
    }

    fn ready_state(&self) -> ReadyState {
        match &self.lock().stage {
            Stage::Dialing { given_up: false, .. } => ReadyState::Connecting,
            Stage::Live(link) => link.endpoint().ready_state(),
            Stage::Dialing { given_up: true, .. } | Stage::Over { .. } => ReadyState::Closed,
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

    fn publish(&self, mut outgoing: Outgoing<'_>) -> Result<SendStatus, Error> {
        Self::publish(self, &mut outgoing)
    }

    fn ping_within(&self, patience: Duration) -> Result<(), Error> {
        let mut held = self.lock();
        let now = self.driver.now();
        held.live()?.endpoint_mut().ping_within(patience, now)?;
        self.driver.changed(held);
        Ok(())
    }

    fn set_keep_alive(&self, keep_alive: Option<KeepAlive>) {
        let mut held = self.lock();
        let now = self.driver.now();
        match &mut held.stage {
            Stage::Dialing { settings, .. } => settings.keep_alive = Some(keep_alive),
            Stage::Live(link) => link.endpoint_mut().set_keep_alive(keep_alive, now),
            Stage::Over { .. } => return,
        }
        self.driver.changed(held);
    }

    fn set_paused(&self, paused: bool) {
        let mut held = self.lock();
        let now = self.driver.now();
        match (&mut held.stage, paused) {
            (Stage::Dialing { settings, .. }, paused) => settings.paused = paused,
            (Stage::Live(link), true) => link.endpoint_mut().pause(),
            (Stage::Live(link), false) => link.endpoint_mut().resume(now),
            (Stage::Over { .. }, _) => return,
        }
        self.driver.changed(held);
    }

    fn set_timer(&self, after: Duration) -> TimerId {
        let mut held = self.lock();
        let at = self.driver.now().saturating_add(after);
        // No handler would be called.
        if held.flags & OWNED != 0 || matches!(held.stage, Stage::Over { .. }) {
            return TimerId::new();
        }
        let timer = held.details.set_timer(at);
        self.driver.changed(held);
        timer
    }

    fn cancel_timer(&self, timer: TimerId) -> bool {
        self.lock().details.cancel_timer(timer)
    }

    fn close(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        let mut held = self.lock();
        let now = self.driver.now();
        match &mut held.stage {
            Stage::Dialing { given_up, .. } => *given_up = true,
            Stage::Live(link) => link.endpoint_mut().close(frame, now)?,
            Stage::Over { .. } => return Ok(()),
        }
        held.flags |= UNWANTED;
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
            Stage::Dialing { given_up, .. } => *given_up = true,
            Stage::Live(link) => link.endpoint_mut().abort(),
            Stage::Over { .. } => return,
        }
        held.flags |= UNWANTED;
        self.driver.changed(held);
    }

    #[cfg(feature = "tracing")]
    fn span(&self) -> tracing::Span {
        Self::span(self).clone()
    }

    fn with_socket(&self, use_it: &mut dyn FnMut(&socket2::Socket)) {
        if let Some(socket) = self.lock().link().and_then(|link| link.transport().socket()) {
            use_it(&socket);
        }
    }
}
