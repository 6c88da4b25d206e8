//! What the handles of a connection do.

use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use ws_common::{ConnectionId, ConnectionLink, Error, Outgoing, SendStatus, ServerHandle};
use wsproto::url::WsUrl;
use wsproto::{CloseFrame, ReadyState, Role};

use crate::Stream;
use crate::link::Shared;
use crate::patience::{HARDLY, Patience};
use crate::transport::Control;

/// The link of one connection.
pub(crate) struct Handle<R: Role> {
    pub(crate) id: ConnectionId,
    pub(crate) link: Shared<R>,
    pub(crate) stream: Stream,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) url: Option<WsUrl>,
    pub(crate) server: Option<ServerHandle>,
}

impl<R: Role> ConnectionLink for Handle<R> {
    fn id(&self) -> &ConnectionId {
        &self.id
    }

    fn server(&self) -> Option<&ServerHandle> {
        self.server.as_ref()
    }

    fn url(&self) -> Option<WsUrl> {
        self.url.clone()
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn subprotocol(&self) -> Option<String> {
        self.link.lock().session.subprotocol().map(Into::into)
    }

    fn ready_state(&self) -> ReadyState {
        self.link.lock().session.ready_state()
    }

    fn buffered_amount(&self) -> usize {
        self.link.lock().buffered_amount()
    }

    fn round_trip(&self) -> Option<Duration> {
        self.link.lock().session.round_trip()
    }

    fn send(&self, outgoing: Outgoing<'_>) -> Result<SendStatus, Error> {
        let mut stream = self.stream.clone();
        self.link.send(&mut Control::own().sink(&mut stream), |link| link.send(&outgoing))
    }

    fn close(&self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        self.link.lock().close_with(frame)?;
        // If it takes longer, the thread that receives goes on with it; if it fails, that thread says so.
        // It may also have brought everything to a good end meanwhile, and shut the stream down.
        let mut stream = self.stream.clone();
        let _ = self.link.write(&mut Control::own().sink(&mut stream), Patience::new(Some(HARDLY)));
        Ok(())
    }

    fn abort(&self) {
        self.link.lock().session.abort();
        // Releases who waits for the stream, in either direction. If the peer is gone, it has ended.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
