//! Reports connections and messages: as lines of JSON on standard output, or in a few words on standard error.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ws_mio::wsproto::CloseInfo;
use ws_mio::wsproto::handshake::{Accept, Response};
use ws_mio::{Error, IncomingRequest, Message, WebSocketConnection};

use crate::exit::{Exit, Status};
use crate::format::Format;
use crate::jsonl::{End, Event, Head};
use crate::outlet::Outlet;
use crate::recorder::Recorder;
use crate::terminal::{printable, tell};

/// Reports connections and messages.
pub(super) struct Report {
    recorder: Recorder,
    verbose: bool,
    outlet: Arc<Outlet>,
    for_terminal: bool,
    /// The connections that did not open and are not reported yet.
    left_out: AtomicU64,
}

impl Report {
    pub(super) fn new(jsonl: bool, verbose: bool, outlet: Arc<Outlet>) -> Self {
        let for_terminal = io::stdout().is_terminal();
        let recorder = Recorder::new(jsonl, Arc::clone(&outlet));
        Self { recorder, verbose, outlet, for_terminal, left_out: AtomicU64::new(0) }
    }

    /// Returns whether the reader of standard output is too slow for further connections.
    pub(super) fn is_behind(&self) -> bool {
        self.outlet.is_behind()
    }

    /// Notes the handshake of a connection, for [`opened`](Self::opened).
    pub(super) fn handshake(&self, request: &IncomingRequest, accept: &Accept) -> Handshake {
        let told = self.recorder.is_on() || self.verbose;
        Handshake(told.then(|| Box::new((request.clone(), accept.clone()))))
    }

    pub(super) fn opened(&self, ws: &WebSocketConnection, handshake: &mut Handshake) {
        let Some(told) = handshake.0.take() else { return };
        let (request, accept) = *told;
        if self.verbose {
            let peer = peer(ws.peer_addr());
            let id = ws.id();
            tell(&format!(
                "ws: connection {id} from {peer} opened {}",
                printable(request.target())
            ));
        }
        if !self.recorder.is_on() {
            return;
        }
        let config = ws.server().map(|server| Arc::clone(&server.options().config));
        let answer = config.and_then(|config| accept.answer(&request, &config).ok());
        let response = answer.map_or(Response::new(101), |(response, _)| response);
        let scheme = if request.tls().is_some() { "wss" } else { "ws" };
        let url = format!("{scheme}://{}{}", request.host(), request.target());
        let (request, response) = (Head::of_incoming(&request), Head::of_response(&response));
        self.recorder.event(id(ws), || Event::open(ws, url, request, response));
    }

    /// Tells of a message that has arrived. The reader of standard output holds up the connection.
    pub(super) fn received(&self, ws: &WebSocketConnection, message: &Message) {
        self.recorder.arrived(ws, id(ws), || Event::message(End::Peer, message));
    }

    /// Prints a message that has arrived, without `--jsonl`.
    pub(super) fn print(&self, ws: &WebSocketConnection, message: &Message) {
        if !self.recorder.is_on() {
            self.outlet.push(ws, |out| Format::LINES.append(message, self.for_terminal, out));
        }
    }

    /// Tells of a message that a handler sends: to one connection, or to all others.
    pub(super) fn sending(&self, ws: Option<&WebSocketConnection>, message: &Message) {
        self.recorder.event(ws.and_then(id), || Event::message(End::Own, message));
    }

    /// As [`sending`](Self::sending), for a thread that may wait for the reader of standard output.
    pub(super) fn sending_and_waiting(&self, ws: Option<&WebSocketConnection>, message: &Message) {
        self.recorder.sending(ws.and_then(id), || Event::message(End::Own, message));
    }

    pub(super) fn ping(&self, ws: &WebSocketConnection, payload: &[u8]) {
        self.recorder.arrived(ws, id(ws), || Event::ping(End::Peer, payload));
    }

    pub(super) fn pong(&self, ws: &WebSocketConnection, payload: &[u8]) {
        self.recorder.arrived(ws, id(ws), || Event::pong(End::Peer, payload, ws.round_trip()));
    }

    pub(super) fn failed(&self, ws: &WebSocketConnection, error: &Error) {
        let exit = Exit::from_error(error);
        if self.verbose {
            tell(&format!("ws: connection {} failed: {}", ws.id(), printable(&exit.line)));
        }
        self.recorder.event(id(ws), || Event::error(&exit, None));
    }

    /// Tells of a client whose connection has not opened, or of the listener.
    pub(super) fn not_opened(&self, from: Option<SocketAddr>, error: &Error) {
        let exit = Exit::from_error(error);
        if self.verbose {
            let line = printable(&exit.line);
            tell(&format!("ws: a connection from {} did not open: {line}", peer(from)));
        }
        if self.outlet.is_behind() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match self.left_out.swap(0, Ordering::Relaxed) {
            0 => {}
            count => {
                let line = format!("{count} more did not open; the reader of this output was slow");
                let exit = Exit::new(Status::Lost, line);
                self.recorder.event(None, || Event::error(&exit, None));
            }
        }
        self.recorder.event(None, || Event::error(&exit, None));
    }

    pub(super) fn closed(&self, ws: &WebSocketConnection, info: &CloseInfo) {
        if self.verbose {
            let line = Exit::from_close(info).line;
            tell(&format!("ws: connection {} {}", ws.id(), printable(&line)));
        }
        self.recorder.event(id(ws), || Event::close(info));
    }
}

/// The handshake of a connection that is not open yet, if it is to be reported.
pub(super) struct Handshake(Option<Box<(IncomingRequest, Accept)>>);

/// Returns the id of a connection as a number.
fn id(ws: &WebSocketConnection) -> Option<u64> {
    ws.id().to_string().parse().ok()
}

fn peer(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| "this computer".into(), |address| address.to_string())
}
