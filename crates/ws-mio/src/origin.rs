//! The origins of a loop's connections: a listener, or a client's request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ws_common::Error;
use ws_common::adapter::{
    Acceptor, Connection, Conversation, Driver, Held, Link, Traffic, TrafficLease,
};
use wsproto::handshake::Response;
use wsproto::url::WsUrl;
use wsproto::{Client, Role, Server};

use crate::Stream;
use crate::dial::{DialContext, Dialed, Dialer};
use crate::proxied::Proxied;
use crate::shared::Shared;
use crate::wakes::wake_late;

/// The origin of a connection: the adapter's part that differs between server and client.
pub(crate) trait Origin<R: Role>: Driver<R, Transport = Stream> {
    /// Returns the loop of the connection.
    fn shared(&self) -> &Arc<Shared>;

    /// Continues to dial, or to wait for the header of a proxy. Returns the link once a stream is
    /// connected. `Err(None)` gives the connection up without an error to report.
    fn dial(
        &self,
        context: &DialContext<'_>,
        conversation: &mut Conversation,
    ) -> Result<Option<Dialed<R>>, Option<Error>>;

    /// Returns the address of the client that a proxy has named.
    fn client(&self) -> Option<SocketAddr> {
        None
    }

    /// Returns the time at which to continue to dial, even without an event.
    fn dial_deadline(&self) -> Option<Duration>;

    /// Returns whether to continue to dial at once, without an event.
    fn dials_again(&self) -> bool {
        false
    }

    /// Cancels dialing: handles may outlive the connection, and must not keep its sockets and its look-up.
    fn stop_dialing(&self) {}

    /// Records that the connection has closed. Called once; the socket may linger.
    fn ended(&self) {}
}

/// Requests a turn for a connection, unless one is in progress or already requested.
///
/// The lock is released before the mailbox is locked. No wake-up is lost: see [`Held::begin_notice`].
#[inline]
fn notify<R: Role, D: Origin<R>>(driver: &D, mut held: Held<'_, R, D>) {
    if let Some(key) = held.begin_notice() {
        drop(held);
        driver.shared().notify(key);
    }
}

/// As [`notify`], for a message that many connections are sent. Within a turn, the loop of the connection is woken at
/// the end of the turn, unless much is unwritten by then.
#[inline]
fn notify_published<R: Role, D: Origin<R>>(driver: &D, mut held: Held<'_, R, D>) {
    if !held.link().is_some_and(Link::may_wait) || !wake_late(driver.shared()) {
        return notify(driver, held);
    }
    if let Some(key) = held.begin_late_notice() {
        drop(held);
        driver.shared().notify_late(key);
    }
}

/// A server, as seen by one of its loops.
pub(crate) struct LoopServer {
    pub(crate) acceptor: Arc<Acceptor>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) counts: Arc<Counts>,
    /// The proxy's header, for the one connection that waits for it. Such a connection has a `LoopServer` of its
    /// own, so that others need no room for the header and all connections have one type.
    pub(crate) proxied: Option<Proxied>,
}

/// The counts of a server's connections on a loop.
pub(crate) struct Counts {
    /// The number of connections, without those that only linger. Only the loop's thread uses it, so `Relaxed`
    /// is enough.
    pub(crate) carried: AtomicUsize,
    /// The counts of their messages and bytes.
    pub(crate) traffic: TrafficLease,
}

impl LoopServer {
    /// Returns the server, as one connection of a proxy sees it.
    pub(crate) fn proxied(&self, proxied: Proxied) -> Self {
        let Self { acceptor, shared, counts, .. } = self;
        let (acceptor, shared) = (Arc::clone(acceptor), Arc::clone(shared));
        Self { acceptor, shared, counts: Arc::clone(counts), proxied: Some(proxied) }
    }
}

/// The origin of a connection that a listener has accepted.
pub(crate) struct Accepted(pub(crate) Arc<LoopServer>);

impl Driver<Server> for Accepted {
    type Transport = Stream;

    fn now(&self) -> Duration {
        self.0.shared.now()
    }

    #[inline]
    fn changed(&self, held: Held<'_, Server, Self>) {
        notify(self, held);
    }

    #[inline]
    fn published(&self, held: Held<'_, Server, Self>) {
        notify_published(self, held);
    }

    fn acceptor(&self) -> Option<&Acceptor> {
        Some(&self.0.acceptor)
    }

    fn traffic(&self) -> Option<&Traffic> {
        Some(&self.0.counts.traffic)
    }
}

impl Origin<Server> for Accepted {
    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    fn dial(
        &self,
        context: &DialContext<'_>,
        conversation: &mut Conversation,
    ) -> Result<Option<Dialed<Server>>, Option<Error>> {
        match &self.0.proxied {
            Some(proxied) => proxied.read(&self.0.acceptor, context.now, conversation),
            None => Ok(None),
        }
    }

    fn client(&self) -> Option<SocketAddr> {
        self.0.proxied.as_ref()?.client()
    }

    fn dial_deadline(&self) -> Option<Duration> {
        self.0.proxied.as_ref()?.deadline()
    }

    fn stop_dialing(&self) {
        if let Some(proxied) = &self.0.proxied {
            proxied.stop();
        }
    }

    fn ended(&self) {
        self.0.counts.carried.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The origin of a client's connection.
pub(crate) struct Requested(pub(crate) Box<Dialer>);

impl Driver<Client> for Requested {
    type Transport = Stream;

    fn now(&self) -> Duration {
        self.0.shared.now()
    }

    #[inline]
    fn changed(&self, held: Held<'_, Client, Self>) {
        notify(self, held);
    }

    fn url(&self) -> Option<WsUrl> {
        Some(self.0.url())
    }

    fn follows(&self, response: &Response) -> bool {
        self.0.follows(response)
    }
}

impl Origin<Client> for Requested {
    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    fn dial(
        &self,
        context: &DialContext<'_>,
        _: &mut Conversation,
    ) -> Result<Option<Dialed<Client>>, Option<Error>> {
        self.0.dial(context).map_err(Some)
    }

    fn dial_deadline(&self) -> Option<Duration> {
        self.0.deadline()
    }

    fn dials_again(&self) -> bool {
        self.0.is_again()
    }

    fn stop_dialing(&self) {
        self.0.stop();
    }
}

/// A client's connection on a loop.
pub(crate) type ClientConnection = Connection<Client, Requested>;
