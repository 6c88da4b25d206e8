//! The connection, as its owner sees it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ws_common::{ConnectionId, Outgoing, ServerHandle, WebSocketConnection};
use wsproto::handshake::{ClientRequest, Extension, Request, Response};
use wsproto::url::WsUrl;
use wsproto::{
    Client, CloseFrame, CloseInfo, PreparedMessage, ReadyState, Role, SendError, Server, Session,
};

use crate::handle::Handle;
use crate::link::{Link, Shared};
use crate::patience::Patience;
use crate::step::{Input, Step};
use crate::transport::Control;
use crate::{Error, Message, SendStatus, Stream};

/// One end of an open connection on a blocking stream: a client's, unless `R` is
/// [`Server`](wsproto::Server).
///
/// Pings are answered and the closing handshake is carried out while [`recv`](Self::recv) waits for
/// a message; a program that only sends should call it now and then. A stream that is non-blocking
/// works too, and any other than our own [`Stream`] may have timeouts of its own: a call that fails with
/// `WouldBlock` or `TimedOut` has lost nothing and can be repeated.
///
/// Sending waits for a peer that does not read, for as long as
/// [`set_write_patience`](Self::set_write_patience) says. A message is taken while at most 64 KiB are
/// unsent ([`set_high_water_mark`](Self::set_high_water_mark)); it is handed back when that does not
/// come about in time, so that no more than these and one message ever wait.
///
/// Dropping a `WebSocket` ends its stream without a Close, and never blocks.
#[derive(Debug)]
pub struct WebSocket<S = Stream, R: Role = Client> {
    pub(crate) stream: S,
    pub(crate) control: Control<S>,
    pub(crate) link: Shared<R>,
    pub(crate) input: Input,
    id: ConnectionId,
    pub(crate) opening: Opening,
    read_patience: Option<Duration>,
    /// What went wrong, until the end of it is reported.
    pub(crate) failed: Option<Error>,
    pub(crate) close_info: Option<CloseInfo>,
}

/// What the connection was opened with.
#[derive(Debug)]
pub(crate) enum Opening {
    Client { request: Box<ClientRequest>, response: Option<Box<Response>> },
    Server { request: Option<Box<Request>> },
}

impl<S: Read + Write, R: Role> WebSocket<S, R> {
    pub(crate) fn new(
        stream: S,
        control: Control<S>,
        session: Session<R>,
        out: Vec<u8>,
        opening: Opening,
    ) -> Self {
        Self {
            stream,
            control,
            link: Shared::new(session, out),
            input: Input::new(),
            id: ConnectionId::new(),
            opening,
            read_patience: None,
            failed: None,
            close_info: None,
        }
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
        let until = self.read_patience.map(|patience| Instant::now() + patience);
        self.input.has_read = false;
        while let Some(step) = self.step_until(until)? {
            if let Step::Message(message) = step {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Sends a message and waits until it is handed to the operating system.
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if the connection is not open, or closing: nothing was written.
    /// [`Error::WouldExceed`] if there is no room for it in time; it has the message. [`Error::Io`] if
    /// the transport failed.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<SendStatus, Error> {
        let message = message.into();
        let sent = match &message {
            Message::Text(text) => self.send_text(text),
            Message::Binary(bytes) => self.send_binary(bytes),
        };
        sent.map_err(|error| match error {
            Error::WouldExceed(_) => Error::WouldExceed(Some(message)),
            error => error,
        })
    }

    /// Sends a text message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_text(&mut self, text: &str) -> Result<SendStatus, Error> {
        self.with(|link| link.send(&Outgoing::Text(text)))
    }

    /// Sends a binary message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<SendStatus, Error> {
        self.with(|link| link.send(&Outgoing::Binary(bytes)))
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
        self.send(Message::from_json(value)?)
    }

    /// Sends a message that was encoded before, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<SendStatus, Error> {
        self.with(|link| link.send(&Outgoing::Prepared(message)))
    }

    /// Sends a Ping with at most 125 bytes of payload; [`recv`](Self::recv) takes note of the Pong.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<SendStatus, Error> {
        self.with(|link| link.send(&Outgoing::Ping(payload)))
    }

    /// Begins the closing handshake with a code that an application may set (1000 or 3000-4999), or
    /// with none. Does nothing if the connection is closing or closed. [`recv`](Self::recv) still
    /// gives the messages that the peer sent before it answers.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] for another code, and [`Error::Io`] as [`send`](Self::send).
    pub fn close<'a>(&mut self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        self.link.lock().close(frame.into().as_ref())?;
        self.flush().map(drop)
    }

    /// As [`close`](Self::close), but with any code that may be sent: for servers that go away
    /// (1001), and for proxies (1012-1014).
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if a server asks for 1010, and [`Error::Io`] as [`send`](Self::send).
    pub fn close_with<'a>(
        &mut self,
        frame: impl Into<Option<CloseFrame<'a>>>,
    ) -> Result<(), Error> {
        self.link.lock().close_with(frame.into().as_ref())?;
        self.flush().map(drop)
    }

    /// Receives and discards until the connection is closed, however long it takes, and tells how it
    /// ended.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn wait_closed(&mut self) -> Result<&CloseInfo, Error> {
        while self.step()?.is_some() {}
        match &self.close_info {
            Some(info) => Ok(info),
            // The session reports its end before there are no more steps.
            None => Err(io::Error::from(ErrorKind::NotConnected).into()),
        }
    }

    /// Writes what earlier calls could not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the transport failed.
    pub fn flush(&mut self) -> Result<SendStatus, Error> {
        let patience = Patience::new(self.link.lock().patience);
        Ok(match self.link.write(&mut self.control.sink(&mut self.stream), patience)? {
            true => SendStatus::Sent,
            false => SendStatus::Queued,
        })
    }

    /// Returns what tells it apart; never used twice in a process.
    #[must_use]
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// Tells how the connection ended, once it has.
    #[must_use]
    pub const fn close_info(&self) -> Option<&CloseInfo> {
        self.close_info.as_ref()
    }

    /// How far the connection has got.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.link.lock().session.ready_state()
    }

    /// Returns the subprotocol in use.
    #[must_use]
    pub fn subprotocol(&self) -> Option<String> {
        self.link.lock().session.subprotocol().map(Into::into)
    }

    /// Returns the extensions in use.
    #[must_use]
    pub fn extensions(&self) -> Vec<Extension> {
        self.link.lock().session.extensions().into()
    }

    /// Returns how many bytes, headers of frames included, were taken to be sent and are not handed
    /// to the operating system yet. What could not be sent before the end stays counted.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.link.lock().buffered_amount()
    }

    /// Returns how long the answer to the last Ping of the keep-alive took.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.link.lock().session.round_trip()
    }

    /// Sets how many bytes may be unsent when a message is taken; 64 KiB by default.
    pub fn set_high_water_mark(&mut self, mark: usize) {
        self.link.lock().high_water_mark = mark;
    }

    /// Returns the stream.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// Appends to the output, and writes it.
    fn with(
        &mut self,
        append: impl FnOnce(&mut Link<R>) -> Result<(), Error>,
    ) -> Result<SendStatus, Error> {
        self.link.send(&mut self.control.sink(&mut self.stream), append)
    }
}

impl<S> WebSocket<S, Client> {
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

impl<S> WebSocket<S, Server> {
    /// Returns the request that opened the connection.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match &self.opening {
            Opening::Server { request } => request.as_deref(),
            Opening::Client { .. } => None,
        }
    }
}

impl<R: Role> WebSocket<Stream, R> {
    /// Limits how long [`recv`](Self::recv) waits; `None`, the default, is as long as it takes. A
    /// call that fails for that reason returns [`Error::Io`] of kind `WouldBlock` or `TimedOut`.
    pub fn set_read_patience(&mut self, patience: Option<Duration>) {
        self.read_patience = patience;
    }

    /// Limits how long sending waits for a peer that does not read, here and through every
    /// [`handle`](Self::handle); `None`, the default, is as long as it takes, and zero is not at all.
    /// What a call could not write by then is written by the next one, or by [`recv`](Self::recv).
    pub fn set_write_patience(&mut self, patience: Option<Duration>) {
        self.link.lock().patience = patience;
    }

    /// Returns a handle that sends and closes from any thread, while this one receives, which has to
    /// go on so that the connection stays alive.
    #[must_use]
    pub fn handle(&self) -> WebSocketConnection {
        self.handle_of(None)
    }

    pub(crate) fn handle_of(&self, server: Option<ServerHandle>) -> WebSocketConnection {
        let url = match &self.opening {
            Opening::Client { request, .. } => Some(request.url().clone()),
            Opening::Server { .. } => None,
        };
        let (id, link, stream) = (self.id, self.link.clone(), self.stream.clone());
        let peer = stream.tcp().peer_addr().ok();
        WebSocketConnection::new(Arc::new(Handle { id, link, stream, peer, url, server }))
    }
}

impl<S, R: Role> Drop for WebSocket<S, R> {
    fn drop(&mut self) {
        // Handles may live on, and have a duplicate of the stream.
        self.link.lock().session.abort();
        self.control.shutdown(&self.stream, Shutdown::Both);
    }
}
