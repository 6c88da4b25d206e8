//! The event loop: waits, and gives every connection its turn.

use std::io::{self, ErrorKind};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::info;
use mio::event::{Event, Source};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use ws_common::{
    ClientOptions, ConnectionHandler, Error, ServerHandle, ServerHandler, WebSocketConnection,
};
use wsproto::handshake::ClientRequest;

use crate::connection::{Connection, Phase};
use crate::deadlines::{Armed, Deadlines};
use crate::door::{Door, Entrance};
use crate::listening::Listening;
use crate::loop_handle::LoopHandle;
use crate::shared::{Shared, Slot};
use crate::turn::{Carrier, Kit, Turns};
use crate::{Stream, WebSocket, WebSocketServer};

/// The bytes that one read takes at most.
const READ_SIZE: usize = 64 << 10;

/// How many events are taken from the system at once.
const EVENTS: usize = 1024;

const WAKER: Token = Token(usize::MAX);

/// An event loop with the connections of servers and clients, in one thread.
///
/// ```
/// use ws_mio::wsproto::{CloseCode, handshake::ClientRequest, url::WsUrl};
/// use ws_mio::{Accepted, EventLoop, Message, WebSocketConnection, WebSocketServer};
///
/// let server = WebSocketServer::bind("127.0.0.1:0")?;
/// let url = format!("ws://{}/", server.local_addr()?);
///
/// let mut event_loop = EventLoop::new()?;
/// let server = event_loop.serve(server, |_: &_, _: &_| {
///     Ok(Accepted::new(|ws: &WebSocketConnection, message: Message| {
///         // Whoever is gone meanwhile gets no echo.
///         let _ = ws.send(message);
///     }))
/// })?;
/// let client = event_loop.connect(
///     ClientRequest::new(WsUrl::parse(&url)?),
///     ws_mio::ClientOptions::default(),
///     Greeter(server),
/// )?;
/// event_loop.run()?;
/// assert_eq!(client.status(), ws_mio::wsproto::ReadyState::Closed);
///
/// struct Greeter(ws_mio::ServerHandle);
///
/// impl ws_mio::ConnectionHandler for Greeter {
///     fn on_open(&mut self, ws: &WebSocketConnection) {
///         ws.send("Hello").expect("it is open");
///     }
///
///     fn on_message(&mut self, _: &WebSocketConnection, message: Message) {
///         assert_eq!(message, "Hello".into());
///         self.0.terminate(None);
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventLoop {
    poll: Poll,
    shared: Arc<Shared>,
    listeners: Slab<Listening>,
    deadlines: Deadlines,
    /// Whose turn comes before the loop waits again.
    again: Vec<Token>,
    kit: Kit,
}

impl EventLoop {
    /// Makes a loop with nothing to do.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system has no means to wait for events.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let shared = Arc::new(Shared::new(poll.registry(), WAKER)?);
        let kit = Kit {
            now: shared.now(),
            input: vec![0; READ_SIZE].into(),
            scratch: Some(Box::default()),
            registry: poll.registry().try_clone()?,
        };
        Ok(Self {
            poll,
            shared,
            listeners: Slab::new(),
            deadlines: Deadlines::default(),
            again: Vec::new(),
            kit,
        })
    }

    /// Returns a way into the loop, for other threads and for callbacks.
    #[must_use]
    pub fn handle(&self) -> LoopHandle {
        LoopHandle::new(Arc::clone(&self.shared))
    }

    /// Adds a server, which is served as soon as the loop runs, until [`ServerHandle::terminate`] is
    /// called. A server that was [bound for several threads](WebSocketServer::bind_threads) has only this
    /// one here.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the listener cannot be registered.
    pub fn serve(
        &mut self,
        server: WebSocketServer,
        handler: impl ServerHandler,
    ) -> io::Result<ServerHandle> {
        let (door, listeners) = server.open(handler, vec![Arc::clone(&self.shared)])?;
        for listener in listeners {
            self.listen(listener, &door)?;
        }
        door.opened();
        Ok(door.server.clone())
    }

    pub(crate) fn listen(
        &mut self,
        listener: std::net::TcpListener,
        door: &Arc<Door>,
    ) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let mut listener = mio::net::TcpListener::from_std(listener);
        let token = listener_token(self.listeners.vacant_key());
        self.kit.registry.register(&mut listener, token, Interest::READABLE)?;
        info!("accepting at {:?}", listener.local_addr());
        door.enter();
        let entrance = Entrance { door: Arc::clone(door), shared: Arc::clone(&self.shared) };
        let (listener, entrance) = (Some(listener), Arc::new(entrance));
        self.listeners.insert(Listening { listener, entrance, retry_at: None });
        // Somebody may wait already.
        self.again.push(token);
        Ok(())
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Begins a client's connection. Its handler learns how that goes: by
    /// [`on_open`](ConnectionHandler::on_open), or by [`on_error`](ConnectionHandler::on_error) and
    /// [`on_terminate`](ConnectionHandler::on_terminate).
    ///
    /// # Errors
    ///
    /// [`Error`], if the request cannot be made; no socket was opened.
    pub fn connect(
        &mut self,
        request: ClientRequest,
        options: impl Into<ClientOptions>,
        handler: impl ConnectionHandler,
    ) -> Result<WebSocketConnection, Error> {
        self.handle().connect(request, options, handler)
    }

    /// Runs until there is no server and no connection left: at once, if nothing was begun.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot wait for events.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            self.take_messages();
            self.look_for_ends();
            if self.shared.slots().is_empty() && self.listeners.is_empty() && self.shared.end() {
                return Ok(());
            }
            self.wait(&mut events)?;
            let again = mem::take(&mut self.again);
            for event in &events {
                self.turn(event.token(), Some(event));
            }
            for token in again {
                self.turn(token, None);
            }
            while let Some(key) = self.deadlines.due(self.kit.now) {
                self.turn(Token(key), None);
            }
        }
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        events.clear();
        let retries = self.listeners.iter().filter_map(|(_, listening)| listening.retry_at);
        let ends = self.listeners.iter().filter_map(|(_, listening)| {
            let at = listening.entrance.door.server.deadline()?;
            listening.listener.is_none().then(|| self.shared.time_of(at))
        });
        let first = retries.chain(ends).chain(self.deadlines.first()).min();
        let may_wait = self.again.is_empty() && self.shared.fall_asleep();
        let timeout = match first {
            _ if !may_wait => Some(Duration::ZERO),
            first => first.map(|at| at.saturating_sub(self.shared.now())),
        };
        let polled = self.poll.poll(events, timeout);
        self.shared.wake_up();
        self.kit.now = self.shared.now();
        match polled {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for (index, listening) in &self.listeners {
            if listening.retry_at.is_some_and(|at| at <= self.kit.now) {
                self.again.push(listener_token(index));
            }
        }
        Ok(())
    }

    /// Takes what other threads, and callbacks, have left.
    fn take_messages(&mut self) {
        let inbox = self.shared.take_inbox();
        for (key, id, found) in inbox.found {
            let connection = self.shared.slots().get(key).map(|slot| Arc::clone(&slot.connection));
            // It may be given up, and another one in its place.
            if let Some(connection) = connection.filter(|connection| *connection.id() == id) {
                connection.found(found, self.kit.now);
                self.turn(Token(key), None);
            }
        }
        for (connection, carrier) in inbox.begun {
            self.begin(&connection, Some(carrier));
        }
        for key in inbox.changed {
            self.turn(Token(key), None);
        }
    }

    fn begin(&mut self, connection: &Arc<dyn Turns>, carrier: Carrier) {
        let slot = Slot { connection: Arc::clone(connection), carrier, armed: Armed::NEVER };
        let key = self.shared.slots().insert(slot);
        connection.settled(key);
        self.turn(Token(key), None);
    }

    fn turn(&mut self, token: Token, event: Option<&Event>) {
        if token == WAKER {
            return;
        }
        if let Some(index) = listener_index(token) {
            return self.accept(index);
        }
        let Token(key) = token;
        let (connection, mut carrier) = match self.shared.slots().get_mut(key) {
            Some(slot) => (Arc::clone(&slot.connection), slot.carrier.take()),
            // It has ended since this was asked for.
            None => return,
        };
        let after = connection.turn(&mut self.kit, &mut carrier, event);
        if after.again {
            self.again.push(token);
        }
        let mut slots = self.shared.slots();
        let Some(slot) = slots.get_mut(key) else { return };
        self.deadlines.set(key, &mut slot.armed, Armed::at(after.deadline));
        slot.carrier = carrier;
        if after.finished {
            let over = slots.remove(key);
            drop(slots);
            drop(over);
        }
    }

    fn accept(&mut self, index: usize) {
        let Some(listening) = self.listeners.get_mut(index) else { return };
        let (streams, more) = listening.accept(self.kit.now);
        let entrance = Arc::clone(&listening.entrance);
        for stream in streams {
            self.welcome(stream, &entrance);
        }
        if more {
            self.again.push(listener_token(index));
        }
    }

    fn welcome(&mut self, stream: Stream, entrance: &Arc<Entrance>) {
        let door = &entrance.door;
        let config = Arc::clone(&door.server.options().config);
        let mut ws = WebSocket::server(stream, config, self.kit.now);
        let both = Interest::READABLE | Interest::WRITABLE;
        let token = Token(self.shared.slots().vacant_key());
        if let Err(error) = ws.register(&self.kit.registry, token, both) {
            door.failed(&error.into());
            return door.server.release();
        }
        let connection = Connection::new(Arc::clone(entrance), Phase::Live(ws));
        let connection: Arc<dyn Turns> = Arc::new(connection);
        self.begin(&connection, None);
    }

    /// Stops accepting for servers that are ending; ends their connections when the time has come, and
    /// leaves those that have none left.
    fn look_for_ends(&mut self) {
        let (now, mut left) = (Instant::now(), Vec::new());
        for (index, listening) in &mut self.listeners {
            let server = &listening.entrance.door.server;
            if !server.is_ending() {
                continue;
            }
            listening.listener = None;
            listening.retry_at = None;
            let connections = self.shared.connections_of(server);
            if connections.is_empty() {
                left.push(index);
            } else if server.deadline().is_some_and(|at| at <= now) {
                connections.iter().for_each(|connection| connection.abort());
            }
        }
        for index in left {
            self.listeners.remove(index).entrance.door.leave();
        }
    }
}

const fn listener_token(index: usize) -> Token {
    Token(WAKER.0 - 1 - index)
}

/// Which listener a token is for, if any; connections are never so many.
fn listener_index(token: Token) -> Option<usize> {
    let index = WAKER.0 - 1 - token.0;
    (index < usize::MAX / 2).then_some(index)
}

/// Connections that are left, if the loop does not run to its end, end at once; their handlers are not
/// called.
impl Drop for EventLoop {
    fn drop(&mut self) {
        let left = (mem::take(&mut *self.shared.slots()), self.shared.give_up());
        drop(left);
    }
}

impl std::fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventLoop")
            .field("connections", &self.shared.slots().len())
            .field("listeners", &self.listeners.len())
            .finish_non_exhaustive()
    }
}
