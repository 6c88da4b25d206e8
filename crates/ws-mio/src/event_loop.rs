//! The event loop: waits, and gives every connection its turn.

use std::io::{self, ErrorKind};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use log::info;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use ws_common::adapter::{Acceptor, Admission, Connection, Conversation, Link};
use ws_common::{
    ClientOptions, ConnectionHandler, Error, ServerHandle, ServerHandler, WebSocketConnection,
};
use wsproto::handshake::ClientRequest;

use crate::deadlines::{Armed, Deadlines};
use crate::listener::{Arrival, Listener};
use crate::loop_handle::{LoopHandle, connect};
use crate::origin::{Accepted, LoopServer};
use crate::shared::Shared;
use crate::slot::{Cause, DynConnection, LoopContext, Slot};
use crate::{Stream, WebSocketServer};

/// The bytes that one read takes at most.
const READ_SIZE: usize = 64 << 10;

/// How many events are taken from the system at once.
const EVENTS: usize = 1024;

const WAKER: Token = Token(usize::MAX);

/// An event loop with the connections of servers and clients, in one thread.
///
/// ```
/// use ws_mio::wsproto::{CloseCode, handshake::ClientRequest, url::WsUrl};
/// use ws_mio::{
///     Decision, EventLoop, Message, ServerOptions, WebSocketConnection, WebSocketServer,
/// };
///
/// let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?;
/// let url = format!("ws://{}/", server.local_addr()?);
///
/// let mut event_loop = EventLoop::new()?;
/// let server = event_loop.serve(server, |_: &_, _: &_| {
///     Decision::accept(|ws: &WebSocketConnection, message: Message| {
///         // A peer that is gone meanwhile gets no echo.
///         let _ = ws.send(message);
///     })
/// })?;
/// let client = event_loop.connect(
///     ClientRequest::new(WsUrl::parse(&url)?),
///     ws_mio::ClientOptions::default(),
///     Greeter(server),
/// )?;
/// event_loop.run()?;
/// assert_eq!(client.ready_state(), ws_mio::wsproto::ReadyState::Closed);
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
    listeners: Slab<Listener>,
    deadlines: Deadlines,
    /// Connections and listeners that have more to do before the loop waits, each once.
    queue: Vec<Token>,
    context: LoopContext,
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
        let context = LoopContext {
            now: shared.now(),
            input: vec![0; READ_SIZE].into(),
            outbox: Some(Box::default()),
            registry: poll.registry().try_clone()?,
            lingering: 0,
        };
        Ok(Self {
            poll,
            shared,
            listeners: Slab::new(),
            deadlines: Deadlines::default(),
            queue: Vec::new(),
            context,
        })
    }

    /// Returns a way into the loop, for other threads and for callbacks. As long as there is one, the loop
    /// goes on.
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
        let (acceptor, listeners) = server.open(handler, vec![Arc::clone(&self.shared)])?;
        for listener in listeners {
            self.listen(listener, &acceptor)?;
        }
        acceptor.opened();
        Ok(acceptor.server().clone())
    }

    pub(crate) fn listen(
        &mut self,
        listener: std::net::TcpListener,
        acceptor: &Arc<Acceptor>,
    ) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let mut socket = mio::net::TcpListener::from_std(listener);
        let token = listener_token(self.listeners.vacant_key());
        self.context.registry.register(&mut socket, token, Interest::READABLE)?;
        info!("accepting at {:?}", socket.local_addr());
        acceptor.join();
        let server =
            LoopServer { acceptor: Arc::clone(acceptor), shared: Arc::clone(&self.shared) };
        // Clients may wait already.
        self.queue.push(token);
        self.listeners.insert(Listener {
            socket: Some(socket),
            server: Arc::new(server),
            retry_at: None,
            queued: true,
        });
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
        connect(&self.shared, request, options.into(), handler)
    }

    /// Runs until there is no server, no connection and no [`LoopHandle`] left, or until
    /// [`LoopHandle::stop`] is called: at once, if nothing was begun. Transports that only linger are not
    /// waited for.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot wait for events.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            if self.read_mail() {
                return Ok(());
            }
            self.look_for_ends();
            if self.has_nothing_to_do() && self.shared.end() {
                return Ok(());
            }
            self.wait(&mut events)?;
            let queue = mem::take(&mut self.queue);
            for event in &events {
                self.turn(event.token(), Cause::Ready(event));
            }
            for token in queue {
                self.turn(token, Cause::Queued);
            }
            for key in self.deadlines.due(self.context.now) {
                self.turn(Token(key), Cause::Other);
            }
        }
    }

    fn has_nothing_to_do(&self) -> bool {
        self.listeners.is_empty()
            && self.shared.handles.load(Ordering::SeqCst) == 0
            && self.shared.slots().iter().all(|(_, slot)| slot.connection.is_over())
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        events.clear();
        let retries = self.listeners.iter().filter_map(|(_, listener)| listener.retry_at);
        let ends = self.listeners.iter().filter_map(|(_, listener)| {
            let at = listener.server.acceptor.server().deadline()?;
            listener.socket.is_none().then(|| self.shared.time_of(at))
        });
        let first = retries.chain(ends).chain(self.deadlines.first()).min();
        let may_wait = self.queue.is_empty() && self.shared.fall_asleep();
        let timeout = match first {
            _ if !may_wait => Some(Duration::ZERO),
            first => first.map(|at| at.saturating_sub(self.shared.now())),
        };
        let polled = self.poll.poll(events, timeout);
        self.shared.wake_up();
        self.context.now = self.shared.now();
        match polled {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for (index, listener) in &mut self.listeners {
            if listener.retry_at.is_some_and(|at| at <= self.context.now)
                && !mem::replace(&mut listener.queued, true)
            {
                self.queue.push(listener_token(index));
            }
        }
        Ok(())
    }

    /// Takes what other threads, and callbacks, have left. Returns whether the loop is to stop.
    fn read_mail(&mut self) -> bool {
        let mail = self.shared.take_mail();
        for (connection, conversation) in mail.begun {
            self.begin(&connection, Some(conversation));
        }
        for key in mail.changed {
            self.turn(Token(key), Cause::Other);
        }
        mail.stop
    }

    fn begin(&mut self, connection: &Arc<dyn DynConnection>, conversation: Option<Conversation>) {
        let slot = Slot { connection: Arc::clone(connection), conversation, armed: Armed::NEVER };
        let key = self.shared.slots().insert(slot);
        connection.settle(key);
        self.turn(Token(key), Cause::Other);
    }

    fn turn(&mut self, token: Token, cause: Cause<'_>) {
        if token == WAKER {
            return;
        }
        if let Some(index) = listener_index(token) {
            return self.accept(index, cause);
        }
        let Token(key) = token;
        let (connection, mut conversation) = match self.shared.slots().get_mut(key) {
            Some(slot) => (Arc::clone(&slot.connection), slot.conversation.take()),
            // It has ended since this was asked for.
            None => return,
        };
        let outcome = connection.turn(&mut self.context, &mut conversation, cause);
        if outcome.queue {
            self.queue.push(token);
        }
        let mut slots = self.shared.slots();
        let Some(slot) = slots.get_mut(key) else { return };
        self.deadlines.set(key, &mut slot.armed, Armed::at(outcome.deadline));
        slot.conversation = conversation;
        if outcome.finished {
            let over = slots.remove(key);
            drop(slots);
            drop(over);
        }
    }

    fn accept(&mut self, index: usize, cause: Cause<'_>) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        if let Cause::Queued = cause {
            listener.queued = false;
        }
        let mut arrivals = Vec::new();
        if listener.accept(self.context.now, &mut arrivals)
            && !mem::replace(&mut listener.queued, true)
        {
            self.queue.push(listener_token(index));
        }
        let server = Arc::clone(&listener.server);
        for arrival in arrivals {
            if let Err(error) = self.register(arrival, &server)
                && let Some(listener) = self.listeners.get_mut(index)
            {
                listener.pause(self.context.now, error);
            }
        }
    }

    /// Begins the connection of a transport that was accepted.
    fn register(&mut self, arrival: Arrival, server: &Arc<LoopServer>) -> io::Result<()> {
        let Arrival { tcp, peer, admission } = arrival;
        let now = self.context.now;
        let (endpoint, conversation, stream) = match admission {
            Admission::Admitted(permit) => {
                let endpoint = server.acceptor.endpoint(now);
                let stream = server.stream(tcp)?;
                (endpoint, Conversation::server(permit), stream)
            }
            Admission::Refused(endpoint) => (*endpoint, Conversation::refused(), tcp.into()),
            Admission::Dropped => return Ok(()),
        };
        let mut stream: Stream = stream;
        let both = Interest::READABLE | Interest::WRITABLE;
        let token = Token(self.shared.slots().vacant_key());
        self.context.registry.register(&mut stream, token, both)?;
        let driver = Accepted(Arc::clone(server));
        let connection = Connection::new(driver, Link::new(endpoint, stream), Some(peer));
        let connection: Arc<dyn DynConnection> = Arc::new(connection);
        self.begin(&connection, Some(conversation));
        Ok(())
    }

    /// Stops accepting for servers that are ending; ends their connections when the time has come, and
    /// leaves those that have none left.
    fn look_for_ends(&mut self) {
        let (now, mut left) = (Instant::now(), Vec::new());
        for (index, listener) in &mut self.listeners {
            let server = listener.server.acceptor.server();
            if !server.is_ending() {
                continue;
            }
            listener.socket = None;
            listener.retry_at = None;
            let mut connections = self.shared.connections_of(server);
            connections.retain(|connection| !connection.is_over());
            if connections.is_empty() {
                left.push(index);
            } else if server.deadline().is_some_and(|at| at <= now) {
                connections.iter().for_each(|connection| connection.abort());
            }
        }
        for index in left {
            self.listeners.remove(index).server.acceptor.leave();
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
        drop(self.shared.give_up());
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
