//! A locked connection.

use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};

use parking_lot::MutexGuard;
use wsproto::{ReadyState, Role};

use super::state::{NO_KEY, Work};
use super::{Connection, ConnectionState};
use crate::IncomingRequest;
use crate::adapter::{Driver, Transport};

/// A locked connection.
pub struct Held<'a, R: Role, D: Driver<R>> {
    pub(super) guard: MutexGuard<'a, ConnectionState<R, D::Transport>>,
    pub(super) connection: &'a Connection<R, D>,
}

impl<'a, R: Role, D: Driver<R>> Held<'a, R, D> {
    /// Begins a notice to the adapter. Returns the connection's key, or `None` if no notice is needed: one
    /// is outstanding, the adapter is at work on the connection, or it has not called
    /// [`set_key`](ConnectionState::set_key) yet.
    ///
    /// No notice is lost, because this state changes under the lock only. If a notice is outstanding, the
    /// adapter has not begun the work for it, and will see this change. If the adapter is at work,
    /// [`end_work`](ConnectionState::end_work) returns that there was a change.
    #[inline]
    pub fn begin_notice(&mut self) -> Option<usize> {
        if self.is_busy() {
            self.work = Work::BusyNoticed;
            return None;
        }
        match mem::replace(&mut self.work, Work::Noticed) {
            Work::None | Work::LateNoticed => self.known_key(),
            _ => None,
        }
    }

    /// Begins a notice on which the adapter may act later. Returns the connection's key, or `None` if no notice is
    /// needed.
    ///
    /// No notice waits for this one: [`begin_notice`](Self::begin_notice) returns the key again. If this returns `None`
    /// because of another late notice, the adapter must act on that one by the time that it would act on this one.
    #[inline]
    pub fn begin_late_notice(&mut self) -> Option<usize> {
        match self.work {
            Work::None => {
                self.work = Work::LateNoticed;
                self.known_key()
            }
            Work::LateNoticed | Work::Noticed => None,
            Work::Busy | Work::BusyNoticed => self.begin_notice(),
        }
    }

    #[inline]
    fn known_key(&self) -> Option<usize> {
        (self.key != NO_KEY).then_some(self.key as usize)
    }
}

impl<R: Role, D: Driver<R>> Held<'_, R, D> {
    /// Returns the request that waits for a decision, with the addresses and the TLS parameters of its
    /// transport, and the address of the client that the server's trusted proxies name.
    pub fn incoming_request(&mut self) -> Option<IncomingRequest> {
        let link = self.link()?;
        let request = link.endpoint().request()?.clone();
        let mut info = link.transport().info();
        info.peer_addr = self.details.peer();
        info.client_addr = self.details.client();
        if let Some(acceptor) = self.connection.driver.acceptor() {
            let trusted = &acceptor.server().options().trusted_proxies;
            info.client_addr = trusted.client_addr(info.client_addr, &request);
        }
        if let Some(client) = info.client_addr {
            self.set_client(client);
        }
        let request = IncomingRequest::new(request, info);
        self.connection.log_request(&request);
        Some(request)
    }

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

impl<R: Role, D: Driver<R>> fmt::Debug for Held<'_, R, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connection.fmt(f)
    }
}

impl<R: Role, D: Driver<R>> Deref for Held<'_, R, D> {
    type Target = ConnectionState<R, D::Transport>;

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
