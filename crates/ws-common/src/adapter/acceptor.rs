//! A server's side before a connection is open: admission, decisions, and the server's handler.

mod loops;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use wsproto::handshake::Response;
use wsproto::{Endpoint, Server, Session};

use super::endpoints::{server_endpoint, unix_time};
use super::logging::{debug, error, warn};
use super::panics::catch;
use super::roster::Place;
use super::server_handler::DynServerHandler;
use super::{Conversation, Decided, Permit, ProxyHeader, TrafficLease, Verdict};
use crate::admission::Refusal;
use crate::stats::Counted;
use crate::{Decision, Error, IncomingRequest, ServerHandle, ServerHandler};

/// A server's side before a connection is open: it admits transports, asks the server's handler for
/// decisions, and calls the handler for errors and for the start and end of the server.
///
/// An adapter calls
///
/// * [`announce`](Self::announce) once, before the server accepts;
/// * [`join`](Self::join) for each loop or thread that accepts;
/// * [`accept`](Self::accept) for each accepted transport;
/// * [`leave`](Self::leave) for each loop or thread that has joined, once the server
///   [is ending](ServerHandle::is_ending), its listener is closed, and its connections are over.
///
/// A loop or thread that ends before that calls [`abandon`](Self::abandon) instead of [`leave`](Self::leave).
///
/// The adapter calls [`call_timers`](Self::call_timers) at [`next_timer`](Self::next_timer), and
/// [aborts](crate::WebSocketConnection::abort) the connections that are not over at the server's
/// [deadline](Self::end_deadline).
pub struct Acceptor {
    server: ServerHandle,
    uncounted: Arc<Place>,
    /// `None` once the server has ended. Locked while the handler is called, so that its calls come one after
    /// the other. A call must not cause another in the same thread: handles only notify the adapter, which
    /// makes the other calls later.
    handler: Mutex<Option<Box<dyn DynServerHandler>>>,
    /// The number of loops or threads that have joined.
    joined: AtomicUsize,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("server", &self.server).finish_non_exhaustive()
    }
}

/// The outcome of [`Acceptor::admit`] for a transport.
#[derive(Debug)]
pub enum Admission {
    /// Serve it, and keep the permit as long as the connection.
    Admitted(Permit),
    /// There are too many connections, or too many of this client, as the reason says. Serve this endpoint,
    /// without a handler, until it has sent its response.
    Refused(Box<Endpoint<Server>>, &'static str),
    /// The same, and the client could not read a response. Drop the transport.
    Dropped(&'static str),
}

impl Acceptor {
    /// How long a listener pauses after it failed to accept, for example because the process has no free
    /// file descriptors.
    pub const PAUSE: Duration = Duration::from_millis(50);

    /// Creates a server's acceptor.
    pub fn new(server: ServerHandle, handler: impl ServerHandler) -> Self {
        Self {
            uncounted: Place::uncounted(&server),
            server,
            handler: Mutex::new(Some(Box::new(handler))),
            joined: AtomicUsize::new(0),
        }
    }

    /// Creates the acceptor of a server whose connections the application takes itself: requests are decided by
    /// [`decide_by`](Self::decide_by), and the application can set no timers of the server.
    #[must_use]
    pub fn without_handler(server: ServerHandle) -> Self {
        server.timers().turn_off();
        Self {
            uncounted: Place::uncounted(&server),
            server,
            handler: Mutex::default(),
            joined: AtomicUsize::new(0),
        }
    }

    /// Returns the server.
    #[must_use]
    pub const fn server(&self) -> &ServerHandle {
        &self.server
    }

    /// Returns the counts of a loop's or a connection's messages and bytes.
    #[must_use]
    pub fn traffic(&self) -> TrafficLease {
        TrafficLease::new(&self.server)
    }

    pub(super) fn count(&self, counted: Counted) {
        self.server.counters().count(counted);
    }

    /// Creates the endpoint of a transport that was just accepted.
    #[must_use]
    pub fn endpoint(&self, now: Duration) -> Endpoint<Server> {
        server_endpoint(Arc::clone(&self.server.options().config), now)
    }

    /// Decides whether to serve a transport that was just accepted from `peer`.
    #[must_use]
    pub fn admit(&self, now: Duration, peer: Option<SocketAddr>) -> Admission {
        match Permit::new(&self.uncounted, peer) {
            Ok(permit) => Admission::Admitted(permit),
            Err(refusal) => self.refuse(refusal, now, peer),
        }
    }

    /// Returns the header that a transport from `peer` must begin with, if that is a proxy. Once it has
    /// arrived, call [`admit_named`](Self::admit_named), then begin TLS and HTTP.
    #[must_use]
    pub fn proxy_header(&self, peer: Option<SocketAddr>) -> Option<ProxyHeader> {
        let trusted = &self.server.options().trusted_proxies;
        trusted.sends_header(peer).then(ProxyHeader::new)
    }

    /// Decides whether to serve a transport that was admitted, once a proxy has named its client.
    #[must_use]
    pub fn admit_named(
        &self,
        mut permit: Permit,
        now: Duration,
        client: Option<SocketAddr>,
    ) -> Admission {
        match permit.count(client) {
            Ok(()) => Admission::Admitted(permit),
            Err(refusal) => self.refuse(refusal, now, client),
        }
    }

    /// Admits a client whose HTTP other code carries out, or returns the response that refuses it.
    pub(super) fn permit(&self, peer: Option<SocketAddr>) -> Result<Permit, Response> {
        Permit::new(&self.uncounted, peer).map_err(|refusal| {
            self.count_refusal(refusal, peer);
            refusal.response()
        })
    }

    fn count_refusal(&self, refusal: Refusal, client: Option<SocketAddr>) {
        debug!("{client:?} is refused: {}", refusal.reason());
        self.count(Counted::Refused(refusal));
    }

    fn refuse(&self, refusal: Refusal, now: Duration, client: Option<SocketAddr>) -> Admission {
        self.count_refusal(refusal, client);
        // A TLS client could not read a plain response, and is not worth a TLS handshake.
        if self.server.options().speaks_tls() {
            return Admission::Dropped(refusal.reason());
        }
        let mut out = Vec::new();
        let config = Arc::clone(&self.server.options().config);
        let response = refusal.response().with_missing(&config.refusal_headers).date(unix_time());
        let session = Session::refusing(&response, config, now, &mut out);
        Admission::Refused(Box::new(Endpoint::new(session, out)), refusal.reason())
    }

    /// Begins a connection with a transport that was just accepted from `peer`, or its refusal; see
    /// [`admit`](Self::admit). Returns its endpoint and conversation, or `None` if the transport must be
    /// dropped.
    #[must_use]
    pub fn accept(
        &self,
        now: Duration,
        peer: Option<SocketAddr>,
    ) -> Option<(Endpoint<Server>, Conversation)> {
        match self.admit(now, peer) {
            Admission::Admitted(permit) => Some((self.endpoint(now), Conversation::server(permit))),
            Admission::Refused(endpoint, _) => Some((*endpoint, Conversation::refused())),
            Admission::Dropped(_) => None,
        }
    }

    /// Decides on a request: by the limits for its client and the server's options, or else by its handler;
    /// with status 503 if the server has ended. If a decision panics, that client gets status 500; other
    /// connections are unaffected.
    pub(super) fn decide(&self, permit: Option<&mut Permit>, request: &IncomingRequest) -> Verdict {
        let refuse = |response, reason| Verdict::Now(Decided::Refuse(response, reason));
        self.decided(permit, request, refuse, || match request.is_upgrade() {
            true => self.ask(|handler| handler.on_connection(&self.server, request)),
            false => self.ask(|handler| handler.on_request(&self.server, request)),
        })
    }

    /// Decides on a request for a server without a handler: by the limits for its client and the server's
    /// options, or else by `decide`; with status 503 if the server has ended, and 500 if `decide` panics.
    pub fn decide_by(
        &self,
        permit: &mut Permit,
        request: &IncomingRequest,
        decide: impl FnOnce(&IncomingRequest) -> Decision<()>,
    ) -> Decision<()> {
        self.decided(Some(permit), request, Decision::refuse, || decide(request))
    }

    fn decided<T>(
        &self,
        permit: Option<&mut Permit>,
        request: &IncomingRequest,
        refuse: impl Fn(Response, &'static str) -> T,
        ask: impl FnOnce() -> T,
    ) -> T {
        if self.server.is_terminated() {
            return refuse(Response::text(503, "The server has ended\n"), "the server has ended");
        }
        if let Some(permit) = permit
            && let Err(refusal) = permit.count(request.client_addr())
        {
            self.count_refusal(refusal, request.client_addr());
            return refuse(refusal.response(), refusal.reason());
        }
        if request.is_upgrade()
            && let Some(refusal) = self.server.options().refusal(request)
        {
            self.count_refusal(refusal, request.client_addr());
            return refuse(refusal.response(), refusal.reason());
        }
        catch(ask).unwrap_or_else(|_| {
            error!("a decision of the server at {:?} has panicked", self.server.local_addr());
            refuse(internal_error(), "the decision has panicked")
        })
    }

    fn ask(&self, ask: impl FnOnce(&mut dyn DynServerHandler) -> Verdict) -> Verdict {
        match &mut *self.handler() {
            Some(handler) => ask(&mut **handler),
            None => Verdict::Now(Decided::Decline),
        }
    }

    /// Counts and reports to the handler that the handshake with `peer` failed, unless the server has ended.
    pub fn report(&self, peer: Option<SocketAddr>, error: &Error) {
        debug!("no connection with {peer:?}: {error}");
        self.count(Counted::Failed);
        self.tell(peer, error);
    }

    fn tell(&self, peer: Option<SocketAddr>, error: &Error) {
        if !self.server.is_terminated() {
            self.call(|handler, server| handler.on_error(server, peer, error));
        }
    }

    /// Reports to the handler that the listener failed to accept. The adapter then accepts nothing for
    /// [`PAUSE`](Self::PAUSE).
    pub fn report_pause(&self, error: io::Error) {
        warn!("cannot accept: {error}");
        self.tell(None, &error.into());
    }

    /// Calls the handler; a panic is caught and logged.
    pub(super) fn call(&self, call: impl FnOnce(&mut dyn DynServerHandler, &ServerHandle)) {
        let mut handler = self.handler();
        let Some(handler) = &mut *handler else { return };
        if catch(|| call(&mut **handler, &self.server)).is_err() {
            error!("the handler of the server at {:?} has panicked", self.server.local_addr());
        }
    }

    fn handler(&self) -> MutexGuard<'_, Option<Box<dyn DynServerHandler>>> {
        self.handler.lock()
    }

    /// Returns whether an error of accepting concerns only one client, so that the listener need not pause:
    /// Linux reports errors that a new socket already has.
    #[must_use]
    pub fn is_about_one_client(error: &io::Error) -> bool {
        matches!(
            error.kind(),
            ErrorKind::Interrupted
                | ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionReset
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkDown
                | ErrorKind::NetworkUnreachable
                | ErrorKind::PermissionDenied
        )
    }
}

pub(super) fn internal_error() -> Response {
    Response::text(500, "Internal Server Error\n")
}
