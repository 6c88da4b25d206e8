//! A toy adapter over a network in memory: the proof that an adapter is only waiting, reading and writing.
//! Each server and each client has one thread, which gives every connection a turn after each ring.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ws_common::WebSocketConnection;
use ws_common::adapter::{
    Acceptor, Connection, Connections, Conversation, Driver, Held, Link, TurnContext,
    client_endpoint, server_handle, spawn_server,
};
use ws_common::{ClientOptions, ConnectionHandler, RunningServer, ServerHandler, ServerOptions};
use wsproto::{Endpoint, Role, Server, handshake::ClientRequest, url::WsUrl};

use super::memory::{Bell, Listener, Memory, Stream, now, time_of};
use super::{Adapter, Client, Opening, Refused};

/// A toy adapter: an event loop in memory, without host names, proxies, redirects and TLS.
#[derive(Debug)]
pub enum Toy {}

impl Adapter for Toy {
    type Network = Memory;

    fn serve(options: ServerOptions, handler: impl ServerHandler) -> io::Result<RunningServer> {
        let bell = Arc::<Bell>::default();
        let (listener, waker) = (Listener::new(&bell), Arc::clone(&bell));
        let (address, wake) = (Some(listener.address()), move |_: &_| waker.ring());
        let server =
            server_handle(options, 1000, address, Connections::default(), wake, Instant::now);
        let acceptor = Arc::new(Acceptor::new(server.clone(), handler));
        let carrier = Loop::new(Origin { acceptor: Some(Arc::clone(&acceptor)), url: None, bell });
        spawn_server(server, move || carrier.serve(&acceptor, listener))
    }

    fn connect(
        request: ClientRequest,
        options: ClientOptions,
        handler: impl ConnectionHandler,
    ) -> Result<Client, Refused> {
        let (url, bell) = (request.url().clone(), Arc::<Bell>::default());
        let host: IpAddr = url.host().parse().map_err(io::Error::other)?;
        let stream = Stream::connect((host, url.port()).into(), &bell)?;
        let endpoint = client_endpoint(request, options.config, now())?;
        let (handler, opened) = Opening::new(handler);
        let mut client = Loop::new(Origin { acceptor: None, url: Some(url), bell });
        let ws = client.begin(stream, endpoint, Conversation::client(handler));
        opened.wait(ws, thread::Builder::new().spawn(move || while !client.round(None) {})?)
    }
}

/// The origin of a loop's connections, and the bell that wakes the loop.
#[derive(Clone)]
struct Origin {
    acceptor: Option<Arc<Acceptor>>,
    url: Option<WsUrl>,
    bell: Arc<Bell>,
}

impl<R: Role> Driver<R> for Origin {
    type Transport = Stream;

    fn now(&self) -> Duration {
        now()
    }

    fn changed(&self, mut held: Held<'_, R, Self>) {
        if held.begin_notice().is_some() {
            self.bell.ring();
        }
    }

    fn acceptor(&self) -> Option<&Acceptor> {
        self.acceptor.as_deref()
    }

    fn url(&self) -> Option<WsUrl> {
        self.url.clone()
    }
}

/// The connections of a server, or the one of a client, and the time of their next turn.
struct Loop<R: Role> {
    origin: Origin,
    connections: Vec<(Arc<Connection<R, Origin>>, Conversation)>,
    context: TurnContext,
    heard: u64,
    next: Option<Duration>,
}

impl<R: Role> Loop<R> {
    fn new(origin: Origin) -> Self {
        let context = TurnContext::new(now());
        Self { origin, connections: Vec::new(), context, heard: 0, next: None }
    }

    fn begin(
        &mut self,
        stream: Stream,
        endpoint: Endpoint<R>,
        conversation: Conversation,
    ) -> WebSocketConnection {
        let (origin, peer) = (self.origin.clone(), Some(stream.peer()));
        let connection = Arc::new(Connection::new(origin, Link::new(endpoint, stream), peer));
        connection.lock().set_key(0);
        let handle = connection.handle();
        self.connections.push((connection, conversation));
        self.next = Some(now());
        handle
    }

    /// Waits, then gives every connection a turn. Returns whether all are over.
    fn round(&mut self, until: Option<Duration>) -> bool {
        self.heard = self.origin.bell.wait(self.heard, self.next.into_iter().chain(until).min());
        self.context.now = now();
        self.next = None;
        self.connections.retain_mut(|(connection, conversation)| {
            let outcome = conversation.turn(connection, &mut self.context);
            self.next = self.next.into_iter().chain(outcome.due(self.context.now)).min();
            !outcome.gone
        });
        self.connections.iter().all(|(connection, _)| connection.lock().is_over())
    }
}

impl Loop<Server> {
    fn serve(mut self, acceptor: &Arc<Acceptor>, listener: Listener) -> io::Result<()> {
        let (server, mut listener) = (acceptor.server(), Some(listener));
        acceptor.announce();
        acceptor.join();
        while !(self.round(acceptor.deadline().map(time_of)) && server.is_ending()) {
            acceptor.call_timers();
            listener = listener.filter(|_| !server.is_ending());
            while let Some(stream) = listener.as_ref().and_then(Listener::accept) {
                let peer = Some(stream.peer());
                let Some((endpoint, conversation)) = acceptor.accept(now(), peer) else { continue };
                self.begin(stream, endpoint, conversation);
            }
            if acceptor.end_deadline().is_some_and(|at| at <= Instant::now()) {
                self.connections.iter().for_each(|(connection, _)| connection.handle().abort());
            }
        }
        drop(listener);
        acceptor.leave();
        Ok(())
    }
}
