//! The event loop: waits for events, and gives each connection its turn.

mod accepting;

use std::io::{self, ErrorKind};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::{Events, Poll, Token};
use slab::Slab;
use ws_common::adapter::{Conversation, TurnContext, connection_handle, run_guarded};
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
use crate::wakes::LateWakes;

/// The maximum number of events taken from the operating system at once.
const EVENTS: usize = 1024;

/// The longest wait: some systems take the timeout as a 32-bit number of milliseconds.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

const WAKER: Token = Token(usize::MAX);

/// An event loop that runs servers and clients in one thread.
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
///         // Sending fails only if the connection is closing.
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
    /// Connections and listeners that need another turn before the loop waits, each at most once.
    pub(crate) queue: Vec<Token>,
    /// The keys of finished connections, to be removed from the table.
    gone: Vec<usize>,
    /// Whether other threads accept connections for this loop.
    pub(crate) has_handover: bool,
    /// Whether to check for servers that are ending.
    pub(crate) check_end: bool,
    pub(crate) context: LoopContext,
}

impl EventLoop {
    /// Creates a loop without servers and connections.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot create a poll or its waker, for example for lack of file
    /// descriptors.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let shared = Arc::new(Shared::new(poll.registry(), WAKER)?);
        let context = LoopContext {
            turn: TurnContext::new(shared.now()),
            registry: poll.registry().try_clone()?,
        };
        Ok(Self {
            poll,
            shared,
            listeners: Slab::new(),
            deadlines: Deadlines::default(),
            queue: Vec::new(),
            gone: Vec::new(),
            has_handover: false,
            check_end: false,
            context,
        })
    }

    /// Returns a handle of the loop, for other threads and for callbacks. The loop keeps running while one
    /// exists.
    #[must_use]
    pub fn handle(&self) -> LoopHandle {
        LoopHandle::new(Arc::clone(&self.shared))
    }

    /// Adds a server. It accepts connections once the loop runs, until [`ServerHandle::terminate`] is called.
    /// The server runs on this loop alone; its number of [threads](WebSocketServer::threads) is ignored.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if a listener cannot be registered.
    pub fn serve(
        &mut self,
        server: WebSocketServer,
        handler: impl ServerHandler,
    ) -> io::Result<ServerHandle> {
        let (acceptor, listeners) = server.open(handler, vec![Arc::clone(&self.shared)])?;
        for listener in listeners {
            self.listen(listener, &acceptor)?;
        }
        acceptor.announce();
        Ok(acceptor.server().clone())
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Begins a client's connection, and returns its handle at once. If the connection opens, the loop calls
    /// [`on_open`](ConnectionHandler::on_open); otherwise [`on_error`](ConnectionHandler::on_error) and
    /// [`on_terminate`](ConnectionHandler::on_terminate).
    ///
    /// # Errors
    ///
    /// No socket was opened:
    ///
    /// * [`Error::TlsUnavailable`] if the URL requires TLS and the feature `tls` is disabled;
    /// * [`Error::Url`] if it requires TLS and no certificate can be valid for the host;
    /// * [`Error::Option`] if an option is invalid, or does not fit the URL or another option.
    pub fn connect(
        &mut self,
        request: ClientRequest,
        options: impl Into<ClientOptions>,
        handler: impl ConnectionHandler,
    ) -> Result<WebSocketConnection, Error> {
        connect(&self.shared, request, options.into(), handler)
    }

    /// Runs until [`LoopHandle::stop`] is called, or until no server, connection or [`LoopHandle`] is left: at
    /// once, if there is none to begin with. Does not wait for sockets that linger after their connections
    /// have closed.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system cannot wait for events.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while self.round(&mut events)? {}
        Ok(())
    }

    /// Reads the mailbox, waits for events, and runs the turns they ask for. Returns whether to continue.
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
        self.take_newcomers();
        let queue = mem::take(&mut self.queue);
        for event in &*events {
            self.turn(event.token(), Cause::Ready(event));
        }
        for token in queue {
            self.turn(token, Cause::Queued);
        }
        for key in self.deadlines.due(self.context.turn.now) {
            self.turn(Token(key), Cause::Other);
        }
        for (_, listener) in &self.listeners {
            listener.server.acceptor.call_timers();
        }
        Ok(true)
    }

    /// Returns whether the loop may end. No handle can appear once their number is 0: only a handle makes
    /// another, and `run` has consumed the loop. Messages that the last handle posted are in the mailbox,
    /// which [`Shared::end`](crate::shared::Shared::end) checks under its lock.
    fn has_nothing_to_do(&self) -> bool {
        self.listeners.is_empty()
            && self.shared.handles.load(Ordering::SeqCst) == 0
            && self.shared.slots().len() == self.context.turn.lingering()
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        events.clear();
        let listeners = self.listeners.iter().filter_map(|(_, listener)| listener.deadline());
        let first = listeners.chain(self.deadlines.first()).min();
        let may_wait = self.queue.is_empty() && self.shared.fall_asleep() && !self.has_newcomers();
        let timeout = match first {
            _ if !may_wait => Some(Duration::ZERO),
            first => first.map(|at| at.saturating_sub(self.shared.now()).min(LONGEST_WAIT)),
        };
        let polled = self.poll.poll(events, timeout);
        self.shared.wake_up();
        self.context.turn.now = self.shared.now();
        match polled {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for (index, listener) in &mut self.listeners {
            if listener.is_due(self.context.turn.now) && listener.queue() {
                self.queue.push(listener_token(index));
            }
        }
        Ok(())
    }

    /// Handles the messages of other threads and callbacks. Returns whether the loop was told to stop.
    fn read_mail(&mut self) -> bool {
        let Some(mail) = self.shared.take_mail() else { return false };
        // The previous turns may have been slow, or the loop may have been created long ago.
        self.context.turn.now = self.shared.now();
        self.check_end |= mail.check_end;
        for (connection, conversation) in mail.begun {
            self.begin(connection, conversation);
        }
        for key in mail.changed {
            self.turn(Token(key), Cause::Other);
        }
        if !mail.stop {
            mail.posted.into_iter().for_each(run_guarded);
        }
        mail.stop
    }

    pub(crate) fn begin(&mut self, connection: Arc<dyn DynConnection>, conversation: Conversation) {
        let mut slots = self.shared.slots();
        let key = slots.vacant_key();
        connection.set_key(key);
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
            // The connection was removed after this turn was requested.
            None => return,
        };
        let wakes = LateWakes::collect();
        let outcome = connection.turn(&mut self.context, &mut conversation, cause);
        drop(wakes);
        if outcome.queue {
            self.queue.push(token);
        }
        if outcome.finished {
            self.gone.push(key);
        }
        if let Some(slot) = self.shared.slots().get_mut(key) {
            let deadline = Armed::at(outcome.deadline);
            self.deadlines.set(key, &mut slot.armed, deadline, self.context.turn.now);
            slot.conversation = conversation;
        }
    }

    /// Removes finished connections from the table. This makes their keys reusable, so it happens only
    /// between rounds, when no event refers to them, and removes their entries of the queue.
    fn remove_gone(&mut self) {
        if self.gone.is_empty() {
            return;
        }
        for key in self.gone.drain(..) {
            let removed = self.shared.slots().try_remove(key);
            // Dropped without the lock: the connection and its handler may be dropped with the slot.
            drop(removed);
        }
        let slots = self.shared.slots();
        self.queue.retain(|token| listener_index(*token).is_some() || slots.contains(token.0));
    }
}

pub(crate) const fn listener_token(index: usize) -> Token {
    Token(WAKER.0 - 1 - index)
}

/// Returns the index of the listener a token belongs to: listeners use the upper half of the tokens,
/// connections the lower.
fn listener_index(token: Token) -> Option<usize> {
    let index = WAKER.0 - 1 - token.0;
    (index < usize::MAX / 2).then_some(index)
}

/// Ends the remaining connections at once, without calling their handlers. A server without another loop
/// ends, too.
impl Drop for EventLoop {
    fn drop(&mut self) {
        let (mail, slots, waker) = self.shared.give_up();
        drop(waker);
        let carried = slots.into_iter().map(|(_, slot)| (slot.connection, slot.conversation));
        for (connection, mut conversation) in mail.begun.into_iter().chain(carried) {
            let opened = connection.abandon();
            conversation.abandon(&connection_handle(connection), opened);
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
