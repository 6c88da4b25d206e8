//! A server, as the connections that come to it see it.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::error;
use mio::net::TcpStream;
use ws_common::{Answer, ConnectionHandler, Error, ServerHandle, ServerHandler};
use wsproto::handshake::Request;

use crate::Stream;
use crate::shared::Shared;

/// What all connections of a server have in common, on whatever loop they are.
pub(crate) struct Door {
    pub(crate) server: ServerHandle,
    keeper: Mutex<Box<dyn Keeper>>,
    /// How many loops serve it.
    loops: AtomicUsize,
    #[cfg(feature = "tls")]
    tls: Option<ws_common::ServerTls>,
}

/// A door, and the loop in which those are carried who have come through it there.
pub(crate) struct Entrance {
    pub(crate) door: Arc<Door>,
    pub(crate) shared: Arc<Shared>,
}

/// A [`ServerHandler`] whose connections have forgotten their type.
pub(crate) trait Keeper: Send {
    fn answer(
        &mut self,
        server: &ServerHandle,
        request: &Request,
    ) -> (Answer, Option<Box<dyn ConnectionHandler>>);
    fn opened(&mut self, server: &ServerHandle);
    fn failed(&mut self, server: &ServerHandle, error: &Error);
    fn terminated(&mut self, server: &ServerHandle);
}

impl<H: ServerHandler> Keeper for H {
    fn answer(
        &mut self,
        server: &ServerHandle,
        request: &Request,
    ) -> (Answer, Option<Box<dyn ConnectionHandler>>) {
        let (answer, carrier) = Answer::of(self, server, request);
        (answer, carrier.map(|carrier| Box::new(carrier) as Box<dyn ConnectionHandler>))
    }

    fn opened(&mut self, server: &ServerHandle) {
        self.on_open(server);
    }

    fn failed(&mut self, server: &ServerHandle, error: &Error) {
        self.on_error(server, error);
    }

    fn terminated(&mut self, server: &ServerHandle) {
        self.on_terminate(server);
    }
}

impl Door {
    pub(crate) fn new(
        server: ServerHandle,
        handler: impl ServerHandler,
        #[cfg(feature = "tls")] tls: Option<ws_common::ServerTls>,
    ) -> Self {
        Self {
            server,
            keeper: Mutex::new(Box::new(handler)),
            loops: AtomicUsize::new(0),
            #[cfg(feature = "tls")]
            tls,
        }
    }

    /// Notes that one more loop serves it.
    pub(crate) fn enter(&self) {
        self.loops.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes that a loop has nothing more to do for it; the last one ends the server.
    pub(crate) fn leave(&self) {
        if self.loops.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.server.wait_terminated();
            self.keeper().terminated(&self.server);
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) const fn speaks_tls(&self) -> bool {
        self.tls.is_some()
    }

    #[cfg(not(feature = "tls"))]
    #[allow(clippy::unused_self, reason = "as with the feature")]
    pub(crate) const fn speaks_tls(&self) -> bool {
        false
    }

    /// Begins TLS on what was accepted, if the server speaks it.
    pub(crate) fn stream(&self, tcp: TcpStream) -> io::Result<Stream> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return Stream::accept_tls(tls, tcp);
        }
        Ok(tcp.into())
    }

    pub(crate) fn answer(&self, request: &Request) -> (Answer, Option<Box<dyn ConnectionHandler>>) {
        self.keeper().answer(&self.server, request)
    }

    /// Tells the handler that something went wrong that concerns no open connection.
    pub(crate) fn failed(&self, error: &Error) {
        let mut keeper = self.keeper();
        if !self.server.is_terminated() {
            let told = AssertUnwindSafe(|| keeper.failed(&self.server, error));
            if panic::catch_unwind(told).is_err() {
                error!("the handler of the server at {:?} has panicked", self.server.local_addr());
            }
        }
    }

    pub(crate) fn opened(&self) {
        self.keeper().opened(&self.server);
    }

    fn keeper(&self) -> MutexGuard<'_, Box<dyn Keeper>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
