//! The event loop: waits, and gives every connection its turn.

use std::io::{self, ErrorKind};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::{Events, Poll, Token};
use slab::Slab;
use ws_common::adapter::Conversation;
use ws_common::{
    ClientOptions, ConnectionHandler, Error, ServerHandle, ServerHandler, WebSocketConnection,
};
use wsproto::handshake::ClientRequest;

use crate::WebSocketServer;
use crate::deadlines::{Armed, Deadlines};
use crate::listener::Listener;
use crate::loop_handle::{LoopHandle, connect};
use crate::shared::Shared;
use crate::slot::{Cause, DynConnection, LoopContext, Slot};

/// The bytes that one read takes at most.
const READ_SIZE: usize = 64 << 10;

/// How many events are taken from the system at once.
const EVENTS: usize = 1024;

/// The longest wait, for there are systems that count milliseconds in few bits.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

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
    pub(crate) shared: Arc<Shared>,
    pub(crate) listeners: Slab<Listener>,
    deadlines: Deadlines,
    /// Connections and listeners that have more to do before the loop waits, each once.
    pub(crate) queue: Vec<Token>,
    /// Connections that are to be removed from the table.
    gone: Vec<usize>,
    /// Whether servers may be ending.
    pub(crate) look: bool,
    pub(crate) context: LoopContext,
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
            gone: Vec::new(),
            look: false,
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
        while self.round(&mut events)? {}
        Ok(())
    }

    /// Waits, and gives a turn to every connection that has something to do. Returns whether to go on.
    fn round(&mut self, events: &mut Events) -> io::Result<bool> {
        if self.read_mail() {
            return Ok(false);
        }
        self.look_for_ends();
        self.remove_gone();
        if self.has_nothing_to_do() && self.shared.end() {
            return Ok(false);
        }
        self.wait(events)?;
        let queue = mem::take(&mut self.queue);
        for event in &*events {
            self.turn(event.token(), Cause::Ready(event));
        }
        for token in queue {
            self.turn(token, Cause::Queued);
        }
        for key in self.deadlines.due(self.context.now) {
            self.turn(Token(key), Cause::Other);
        }
        Ok(true)
    }

    fn has_nothing_to_do(&self) -> bool {
        self.listeners.is_empty()
            && self.shared.handles.load(Ordering::SeqCst) == 0
            && self.shared.slots().len() == self.context.lingering
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        events.clear();
        let listeners = self.listeners.iter().filter_map(|(_, listener)| listener.deadline());
        let first = listeners.chain(self.deadlines.first()).min();
        let may_wait = self.queue.is_empty() && self.shared.fall_asleep();
        let timeout = match first {
            _ if !may_wait => Some(Duration::ZERO),
            first => first.map(|at| at.saturating_sub(self.shared.now()).min(LONGEST_WAIT)),
        };
        let polled = self.poll.poll(events, timeout);
        self.shared.wake_up();
        self.context.now = self.shared.now();
        match polled {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for (index, listener) in &mut self.listeners {
            if listener.is_due(self.context.now) && listener.queue() {
                self.queue.push(listener_token(index));
            }
        }
        Ok(())
    }

    /// Takes what other threads, and callbacks, have left. Returns whether the loop is to stop.
    fn read_mail(&mut self) -> bool {
        // The turns before may have taken long, or the loop was made long ago.
        self.context.now = self.shared.now();
        let mail = self.shared.take_mail();
        self.look |= mail.look;
        for (connection, conversation) in mail.begun {
            self.begin(connection, conversation);
        }
        for key in mail.changed {
            self.turn(Token(key), Cause::Other);
        }
        mail.stop
    }

    pub(crate) fn begin(&mut self, connection: Arc<dyn DynConnection>, conversation: Conversation) {
        let mut slots = self.shared.slots();
        let key = slots.vacant_key();
        connection.settle(key);
        slots.insert(Slot { connection, conversation, armed: Armed::NEVER });
        drop(slots);
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
            Some(slot) => {
                let conversation = mem::replace(&mut slot.conversation, Conversation::none());
                (Arc::clone(&slot.connection), conversation)
            }
            // It has ended since this was asked for.
            None => return,
        };
        let outcome = connection.turn(&mut self.context, &mut conversation, cause);
        if outcome.queue {
            self.queue.push(token);
        }
        if outcome.finished {
            self.gone.push(key);
        }
        if let Some(slot) = self.shared.slots().get_mut(key) {
            let deadline = Armed::at(outcome.deadline);
            self.deadlines.set(key, &mut slot.armed, deadline, self.context.now);
            slot.conversation = conversation;
        }
    }

    /// Takes connections that are gone out of the table. Their keys are used again from then on, when no
    /// event, and nothing in the list, is about them any more.
    fn remove_gone(&mut self) {
        for key in self.gone.drain(..) {
            let removed = self.shared.slots().try_remove(key);
            // More may be dropped than the entry.
            drop(removed);
        }
    }
}

pub(crate) const fn listener_token(index: usize) -> Token {
    Token(WAKER.0 - 1 - index)
}

/// Which listener a token is for, if any; connections are never so many.
fn listener_index(token: Token) -> Option<usize> {
    let index = WAKER.0 - 1 - token.0;
    (index < usize::MAX / 2).then_some(index)
}

/// Connections that are left, if the loop does not run to its end, end at once; their handlers are not
/// called. Servers end, if they have no other loop.
impl Drop for EventLoop {
    fn drop(&mut self) {
        let (mail, slots, waker) = self.shared.give_up();
        drop(waker);
        let carried = slots.into_iter().map(|(_, slot)| (slot.connection, slot.conversation));
        for (connection, mut conversation) in mail.begun.into_iter().chain(carried) {
            let opened = connection.abandon();
            conversation.abandon(&WebSocketConnection::new(connection), opened);
        }
        self.listeners.drain().for_each(Listener::leave);
    }
}

impl std::fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventLoop")
            .field("connections", &self.shared.slots().len())
            .field("listeners", &self.listeners.len())
            .field("queued", &self.queue.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
