//! The way into a loop, for clients' connections.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use ws_common::adapter::Target;
use ws_common::{ClientOptions, ConnectionHandler, ConnectionLink, Error, WebSocketConnection};
use wsproto::Client;
use wsproto::handshake::ClientRequest;

use crate::connection::{Connection, Phase};
use crate::dial::Dialing;
use crate::shared::Shared;
use crate::side::Quest;

/// A way into an event loop, from any thread and from callbacks.
#[derive(Clone, Debug)]
pub struct LoopHandle(Arc<Shared>);

impl LoopHandle {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Begins a client's connection, as [`EventLoop::connect`](crate::EventLoop::connect) does.
    ///
    /// # Errors
    ///
    /// As [`EventLoop::connect`](crate::EventLoop::connect), and [`Error::Io`] if the loop has ended.
    pub fn connect(
        &self,
        request: ClientRequest,
        options: impl Into<ClientOptions>,
        handler: impl ConnectionHandler,
    ) -> Result<WebSocketConnection, Error> {
        let target = Target::new(request, options.into())?;
        let quest = Box::new(Quest::new(Arc::clone(&self.0), target));
        let phase = Phase::Dialing(Box::new(Dialing::new()));
        let connection = Arc::new(Connection::<Client>::new(quest, phase));
        let handle = WebSocketConnection::new(Arc::clone(&connection) as Arc<dyn ConnectionLink>);
        if !self.0.post(|inbox| inbox.begun.push((connection, Box::new(handler)))) {
            return Err(io::Error::from(ErrorKind::NotConnected).into());
        }
        Ok(handle)
    }
}
