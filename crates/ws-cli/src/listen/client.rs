//! The handler of a connection.

use std::sync::Arc;

use ws_mio::wsproto::{CloseCode, CloseInfo, PreparedMessage};
use ws_mio::{ConnectionHandler, Error, Message, TimerId, WebSocketConnection};

use super::exec::Bridge;
use super::report::{Handshake, Report};
use super::speaker::Speaker;

/// A client.
pub(super) struct Client {
    kind: Kind,
    report: Arc<Report>,
    handshake: Handshake,
}

/// The work of a connection with its messages.
pub(super) enum Kind {
    Print(Arc<Speaker>),
    Echo,
    Broadcast,
    Exec(Bridge),
}

impl Client {
    pub(super) const fn new(kind: Kind, report: Arc<Report>, handshake: Handshake) -> Self {
        Self { kind, report, handshake }
    }
}

impl ConnectionHandler for Client {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.report.opened(ws, &mut self.handshake);
        match &self.kind {
            Kind::Print(speaker) => speaker.opened(),
            Kind::Exec(bridge) => bridge.open(ws, &self.report),
            Kind::Echo | Kind::Broadcast => {}
        }
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        self.report.received(ws, &message);
        match &mut self.kind {
            Kind::Print(_) => self.report.print(ws, &message),
            Kind::Echo => {
                self.report.sending(Some(ws), &message);
                // There is always room for one reply a message. Fails if the connection is closing.
                let _ = ws.send(message);
            }
            Kind::Broadcast => {
                self.report.sending(None, &message);
                send_to_others(ws, &message);
            }
            Kind::Exec(bridge) => bridge.message(ws, message),
        }
    }

    fn on_drained(&mut self, _: &WebSocketConnection) {
        match &self.kind {
            Kind::Print(speaker) => speaker.drained(),
            Kind::Exec(bridge) => bridge.drained(),
            Kind::Echo | Kind::Broadcast => {}
        }
    }

    fn on_ping(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        self.report.ping(ws, payload);
    }

    fn on_pong(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        self.report.pong(ws, payload);
    }

    fn on_timer(&mut self, ws: &WebSocketConnection, _: TimerId) {
        if let Kind::Exec(bridge) = &mut self.kind {
            bridge.timer(ws);
        }
    }

    fn on_error(&mut self, ws: &WebSocketConnection, error: &Error) {
        self.report.failed(ws, error);
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        self.report.closed(ws, info);
        match &self.kind {
            Kind::Print(speaker) => speaker.closed(),
            Kind::Exec(bridge) => bridge.end(),
            Kind::Echo | Kind::Broadcast => {}
        }
    }
}

/// Sends a message to all other connections of the server. One that is too far behind is closed: it would miss
/// messages without knowing.
fn send_to_others(ws: &WebSocketConnection, message: &Message) {
    let Some(server) = ws.server() else { return };
    let prepared = match message {
        Message::Text(text) => PreparedMessage::text(text),
        Message::Binary(bytes) => PreparedMessage::binary(bytes),
    };
    for other in server.connections().iter().filter(|other| *other != ws) {
        if let Err(Error::WouldExceed(_)) = other.send_prepared(&prepared) {
            // A server may send 1013.
            let _ = other.terminate(CloseCode::TRY_AGAIN_LATER, "you read too slowly");
        }
    }
}
