//! What the thread of a server's connection does, from the handshake to the last call of its handler.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ws_objects::{
    Accepted, Answer, ConnectionHandler, ConnectionLink, Error, Message, ServerHandle,
    ServerHandler, WebSocketConnection,
};
use wsproto::handshake::{Request, RequestError, Response};
use wsproto::{CloseCode, CloseFrame, PreparedMessage, ReadyState, Server};

use crate::{Stream, WebSocket, Writer, accept_with};

/// What one connection's thread works with.
pub(crate) struct Carrier<H> {
    pub(crate) server: ServerHandle,
    pub(crate) handler: Arc<Mutex<H>>,
    pub(crate) peer: SocketAddr,
    pub(crate) write_patience: Option<Duration>,
}

impl<H: ServerHandler> Carrier<H> {
    pub(crate) fn carry(&self, stream: io::Result<Stream>) {
        let mut accepted = None;
        let config = Arc::clone(&self.server.options().config);
        let opened = stream.map_err(Error::from).and_then(|stream| {
            accept_with(stream, config, |request| self.answer(request, &mut accepted))
        });
        match (opened, accepted) {
            (Ok(Some(ws)), Some(handler)) => self.converse(ws, handler),
            (Ok(_), _) => {}
            (Err(error), _) => {
                self.with_handler(|handler| handler.on_error(&self.server, &error));
            }
        }
    }

    /// Decides on a request; leaves what carries the connection in `accepted`.
    fn answer(&self, request: &Request, accepted: &mut Option<H::Connection>) -> Answer {
        if request.check_upgrade() == Err(RequestError::NoUpgrade) {
            let page = self.with_handler(|handler| handler.on_request(&self.server, request));
            return match page.flatten() {
                Some(page) => Answer::Respond(page),
                // Which is a refusal, because the request asks for no connection.
                None => Answer::Accept(wsproto::handshake::Accept::new()),
            };
        }
        if let Some(refusal) = self.server.options().refusal(request) {
            return Answer::Respond(refusal);
        }
        match self.with_handler(|handler| handler.on_connection(&self.server, request)) {
            Some(Ok(Accepted { accept, handler })) => {
                *accepted = Some(handler);
                Answer::Accept(accept)
            }
            Some(Err(refusal)) => Answer::Respond(refusal),
            None => Answer::Respond(Response::text(503, "The server has ended\n")),
        }
    }

    fn converse(&self, mut ws: WebSocket<Stream, Server>, mut handler: H::Connection) {
        ws.set_write_patience(self.write_patience);
        let (server, subprotocol) = (self.server.clone(), ws.subprotocol());
        let link = ws.writer();
        let handle =
            WebSocketConnection::new(server, Some(self.peer), subprotocol.as_deref(), link);
        if !self.server.add(&handle) {
            return;
        }
        let mut panicked = guard(|| handler.on_open(&handle)).is_err();
        loop {
            if panicked {
                // The handler is not called again; the peer learns that it was not at fault.
                let frame = CloseFrame::new(CloseCode::INTERNAL_ERROR, "").ok();
                let _ = ws.writer().close_soon(frame.as_ref());
                let _ = ws.wait_closed();
                break;
            }
            match ws.recv() {
                Ok(Some(message)) => {
                    panicked = guard(|| handler.on_message(&handle, message)).is_err();
                }
                Ok(None) => break,
                Err(error) => panicked = guard(|| handler.on_error(&handle, &error)).is_err(),
            }
        }
        self.server.remove(&handle);
        if let (false, Some(info)) = (panicked, ws.close_info()) {
            // There is nobody left to tell.
            let _ = guard(|| handler.on_terminate(&handle, info));
        }
        // Before the server ends, for what it does then, too.
        let _ = guard(|| drop(handler));
        self.server.finish();
    }

    /// Calls the server's handler, unless it was called for the last time.
    fn with_handler<T>(&self, call: impl FnOnce(&mut H) -> T) -> Option<T> {
        let mut handler = self.handler.lock().unwrap_or_else(PoisonError::into_inner);
        (!self.server.is_terminated()).then(|| call(&mut handler))
    }
}

/// Calls a handler, which may panic.
fn guard(call: impl FnOnce()) -> Result<(), Box<dyn Any + Send>> {
    panic::catch_unwind(AssertUnwindSafe(call))
}

impl ConnectionLink for Writer<Server> {
    fn ready_state(&self) -> ReadyState {
        Self::ready_state(self)
    }

    fn send(&self, message: Message) -> Result<(), Error> {
        Self::send(self, message)
    }

    fn send_prepared(&self, message: &PreparedMessage) -> Result<(), Error> {
        Self::send_prepared(self, message)
    }

    fn close(&self, frame: Option<CloseFrame<'_>>) -> Result<(), Error> {
        self.close_soon(frame.as_ref())
    }

    fn abort(&self) {
        Self::abort(self);
    }
}
