//! The handler of the server.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use ws_mio::wsproto::handshake::{Accept, Response};
use ws_mio::{Decision, Error, IncomingRequest, ServerHandle, ServerHandler};

use super::client::{Client, Kind};
use super::exec::{Exec, Processes};
use super::files::Files;
use super::report::Report;
use super::speaker::Speaker;

/// What the server does with its connections.
pub(super) enum Mode {
    /// Prints what they send, and sends them the lines of standard input.
    Print(Arc<Speaker>),
    Echo,
    Broadcast,
    /// Serves files, and broadcasts.
    Files(Files<Client>),
    Exec(Exec),
}

/// The handler of the server.
pub(super) struct App {
    mode: Mode,
    report: Arc<Report>,
    subprotocols: Vec<String>,
    begun: Arc<OnceLock<ServerHandle>>,
}

impl App {
    /// `begun` gets the handle of the server.
    pub(super) fn new(
        mode: Mode,
        report: Arc<Report>,
        subprotocols: &[String],
        begun: Arc<OnceLock<ServerHandle>>,
    ) -> Self {
        Self { mode, report, subprotocols: subprotocols.to_vec(), begun }
    }

    /// Returns the processes of the server; none unless it runs a command.
    pub(super) fn processes(&self) -> Option<Arc<Processes>> {
        match &self.mode {
            Mode::Exec(exec) => Some(exec.processes()),
            _ => None,
        }
    }
}

impl ServerHandler for App {
    type Handler = Client;

    fn on_open(&mut self, server: &ServerHandle) {
        let _ = self.begun.set(server.clone());
        if let Mode::Print(speaker) = &self.mode {
            speaker.begin(server);
        }
    }

    fn on_connection(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Client> {
        if self.report.is_behind() {
            let busy = Response::text(503, "The reader of the output is slow\n");
            let busy = busy.header("Retry-After", "1");
            return Decision::respond(busy.unwrap_or_else(Response::from));
        }
        let known: Vec<_> = self.subprotocols.iter().map(String::as_str).collect();
        let accept = Accept::new().select_subprotocol(request, &known);
        let kind = match &self.mode {
            Mode::Print(speaker) => Kind::Print(Arc::clone(speaker)),
            Mode::Echo => Kind::Echo,
            Mode::Broadcast | Mode::Files(_) => Kind::Broadcast,
            Mode::Exec(exec) => match exec.start(request, accept.selected_subprotocol()) {
                Ok(carried) => Kind::Exec(carried),
                Err(response) => return Decision::respond(response),
            },
        };
        let handshake = self.report.handshake(request, &accept);
        Decision::accept_with(accept, Client::new(kind, Arc::clone(&self.report), handshake))
    }

    fn on_request(&mut self, server: &ServerHandle, request: &IncomingRequest) -> Decision<Client> {
        match &self.mode {
            Mode::Files(files) => files.answer(server, request),
            _ => Decision::decline(),
        }
    }

    fn on_error(&mut self, _: &ServerHandle, peer: Option<SocketAddr>, error: &Error) {
        self.report.not_opened(peer, error);
    }

    fn on_terminate(&mut self, _: &ServerHandle) {
        if let Mode::Print(speaker) = &self.mode {
            speaker.end();
        }
    }
}
