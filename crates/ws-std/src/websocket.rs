//! The connection, as its owner sees it.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ws_common::adapter::{Conversation, Step, Undecided};
use ws_common::{ConnectionHandler, ConnectionId, WebSocketConnection};
use wsproto::handshake::{ClientRequest, Extension, Request, Response};
use wsproto::url::WsUrl;
use wsproto::{
    Advice, Client, CloseCode, CloseFrame, CloseInfo, PreparedMessage, ReadyState, Role, SendError,
    Server,
};

use crate::calls::Calls;
use crate::clock::{Patience, now};
use crate::driver::{Blocking, Owner};
use crate::receive::{Input, Waited, linger};
use crate::{Error, Message, SendStatus, Stream};

/// One end of an open connection on a blocking stream: a client's, unless `R` is
/// [`Server`](wsproto::Server).
///
/// The closing handshake is carried out, and Pings are answered, while [`recv`](Self::recv) waits for a
/// message; a program that only sends should call it now and then.
///
/// [`send`](Self::send) hands a message over, and waits only for room: while more than
/// [`Config::high_water_mark`](wsproto::Config::high_water_mark) bytes are unwritten because the peer does
/// not read, for as long as [`set_write_patience`](Self::set_write_patience) says. What the peer does not
/// take at once is written in the background. So no more than the mark and one message ever wait.
///
/// Dropping a `WebSocket` ends its stream without a Close, and never blocks.
pub struct WebSocket<R: Role = Client> {
    pub(crate) connection: Arc<Blocking<R>>,
    handle: WebSocketConnection,
    pub(crate) input: Input,
    pub(crate) opening: Opening,
    /// A decision on the request that is made later.
    pub(crate) undecided: Option<Box<dyn Undecided>>,
    read_patience: Option<Duration>,
    /// The error to report with the end.
    pub(crate) failed: Option<Error>,
    pub(crate) close_info: Option<CloseInfo>,
    subprotocol: Option<String>,
}

/// How long to wait for a stream that does not wait by itself, on behalf of a handler.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The messages that opened a connection.
#[derive(Debug)]
pub(crate) enum Opening {
    Client { request: Box<ClientRequest>, response: Option<Box<Response>> },
    Server { request: Option<Box<Request>> },
}

impl<R: Role> WebSocket<R> {
    pub(crate) fn new(connection: Arc<Blocking<R>>, stream: Stream, opening: Opening) -> Self {
        connection.lock().begin_work();
        Self {
            handle: connection.handle(),
            connection,
            input: Input::new(stream),
            opening,
            undecided: None,
            read_patience: None,
            failed: None,
            close_info: None,
            subprotocol: None,
        }
    }

    /// Goes on to the next thing that happens; `None` when the connection is closed. An error is reported
    /// then, so that the peer has been told, and a caller that drops the connection at an error does not
    /// prevent it.
    pub(crate) fn step(&mut self, patience: &mut Patience) -> Result<Option<Step>, Error> {
        self.step_unless(patience, |_| Ok(()))
    }

    /// As [`step`](Self::step), unless `look`, which looks at the connection before each wait, fails.
    pub(crate) fn step_unless(
        &mut self,
        patience: &mut Patience,
        mut look: impl FnMut(&Self) -> Result<(), Error>,
    ) -> Result<Option<Step>, Error> {
        loop {
            // Before the look at the decision, so that none is missed.
            let seen = self.connection.driver().signal().seen();
            if let Some(decided) = self.undecided.as_mut().and_then(|undecided| undecided.take()) {
                self.undecided = None;
                self.answer(&decided)?;
            }
            match self.next_step() {
                Some(Step::Error(error)) => drop(self.failed.get_or_insert(error)),
                Some(Step::Closed(info)) => {
                    self.subprotocol = self.handle.subprotocol();
                    self.close_info = Some(info.clone());
                    // The client does not wait any more for a decision.
                    self.undecided = None;
                    let gone = self.connection.lock().finish(info);
                    drop(gone);
                    linger(&self.connection);
                }
                Some(step) => {
                    // A reply does not wait until the application has dealt with the message behind it.
                    self.flush_now();
                    return Ok(Some(step));
                }
                None if self.close_info.is_some() => {
                    return self.failed.take().map_or(Ok(None), Err);
                }
                None => {
                    look(self)?;
                    self.wait(seen, patience)?;
                }
            }
        }
    }

    fn next_step(&mut self) -> Option<Step> {
        let connection = &self.connection;
        self.input.with(|input| {
            let mut held = connection.lock();
            held.live().ok()?.next(now(), input)
        })
    }

    /// Waits for the next message; `None` when the connection is closed, see
    /// [`close_info`](Self::close_info).
    ///
    /// # Errors
    ///
    /// [`Error::Session`] if the peer broke a rule or did not answer in time; [`Error::Io`] if the
    /// transport failed. The connection is closed then, and the peer was told if that was possible;
    /// the next call returns `None`. Only if the kind of an [`Error::Io`] is `WouldBlock` or
    /// `TimedOut`, it goes on.
    pub fn recv(&mut self) -> Result<Option<Message>, Error> {
        if self.ready_state() == ReadyState::Connecting {
            return Err(SendError::NotOpen.into());
        }
        let mut patience = Patience::new(self.read_patience);
        loop {
            match self.step(&mut patience)? {
                Some(Step::Message(message)) => return Ok(Some(message)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// Sends a message, as soon as there is room for it.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection is not open, or closing: nothing was sent.
    /// [`Error::WouldExceed`] if there is no room for it in time; it has the message. [`Error::Io`] if
    /// the transport failed.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<SendStatus, Error> {
        self.handle.send(message)
    }

    /// Sends a text message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_text(&mut self, text: &str) -> Result<SendStatus, Error> {
        self.handle.send_text(text)
    }

    /// Sends a binary message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<SendStatus, Error> {
        self.handle.send_binary(bytes)
    }

    /// Sends a value as JSON, in a text message, as [`send`](Self::send) does;
    /// [`Message::json`](crate::Message::json) reads one.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] if the value cannot be written as JSON, and as [`send`](Self::send).
    #[cfg(feature = "json")]
    pub fn send_json<T: serde::Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<SendStatus, Error> {
        self.handle.send_json(value)
    }

    /// Sends a message that was encoded before, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<SendStatus, Error> {
        self.handle.send_prepared(message)
    }

    /// Sends a Ping with at most 125 bytes of payload; [`recv`](Self::recv) takes note of the Pong.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<SendStatus, Error> {
        self.handle.ping(payload)
    }

    /// Begins the closing handshake with a code that this end's application may set, or with none; see
    /// [`WebSocketConnection::terminate`]. Does nothing if the connection is closing or closed, and never
    /// waits. [`recv`](Self::recv) still gives the messages that the peer sent before it answers.
    ///
    /// # Errors
    ///
    /// [`Error::ClientCode`] for a code that a client's application may not set, [`Error::Send`] if a server
    /// asks for 1010.
    pub fn close<'a>(&mut self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        self.handle.close(frame)
    }

    /// Begins the closing handshake with a code and a reason, as [`WebSocketConnection::terminate`] does.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close), and [`Error::Close`] for a code that may not be sent.
    pub fn terminate(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.close(CloseFrame::truncated(code, reason)?)
    }

    /// As [`close`](Self::close), but with any code that this end may send: for endpoints that relay what
    /// another one has said.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if a server asks for 1010.
    pub fn close_with<'a>(
        &mut self,
        frame: impl Into<Option<CloseFrame<'a>>>,
    ) -> Result<(), Error> {
        self.handle.close_with(frame)
    }

    /// Receives and discards until the connection is closed, however long it takes, and tells how it
    /// ended.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn wait_closed(&mut self) -> Result<&CloseInfo, Error> {
        while self.step(&mut Patience::new(None))?.is_some() {}
        match &self.close_info {
            Some(info) => Ok(info),
            // The session reports its end before there are no more steps.
            None => Err(io::Error::from(io::ErrorKind::NotConnected).into()),
        }
    }

    /// Waits until all is written, for as long as [`set_write_patience`](Self::set_write_patience) says.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the transport failed.
    pub fn flush(&mut self) -> Result<SendStatus, Error> {
        let patience = Patience::new(self.connection.driver().patience());
        loop {
            let mut held = self.connection.lock();
            self.connection.driver().settle(&mut held, usize::MAX);
            let Ok(link) = held.live() else { return Ok(SendStatus::Sent) };
            if link.endpoint().has_failed() {
                return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
            }
            if link.endpoint().unwritten() == 0 || link.endpoint().advice() == Advice::Drop {
                return Ok(SendStatus::Sent);
            }
            drop(held);
            if patience.is_over() || !Owner::wait_for_room(&self.connection, patience) {
                return Ok(SendStatus::Queued);
            }
        }
    }

    /// Calls a handler in this thread, until the connection is closed; tells how it ended. The same
    /// handler may carry a server's connections. Take a [`handle`](Self::handle) before, or in
    /// [`on_open`](ConnectionHandler::on_open), to send from elsewhere. What a client's handler sends itself
    /// never waits: it gets [`Error::WouldExceed`], and then
    /// [`on_drained`](ConnectionHandler::on_drained), which another thread may call while this one waits
    /// for input.
    ///
    /// ```no_run
    /// use ws_std::{Message, WebSocketConnection, connect};
    ///
    /// let ws = connect("ws://127.0.0.1:9001/")?;
    /// ws.handle().send("Hello")?;
    /// let info = ws.run(|ws: &WebSocketConnection, message: Message| {
    ///     println!("{message:?}");
    ///     // It may have been closed meanwhile.
    ///     let _ = ws.close(None);
    /// });
    /// println!("{info:?}");
    /// # Ok::<(), ws_std::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the handler does, after the connection was closed with 1011.
    pub fn run(mut self, handler: impl ConnectionHandler) -> CloseInfo {
        let calls = Calls::new(Conversation::opened(handler));
        self.connection.driver().set_calls(&calls);
        calls.with(&self.connection, |conversation| {
            conversation.begin(&self.connection, &self.handle)
        });
        self.carry(&calls);
        if let Some(panic) = calls.take_panic() {
            std::panic::resume_unwind(panic);
        }
        let info = self.close_info.take().or_else(|| self.handle.close_info());
        info.unwrap_or_else(|| CloseInfo::abnormal(wsproto::Initiator::Local))
    }

    /// Carries a connection to its end, whatever goes wrong on the way.
    pub(crate) fn carry(&mut self, calls: &Arc<Calls>) {
        self.connection.driver().set_calls(calls);
        loop {
            // A decision may be made as soon as it was put off, before anybody waits for it.
            let seen = self.connection.driver().signal().seen();
            calls.react(&self.connection, &self.handle, now(), &mut self.input);
            self.flush_now();
            calls.tell_drained(&self.connection, &self.handle);
            if self.connection.lock().is_over() {
                break;
            }
            let waited = self.wait(seen, &mut Patience::new(None));
            if let Some(error) = self.failed.take() {
                calls.with(&self.connection, |conversation| {
                    conversation.fail(&self.connection, &self.handle, &error)
                });
            }
            match waited {
                Ok(Waited::Again) => {}
                // The session reports its end, and the handler learns of it.
                Ok(Waited::Over) => {
                    self.input.clear();
                    calls.react(&self.connection, &self.handle, now(), &mut self.input);
                    if !self.connection.lock().is_over() {
                        let unknown = CloseInfo::abnormal(wsproto::Initiator::Local);
                        let gone = self.connection.lock().finish(unknown);
                        drop(gone);
                    }
                }
                // The stream has a timeout of its own, which is no end, or never waits.
                Err(_) => thread::sleep(LOOK_AGAIN),
            }
        }
        linger(&self.connection);
    }

    /// Returns its id.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.connection.id()
    }

    /// Tells how the connection ended, once it has.
    #[must_use]
    pub const fn close_info(&self) -> Option<&CloseInfo> {
        self.close_info.as_ref()
    }

    /// Returns how far the connection has got.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.handle.ready_state()
    }

    /// Returns the subprotocol in use.
    #[must_use]
    pub fn subprotocol(&self) -> Option<String> {
        self.subprotocol.clone().or_else(|| self.handle.subprotocol())
    }

    /// Returns the extensions in use.
    #[must_use]
    pub fn extensions(&self) -> Vec<Extension> {
        let held = self.connection.lock();
        held.link().map_or_else(Vec::new, |link| link.endpoint().session().extensions().into())
    }

    /// Returns how many bytes, headers of frames included, were taken to be sent and are not handed
    /// to the operating system yet. What could not be sent before the end stays counted.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.handle.buffered_amount()
    }

    /// Returns how long the answer to the last Ping of the keep-alive took.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.handle.round_trip()
    }

    /// Returns the stream.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.input.stream
    }

    /// Limits how long [`recv`](Self::recv) waits; `None`, the default, is as long as it takes. A
    /// call that fails for that reason returns [`Error::Io`] of kind `WouldBlock` or `TimedOut`.
    pub const fn set_read_patience(&mut self, patience: Option<Duration>) {
        self.read_patience = patience;
    }

    /// Limits how long sending waits for room, because the peer does not read, here and through every
    /// [`handle`](Self::handle); `None`, the default, is as long as it takes, and zero is not at all.
    pub fn set_write_patience(&mut self, patience: Option<Duration>) {
        self.connection.driver().set_patience(patience);
    }

    /// Returns a handle that sends and closes from any thread, while this one receives, which has to
    /// go on so that the connection stays alive.
    #[must_use]
    pub fn handle(&self) -> WebSocketConnection {
        self.handle.clone()
    }
}

impl WebSocket<Client> {
    /// Returns the URL it is connected to, where redirects may have led.
    #[must_use]
    pub fn url(&self) -> &WsUrl {
        match &self.opening {
            Opening::Client { request, .. } => request.url(),
            Opening::Server { .. } => unreachable!("a client begins with its request"),
        }
    }

    /// Returns the response that opened the connection.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match &self.opening {
            Opening::Client { response, .. } => response.as_deref(),
            Opening::Server { .. } => None,
        }
    }
}

impl WebSocket<Server> {
    /// Returns the request that opened the connection.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match &self.opening {
            Opening::Server { request } => request.as_deref(),
            Opening::Client { .. } => None,
        }
    }
}

impl<R: Role> Drop for WebSocket<R> {
    fn drop(&mut self) {
        let mut held = self.connection.lock();
        let mut gone = None;
        if !held.is_over() {
            if let Ok(link) = held.live() {
                link.endpoint_mut().abort();
            }
            // Threads that wait for room are set free.
            self.connection.driver().settle(&mut held, 0);
            gone = held.finish(CloseInfo::abnormal(wsproto::Initiator::Local));
        }
        drop(held);
        drop(gone);
        linger(&self.connection);
    }
}

impl<R: Role> std::fmt::Debug for WebSocket<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocket")
            .field("id", &self.id())
            .field("ready_state", &self.ready_state())
            .field("stream", &self.input.stream)
            .finish_non_exhaustive()
    }
}
