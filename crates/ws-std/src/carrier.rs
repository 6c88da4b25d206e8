//! What the thread of a server's connection does, from the handshake to the last call of its handler.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::{debug, error};
use ws_common::{Answer, Error, ServerHandle, ServerHandler};
use wsproto::Server;
use wsproto::handshake::Request;

use crate::{Stream, WebSocket, accept_with};

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
                debug!("no connection with {}: {error}", self.peer);
                let mut handler = self.handler();
                if !self.server.is_terminated() {
                    handler.on_error(&self.server, &error);
                }
            }
        }
    }

    /// Decides on a request; leaves what carries the connection in `accepted`.
    fn answer(&self, request: &Request, accepted: &mut Option<H::Connection>) -> Answer {
        let (answer, carrier) = Answer::of(&mut *self.handler(), &self.server, request);
        *accepted = carrier;
        answer
    }

    fn converse(&self, mut ws: WebSocket<Stream, Server>, handler: H::Connection) {
        ws.set_write_patience(self.write_patience);
        ws.set_high_water_mark(self.server.options().high_water_mark);
        let handle = ws.handle_of(Some(self.server.clone()));
        if !self.server.add(&handle) {
            return;
        }
        debug!("connection {} of {} is open", handle.id(), self.peer);
        match ws.carry(&handle, handler, || self.server.remove(&handle)) {
            Ok(info) => debug!("connection {} is closed: {info:?}", handle.id()),
            // Whoever wants to know what it said has a panic hook.
            Err(_) => error!("the handler of connection {} has panicked", handle.id()),
        }
        self.server.finish();
    }

    fn handler(&self) -> MutexGuard<'_, H> {
        self.handler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
