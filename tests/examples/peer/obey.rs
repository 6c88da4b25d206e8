//! The handler of a server that obeys commands, for any adapter.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ws_common::wsproto::handshake::{Accept, AcceptError, Response};
use ws_common::wsproto::{CloseCode, CloseError, CloseFrame, CloseInfo};
use ws_common::{
    ConnectionHandler, Decision, Error, IncomingRequest, Message, WebSocketConnection,
};

use crate::{Outcome, pattern};

const SUBPROTOCOLS: &[&str] = &["chat.v2", "chat.v1"];

/// Decides on a request.
pub(crate) fn welcome(request: &IncomingRequest, ends: &Arc<Ends>) -> Decision<Obey> {
    match admit(request) {
        Ok(accept) => Decision::accept_with(accept, Obey::new(request, ends)),
        Err(response) => Decision::respond(response),
    }
}

/// Returns how to accept a connection, or the refusal.
pub(crate) fn admit(request: &IncomingRequest) -> Result<Accept, Response> {
    let status = request.path().strip_prefix("/refuse/").and_then(|status| status.parse().ok());
    match status {
        Some(status) => Err(Response::text(status, "not today\n")),
        None => accept(request).map_err(|error| Response::text(500, &error.to_string())),
    }
}

fn accept(request: &IncomingRequest) -> Result<Accept, AcceptError> {
    Accept::new()
        .select_subprotocol(request, SUBPROTOCOLS)
        .header("Set-Cookie", "seen=1")?
        .header("Set-Cookie", "theme=dark; HttpOnly")
}

/// A connection that obeys commands.
pub(crate) struct Obey {
    head: String,
    id: Option<String>,
    ends: Arc<Ends>,
}

impl Obey {
    pub(crate) fn new(request: &IncomingRequest, ends: &Arc<Ends>) -> Self {
        let mut head = String::new();
        for (name, value) in request.headers().iter() {
            let value = String::from_utf8_lossy(value);
            head += &format!("{}: {value}\n", name.to_ascii_lowercase());
        }
        let mut pairs = request.query_pairs();
        let id = pairs.find(|(name, _)| name == "id").map(|(_, id)| id.into_owned());
        Self { head, id, ends: Arc::clone(ends) }
    }

    fn obey(&self, ws: &WebSocketConnection, message: Message) -> Outcome {
        let Message::Text(text) = &message else {
            ws.send(message)?;
            return Ok(());
        };
        let (command, rest) = text.split_once(' ').unwrap_or((text, ""));
        match command {
            "close" => ws.close_with(close_frame(rest)?)?,
            "abort" => ws.abort(),
            "ping" => drop(ws.ping(rest.as_bytes())?),
            "headers" => drop(ws.send_text(&self.head)?),
            "large" => drop(ws.send_binary(&pattern(rest.parse()?))?),
            "ended" => self.ends.ask(rest, ws)?,
            _ => drop(ws.send(message)?),
        }
        Ok(())
    }
}

impl ConnectionHandler for Obey {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        if let Err(error) = self.obey(ws, message) {
            // Fails if the connection is closing.
            eprintln!("{error}");
        }
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        eprintln!("{error}");
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        if let Some(id) = self.id.take() {
            self.ends.tell(id, info);
        }
    }
}

/// Parses `[CODE [REASON]]`.
fn close_frame(text: &str) -> Result<Option<CloseFrame<'_>>, CloseError> {
    let (code, reason) = text.split_once(' ').unwrap_or((text, ""));
    let code = code.parse().ok().map(CloseCode::new);
    code.map(|code| CloseFrame::new(code, reason)).transpose()
}

/// The ends of connections by their IDs, and the connection that asked for an end still to come.
#[derive(Default)]
pub(crate) struct Ends(Mutex<HashMap<String, End>>);

enum End {
    Told(String),
    Asked(WebSocketConnection),
}

impl Ends {
    fn tell(&self, id: String, info: &CloseInfo) {
        let clean = if info.was_clean { "clean" } else { "unclean" };
        let end = format!("{} {clean} {}", u16::from(info.code), info.reason);
        let before = self.lock().insert(id, End::Told(end.clone()));
        if let Some(End::Asked(by)) = before {
            // Fails if the asking connection has ended.
            let _ = by.send(end);
        }
    }

    /// Answers at once, or once the connection `id` has ended.
    fn ask(&self, id: &str, ws: &WebSocketConnection) -> Result<(), Error> {
        let mut ends = self.lock();
        if let Some(End::Told(end)) = ends.get(id) {
            ws.send_text(end)?;
        } else {
            ends.insert(id.into(), End::Asked(ws.clone()));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, End>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
