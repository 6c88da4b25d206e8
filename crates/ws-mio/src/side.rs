//! What the connections of a loop do differently at its two ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ws_common::adapter::Target;
use ws_common::{ConnectionHandler, Error, ServerHandle, WebSocketConnection};
use wsproto::handshake::ResponseError;
use wsproto::url::WsUrl;
use wsproto::{Client, Role, Server, SessionError};

#[cfg(feature = "tls")]
use crate::Stream;
use crate::WebSocket;
use crate::connection::{Connection, Phase};
use crate::dial::{DialContext, Dialing};
use crate::door::Entrance;
use crate::shared::Shared;

/// One end of a connection, in a loop.
pub(crate) trait Side: Role {
    /// Where a connection comes from.
    type Origin: Send + Sync + 'static;

    /// Returns the way into the loop that it belongs to.
    fn shared(origin: &Self::Origin) -> &Arc<Shared>;

    /// Whether payloads are masked, and so cannot be sent as they are.
    const MASKS: bool;

    fn server(origin: &Self::Origin) -> Option<&ServerHandle>;

    fn url(origin: &Self::Origin) -> Option<WsUrl>;

    fn high_water_mark(origin: &Self::Origin) -> usize;

    /// Answers the request that waits. Returns what will carry the connection.
    fn answer(connection: &Connection<Self>) -> Option<Box<dyn ConnectionHandler>>
    where
        Self: Sized;

    /// Deals with an error before the connection was open. Returns it for the connection's handler,
    /// if that is the one to be told.
    fn failed(connection: &Connection<Self>, error: Error) -> Option<Error>
    where
        Self: Sized;

    /// Goes on with opening a stream. Returns the connection on it, once there is one, and appends its
    /// request to `out`.
    fn dial(
        origin: &Self::Origin,
        dialing: &mut Dialing,
        context: &DialContext<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<WebSocket<Self>>, Error>
    where
        Self: Sized;

    /// Counts a connection that has opened; `false` if it is not wanted any more.
    fn add(origin: &Self::Origin, handle: &WebSocketConnection) -> bool;

    /// Counts a connection that was open no longer, before its handler's last call.
    fn remove(origin: &Self::Origin, handle: &WebSocketConnection);

    /// Notes that its handler was called for the last time.
    fn finish(origin: &Self::Origin);

    /// Notes the end of a connection that may never have been open.
    fn release(origin: &Self::Origin);
}

impl Side for Server {
    type Origin = Arc<Entrance>;

    const MASKS: bool = false;

    fn shared(entrance: &Arc<Entrance>) -> &Arc<Shared> {
        &entrance.shared
    }

    fn server(entrance: &Arc<Entrance>) -> Option<&ServerHandle> {
        Some(&entrance.door.server)
    }

    fn url(_: &Arc<Entrance>) -> Option<WsUrl> {
        None
    }

    fn high_water_mark(entrance: &Arc<Entrance>) -> usize {
        entrance.door.server.options().high_water_mark
    }

    fn answer(connection: &Connection<Self>) -> Option<Box<dyn ConnectionHandler>> {
        let request = match connection.lock().live() {
            Some((ws, _)) => ws.session().request().cloned(),
            None => None,
        }?;
        let (answer, carrier) = connection.origin.door.answer(&request);
        let mut inner = connection.lock();
        let (ws, out) = inner.live()?;
        if let Err(error) = answer.give(ws.session(), connection.shared().now(), out) {
            drop(inner);
            connection.origin.door.failed(&error);
            return None;
        }
        carrier
    }

    fn failed(connection: &Connection<Self>, error: Error) -> Option<Error> {
        log::debug!("no connection: {error}");
        connection.origin.door.failed(&error);
        None
    }

    fn dial(
        _: &Arc<Entrance>,
        _: &mut Dialing,
        _: &DialContext<'_>,
        _: &mut Vec<u8>,
    ) -> Result<Option<WebSocket<Self>>, Error> {
        Ok(None)
    }

    fn add(entrance: &Arc<Entrance>, handle: &WebSocketConnection) -> bool {
        entrance.door.server.add(handle)
    }

    fn remove(entrance: &Arc<Entrance>, handle: &WebSocketConnection) {
        entrance.door.server.remove(handle);
    }

    fn finish(entrance: &Arc<Entrance>) {
        entrance.door.server.finish();
    }

    fn release(entrance: &Arc<Entrance>) {
        entrance.door.server.release();
    }
}

/// What a client wants to be connected to.
pub(crate) struct Quest {
    shared: Arc<Shared>,
    high_water_mark: usize,
    target: Mutex<Target>,
}

impl Quest {
    pub(crate) fn new(shared: Arc<Shared>, target: Target) -> Self {
        let high_water_mark = target.options().high_water_mark;
        Self { shared, high_water_mark, target: Mutex::new(target) }
    }

    fn target(&self) -> MutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Side for Client {
    type Origin = Box<Quest>;

    const MASKS: bool = true;

    fn shared(quest: &Box<Quest>) -> &Arc<Shared> {
        &quest.shared
    }

    fn server(_: &Box<Quest>) -> Option<&ServerHandle> {
        None
    }

    fn url(quest: &Box<Quest>) -> Option<WsUrl> {
        Some(quest.target().request().url().clone())
    }

    fn high_water_mark(quest: &Box<Quest>) -> usize {
        quest.high_water_mark
    }

    fn answer(_: &Connection<Self>) -> Option<Box<dyn ConnectionHandler>> {
        None
    }

    fn failed(connection: &Connection<Self>, error: Error) -> Option<Error> {
        let Error::Session(SessionError::Response(ResponseError::Status(_))) = error else {
            return Some(error);
        };
        let mut inner = connection.lock();
        let response = inner.live().and_then(|(ws, _)| ws.session().take_response());
        let Some(response) = response else { return Some(error) };
        let mut target = connection.origin.target();
        match target.redirect(&response) {
            Ok(true) => {}
            Ok(false) => return Some(Error::Http(Box::new(response))),
            Err(error) => return Some(error),
        }
        log::debug!("redirected to {}", target.request().url().host_header());
        drop(target);
        inner.phase = Phase::Dialing(Box::new(Dialing::new()));
        None
    }

    fn dial(
        quest: &Box<Quest>,
        dialing: &mut Dialing,
        context: &DialContext<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<WebSocket<Self>>, Error> {
        let target = quest.target();
        let Some(tcp) = dialing.advance(&target, context)? else { return Ok(None) };
        let (request, config) = (target.request().clone(), Arc::clone(&target.options().config));
        #[cfg(feature = "tls")]
        let stream = match target.begin_tls()? {
            Some(tls) => Stream::over_tls(tcp, tls.into()),
            None => tcp.into(),
        };
        #[cfg(not(feature = "tls"))]
        let stream = tcp;
        Ok(Some(WebSocket::client(stream, request, config, context.now, out)?))
    }

    fn add(_: &Box<Quest>, _: &WebSocketConnection) -> bool {
        true
    }

    fn remove(_: &Box<Quest>, _: &WebSocketConnection) {}

    fn finish(_: &Box<Quest>) {}

    fn release(_: &Box<Quest>) {}
}
