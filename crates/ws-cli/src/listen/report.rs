//! What is told of the connections: lines of JSON on standard output, or a few words on standard error.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ws_mio::wsproto::CloseInfo;
use ws_mio::wsproto::handshake::{Accept, Response};
use ws_mio::{Error, IncomingRequest, Message, WebSocketConnection};

use crate::exit::{Exit, Status};
use crate::jsonl::{End, Event, Head, Line, micros, time_of_day};
use crate::pipe::{Format, Outlet};
use crate::terminal::{printable, tell};

/// Tells of connections.
pub(super) struct Report {
    jsonl: bool,
    verbose: bool,
    outlet: Arc<Outlet>,
    for_terminal: bool,
    begun: Instant,
    /// How many connections did not open, and are not told of yet.
    left_out: AtomicU64,
}

impl Report {
    pub(super) fn new(jsonl: bool, verbose: bool, outlet: Arc<Outlet>) -> Self {
        let for_terminal = io::stdout().is_terminal();
        Self {
            jsonl,
            verbose,
            outlet,
            for_terminal,
            begun: Instant::now(),
            left_out: AtomicU64::new(0),
        }
    }

    fn line<'a>(&self, ws: Option<&WebSocketConnection>, event: Event<'a>) -> Line<'a> {
        let connection = ws.and_then(|ws| ws.id().to_string().parse().ok());
        Line { at: micros(self.begun.elapsed()), connection, event }
    }

    fn event(&self, ws: Option<&WebSocketConnection>, event: Event<'_>) {
        if self.jsonl {
            let line = self.line(ws, event);
            self.outlet.push_event(|out| line.append(out));
        }
    }

    /// Returns whether the reader of standard output is too slow for further connections.
    pub(super) fn is_behind(&self) -> bool {
        self.outlet.is_behind()
    }

    /// Notes the handshake of a connection, for [`opened`](Self::opened).
    pub(super) fn handshake(&self, request: &IncomingRequest, accept: &Accept) -> Handshake {
        let told = self.jsonl || self.verbose;
        Handshake(told.then(|| Box::new((request.clone(), accept.clone()))))
    }

    pub(super) fn opened(&self, ws: &WebSocketConnection, handshake: &mut Handshake) {
        let Some(told) = handshake.0.take() else { return };
        let (request, accept) = *told;
        if self.verbose {
            let (id, peer) = (ws.id(), peer(ws.peer_addr()));
            tell(&format!(
                "ws: connection {id} from {peer} opened {}",
                printable(request.target())
            ));
        }
        if !self.jsonl {
            return;
        }
        let config = ws.server().map(|server| Arc::clone(&server.options().config));
        let answer = config.and_then(|config| accept.answer(&request, &config).ok());
        let response = answer.map_or(Response::new(101), |(response, _)| response);
        let extensions: Vec<_> = ws.extensions().iter().map(ToString::to_string).collect();
        let scheme = if request.tls().is_some() { "wss" } else { "ws" };
        self.event(
            Some(ws),
            Event::Open {
                time: time_of_day(),
                url: format!("{scheme}://{}{}", request.host(), request.target()).into(),
                peer: ws.peer_addr().map(|peer| peer.to_string().into()),
                subprotocol: ws.subprotocol().map(Into::into),
                extensions: (!extensions.is_empty()).then(|| extensions.join(", ").into()),
                request: Head::of_incoming(&request),
                response: Head::of_response(&response),
            },
        );
    }

    /// Tells of a message that has arrived. The reader of standard output holds up the connection.
    pub(super) fn received(&self, ws: &WebSocketConnection, message: &Message) {
        if self.jsonl {
            let line = self.line(Some(ws), Event::message(End::Peer, message));
            self.outlet.push(ws, |out| line.append(out));
        }
    }

    /// Prints a message that has arrived, for those who only want to see them.
    pub(super) fn print(&self, ws: &WebSocketConnection, message: &Message) {
        if !self.jsonl {
            self.outlet.push(ws, |out| Format::LINES.append(message, self.for_terminal, out));
        }
    }

    /// Tells of a message that a handler sends: to one connection, or to all others.
    pub(super) fn sending(&self, ws: Option<&WebSocketConnection>, message: &Message) {
        self.event(ws, Event::message(End::Own, message));
    }

    /// As [`sending`](Self::sending), for a thread that may wait for the reader of standard output.
    pub(super) fn sending_and_waiting(&self, ws: Option<&WebSocketConnection>, message: &Message) {
        if self.jsonl {
            let line = self.line(ws, Event::message(End::Own, message));
            self.outlet.push_and_wait(|out| line.append(out));
        }
    }

    pub(super) fn ping(&self, ws: &WebSocketConnection, payload: &[u8]) {
        if self.jsonl {
            let line = self.line(Some(ws), Event::ping(End::Peer, payload));
            self.outlet.push(ws, |out| line.append(out));
        }
    }

    pub(super) fn pong(&self, ws: &WebSocketConnection, payload: &[u8]) {
        if self.jsonl {
            let line = self.line(Some(ws), Event::pong(End::Peer, payload, ws.round_trip()));
            self.outlet.push(ws, |out| line.append(out));
        }
    }

    pub(super) fn failed(&self, ws: &WebSocketConnection, error: &Error) {
        let exit = Exit::from_error(error);
        if self.verbose {
            tell(&format!("ws: connection {} failed: {}", ws.id(), printable(&exit.line)));
        }
        self.event(Some(ws), Event::error(&exit, None));
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
                self.event(None, Event::error(&Exit::new(Status::Lost, line), None));
            }
        }
        self.event(None, Event::error(&exit, None));
    }

    pub(super) fn closed(&self, ws: &WebSocketConnection, info: &CloseInfo) {
        if self.verbose {
            let line = Exit::from_close(info).line;
            tell(&format!("ws: connection {} {}", ws.id(), printable(&line)));
        }
        self.event(Some(ws), Event::close(info));
    }
}

/// The handshake of a connection that is not open yet, if anybody wants to know.
pub(super) struct Handshake(Option<Box<(IncomingRequest, Accept)>>);

fn peer(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| "this computer".into(), |address| address.to_string())
}
