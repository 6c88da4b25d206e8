//! A server before a connection is open: it admits, asks the application, answers and reports.

use std::io::{self, ErrorKind};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use log::{error, warn};
use wsproto::handshake::{Request, Response};
use wsproto::{Config, Endpoint, Server, Session};

use super::Permit;
use crate::decision::{Decided, Verdict};
use crate::{Decision, Error, ServerHandle, ServerHandler};

/// A server, as its listeners and its connections before they are open see it.
pub struct Acceptor {
    server: ServerHandle,
    /// `None` in the end.
    handler: Mutex<Option<Box<dyn DynServerHandler>>>,
    /// How many loops, or threads, accept for it.
    listeners: AtomicUsize,
}

/// An object-safe [`ServerHandler`]: connection handlers are boxed.
pub trait DynServerHandler: Send {
    /// Calls [`ServerHandler::on_connection`].
    fn on_connection(&mut self, server: &ServerHandle, request: &Request) -> Verdict;
    /// Calls [`ServerHandler::on_request`].
    fn on_request(&mut self, server: &ServerHandle, request: &Request) -> Verdict;
    /// Calls [`ServerHandler::on_open`].
    fn on_open(&mut self, server: &ServerHandle);
    /// Calls [`ServerHandler::on_error`].
    fn on_error(&mut self, server: &ServerHandle, error: &Error);
    /// Calls [`ServerHandler::on_terminate`].
    fn on_terminate(&mut self, server: &ServerHandle);
}

impl<H: ServerHandler> DynServerHandler for H {
    fn on_connection(&mut self, server: &ServerHandle, request: &Request) -> Verdict {
        ServerHandler::on_connection(self, server, request).verdict()
    }

    fn on_request(&mut self, server: &ServerHandle, request: &Request) -> Verdict {
        ServerHandler::on_request(self, server, request).verdict()
    }

    fn on_open(&mut self, server: &ServerHandle) {
        ServerHandler::on_open(self, server);
    }

    fn on_error(&mut self, server: &ServerHandle, error: &Error) {
        ServerHandler::on_error(self, server, error);
    }

    fn on_terminate(&mut self, server: &ServerHandle) {
        ServerHandler::on_terminate(self, server);
    }
}

/// The fate of a transport that was accepted.
#[derive(Debug)]
pub enum Admission {
    /// It is carried; its place is the permit.
    Admitted(Permit),
    /// There are too many. This endpoint says so; it is carried, without a handler, until it is done.
    Refused(Box<Endpoint<Server>>),
    /// It is dropped.
    Dropped,
}

impl Acceptor {
    /// How long a listener pauses after it could not accept, for want of descriptors, say.
    pub const PAUSE: Duration = Duration::from_millis(50);

    /// Makes the acceptor of a server.
    pub fn new(server: ServerHandle, handler: impl ServerHandler) -> Self {
        Self {
            server,
            handler: Mutex::new(Some(Box::new(handler))),
            listeners: AtomicUsize::new(0),
        }
    }

    /// Returns the server.
    #[must_use]
    pub const fn server(&self) -> &ServerHandle {
        &self.server
    }

    /// Makes the endpoint of a transport that was just accepted.
    #[must_use]
    pub fn endpoint(&self, now: Duration) -> Endpoint<Server> {
        server_endpoint(Arc::clone(&self.server.options().config), now)
    }

    /// Decides whether there is room for a transport that was just accepted.
    #[must_use]
    pub fn admit(&self, now: Duration) -> Admission {
        if let Some(permit) = Permit::new(&self.server) {
            return Admission::Admitted(permit);
        }
        // A TLS client could not read a plain 503, and there is no room for a TLS handshake.
        if self.server.options().speaks_tls() {
            return Admission::Dropped;
        }
        let mut out = Vec::new();
        let config = Arc::clone(&self.server.options().config);
        let response = Response::text(503, "Too many connections\n").date(unix_time());
        let session = Session::refusing(&response, config, now, &mut out);
        Admission::Refused(Box::new(Endpoint::new(session, out)))
    }

    /// Asks the application, unless the server's options decide, or it has ended. If a decision panics, that
    /// client gets status 500; other connections are unaffected.
    pub fn decide(&self, request: &Request) -> Verdict {
        let asked = AssertUnwindSafe(|| self.ask(request));
        let respond = |response| Verdict::Now(Decided::Respond(response));
        panic::catch_unwind(asked).unwrap_or_else(|_| {
            error!("a decision of the server at {:?} has panicked", self.server.local_addr());
            respond(internal_error())
        })
    }

    /// Decides by the server's options, or else asks `decide`, which may panic. For servers without handlers.
    pub fn refusal(
        &self,
        request: &Request,
        decide: impl FnOnce(&Request) -> Decision<()>,
    ) -> Decision<()> {
        match self.server.options().refusal(request) {
            Some(refusal) if request.is_upgrade() => Decision::respond(refusal),
            _ => {
                let asked = panic::catch_unwind(AssertUnwindSafe(|| decide(request)));
                asked.unwrap_or_else(|_| {
                    error!(
                        "a decision of the server at {:?} has panicked",
                        self.server.local_addr()
                    );
                    Decision::respond(internal_error())
                })
            }
        }
    }

    fn ask(&self, request: &Request) -> Verdict {
        let respond = |response| Verdict::Now(Decided::Respond(response));
        if self.server.is_terminated() {
            return respond(Response::text(503, "The server has ended\n"));
        }
        if !request.is_upgrade() {
            return self.asked(|handler| handler.on_request(&self.server, request));
        }
        match self.server.options().refusal(request) {
            Some(refusal) => respond(refusal),
            None => self.asked(|handler| handler.on_connection(&self.server, request)),
        }
    }

    fn asked(&self, ask: impl FnOnce(&mut dyn DynServerHandler) -> Verdict) -> Verdict {
        match &mut *self.handler() {
            Some(handler) => ask(&mut **handler),
            None => Verdict::Now(Decided::Decline),
        }
    }

    /// Tells the application of an error that concerns no open connection.
    pub fn report(&self, error: &Error) {
        if !self.server.is_terminated() {
            self.call(|handler, server| handler.on_error(server, error));
        }
    }

    /// Reports that nothing can be accepted at the moment; the listener pauses.
    pub fn report_pause(&self, error: io::Error) {
        warn!("cannot accept: {error}");
        self.report(&error.into());
    }

    /// Tells the application that the server has started.
    pub fn opened(&self) {
        self.call(|handler, server| handler.on_open(server));
    }

    /// Notes that one more loop, or thread, accepts for the server.
    pub fn join(&self) {
        self.listeners.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes that a loop, or thread, has nothing more to do for the server. The last one ends it: it waits
    /// until all connections are closed, and tells the application that the server has ended.
    pub fn leave(&self) {
        if self.listeners.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.terminated();
        }
    }

    /// Waits until all connections are closed, and tells the application that the server has ended.
    /// The handler is dropped then, although handles of the server may be kept, by the handler too.
    fn terminated(&self) {
        self.server.wait_terminated();
        self.call(|handler, server| handler.on_terminate(server));
        self.drop_handler();
    }

    /// A panic in dropping the handler ends nothing.
    fn drop_handler(&self) {
        let handler = self.handler().take();
        if panic::catch_unwind(AssertUnwindSafe(|| drop(handler))).is_err() {
            error!("the handler of the server at {:?} has panicked", self.server.local_addr());
        }
    }

    /// Calls the handler, which may panic: the server goes on.
    fn call(&self, call: impl FnOnce(&mut dyn DynServerHandler, &ServerHandle)) {
        let mut handler = self.handler();
        let Some(handler) = &mut *handler else { return };
        let called = AssertUnwindSafe(|| call(&mut **handler, &self.server));
        if panic::catch_unwind(called).is_err() {
            error!("the handler of the server at {:?} has panicked", self.server.local_addr());
        }
    }

    fn handler(&self) -> MutexGuard<'_, Option<Box<dyn DynServerHandler>>> {
        self.handler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an error of accepting concerns only the client that was to be accepted.
    #[must_use]
    pub fn is_gone(error: &io::Error) -> bool {
        matches!(
            error.kind(),
            ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
        )
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.drop_handler();
    }
}

/// Makes a server's endpoint, which knows the date.
#[must_use]
pub fn server_endpoint(config: impl Into<Arc<Config>>, now: Duration) -> Endpoint<Server> {
    Endpoint::server(config, now).with_unix_time(unix_time().saturating_sub(now))
}

/// Returns the time since the UNIX epoch.
fn unix_time() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

pub(super) fn internal_error() -> Response {
    Response::text(500, "Internal Server Error\n")
}
