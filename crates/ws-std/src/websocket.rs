//! `WebSocket`: the owner's side of a connection.

mod bytes;
mod messages;
mod receive;
mod run;
mod sending;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ws_common::adapter::{Driver, Step, Undecided, unknown_end};
use ws_common::{ConnectionId, IncomingRequest, WebSocketConnection};
use wsproto::handshake::{ClientRequest, Extension, Response};
use wsproto::{Client, CloseInfo, ReadyState, Role};

pub use self::bytes::{ByteStream, ByteWriter};
pub use self::messages::Messages;
use self::receive::Waited;
pub(crate) use self::receive::linger;
use crate::clock::{CallTimeout, now};
use crate::driver::Blocking;
use crate::input::Input;
use crate::{Error, Message, Stream};

/// One end of a connection on a blocking stream: the client's, unless `R` is
/// [`Server`](wsproto::Server).
///
/// While [`recv`](Self::recv) waits for a message, it also answers Pings and carries out the closing
/// handshake (RFC 6455, sections 5.5 and 7). A program that only sends should call it at least once
/// in each [patience](wsproto::KeepAlive::patience) of the server's keep-alive, which is 30 s by default.
///
/// [`send`](Self::send) queues a message and writes as much as the socket takes; the rest is written in the
/// background. While the input that was read holds more messages, the thread that receives collects up to
/// 64 KiB that it sends, for at most 10 ms: one write carries the answers to all of them.
/// [`flush`](Self::flush) writes at once. `send` waits only for room: while more than
/// [`Config::high_water_mark`](wsproto::Config::high_water_mark) bytes are unwritten, for at most
/// [`set_send_timeout`](Self::set_send_timeout). So the bytes queued for sending never exceed that mark
/// plus one message.
///
/// Dropping a `WebSocket` ends its stream without a Close frame, and never blocks.
pub struct WebSocket<R: Role = Client> {
    pub(crate) connection: Arc<Blocking<R>>,
    handle: WebSocketConnection,
    pub(crate) input: Input,
    pub(crate) opening: Opening,
    /// The decision on the request, while it is pending.
    pub(crate) undecided: Option<Box<dyn Undecided>>,
    recv_timeout: Option<Duration>,
    /// The error to report once the connection is closed.
    pub(crate) failed: Option<Error>,
    pub(crate) close_info: Option<CloseInfo>,
    subprotocol: Option<String>,
}

/// The HTTP messages that opened a connection.
#[derive(Debug)]
pub(crate) enum Opening {
    Client { request: Box<ClientRequest>, response: Option<Box<Response>> },
    Server { request: Option<Box<IncomingRequest>> },
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
            recv_timeout: None,
            failed: None,
            close_info: None,
            subprotocol: None,
        }
    }

    /// Waits for the next step; `None` once the connection is closed. An error of the session is returned only
    /// then, so a caller may drop the connection at an error: the peer has been told.
    pub(crate) fn step(&mut self, timeout: &mut CallTimeout) -> Result<Option<Step>, Error> {
        self.step_unless(timeout, |_| Ok(()))
    }

    /// As [`step`](Self::step), but calls `look` before each wait, and returns its error.
    pub(crate) fn step_unless(
        &mut self,
        timeout: &mut CallTimeout,
        mut look: impl FnMut(&Self) -> Result<(), Error>,
    ) -> Result<Option<Step>, Error> {
        let mut over = false;
        loop {
            // Read before the decision is taken: a later decision changes the count, and `wait` returns.
            let seen = self.connection.driver().signal().seen();
            if let Some(decided) = self.undecided.as_mut().and_then(|undecided| undecided.take()) {
                self.undecided = None;
                self.answer(&decided)?;
            }
            match self.next_step() {
                Some(Step::Error(error)) => drop(self.failed.get_or_insert(*error)),
                Some(Step::Closed(info)) => self.end(*info),
                Some(step) => {
                    // Write replies now, not after the application has handled the message; or with the answer
                    // to it, if one read has brought several messages.
                    self.flush_before_message();
                    return Ok(Some(step));
                }
                None if self.close_info.is_some() => {
                    return self.failed.take().map_or(Ok(None), Err);
                }
                // The transport is gone, and the session has no end to report.
                None if over => self.end(unknown_end()),
                None => {
                    look(self)?;
                    over = self.wait(seen, timeout)? == Waited::Over;
                }
            }
        }
    }

    fn end(&mut self, info: CloseInfo) {
        self.subprotocol = self.handle.subprotocol();
        self.close_info = Some(info.clone());
        // The client no longer waits for a decision.
        self.undecided = None;
        let gone = self.connection.lock().finish(info);
        drop(gone);
        linger(&self.connection);
    }

    fn next_step(&mut self) -> Option<Step> {
        let connection = &self.connection;
        let step = self.input.with(|input| {
            let mut held = connection.lock();
            let step = held.live().ok()?.next(now(), input);
            let goes_on = matches!(step, Some(Step::Message(_))) && !input.is_empty();
            connection.driver().input_goes_on(goes_on);
            step
        });
        if let (Some(Step::Message(_)), Some(traffic)) = (&step, connection.driver().traffic()) {
            traffic.received(1, 0);
        }
        step
    }

    /// Waits for the next message. Returns `None` once the connection is closed;
    /// [`close_info`](Self::close_info) then tells how. A stream that ends without a Close is no error: the
    /// code is 1006 then, and `was_clean` is false.
    ///
    /// # Errors
    ///
    /// [`Error::Session`] if the peer broke a rule or did not answer in time; [`Error::Io`] if the
    /// transport failed. The connection is then closed, the peer was told if possible, and the next call
    /// returns `None`. After an [`Error::Io`] of kind `WouldBlock` or `TimedOut` the connection continues:
    /// call again. [`Error::Send`] before the opening handshake is done.
    pub fn recv(&mut self) -> Result<Option<Message>, Error> {
        self.recv_within(self.recv_timeout)
    }

    /// Receives and discards messages until the connection is closed, without a time limit, and returns how
    /// it ended.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn wait_closed(&mut self) -> Result<&CloseInfo, Error> {
        while self.step(&mut CallTimeout::new(None))?.is_some() {}
        match &self.close_info {
            Some(info) => Ok(info),
            // Unreachable: the session reports its end before the last step.
            None => Err(io::Error::from(io::ErrorKind::NotConnected).into()),
        }
    }

    /// Returns the connection's id.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.connection.id()
    }

    /// Returns how the connection ended; `None` until then.
    #[must_use]
    pub const fn close_info(&self) -> Option<&CloseInfo> {
        self.close_info.as_ref()
    }

    /// Returns the state of the connection.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.handle.ready_state()
    }

    /// Returns the negotiated subprotocol.
    #[must_use]
    pub fn subprotocol(&self) -> Option<String> {
        self.subprotocol.clone().or_else(|| self.handle.subprotocol())
    }

    /// Returns the negotiated extensions, such as permessage-deflate (feature `deflate`); empty once the
    /// connection is closed.
    #[must_use]
    pub fn extensions(&self) -> Vec<Extension> {
        self.handle.extensions()
    }

    /// Returns how many bytes, frame headers included, were accepted for sending and not yet passed to the
    /// operating system. Bytes that were unsent at the end of the connection stay counted.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.handle.buffered_amount()
    }

    /// Returns how long the Pong to the last keep-alive Ping took; `None` without one, and once the connection
    /// is closed.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.handle.round_trip()
    }

    /// Returns the stream.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.input.stream
    }

    /// Limits each call of [`recv`](Self::recv); `None`, the default, means no limit. When the limit is
    /// reached, the call fails with [`Error::Io`] of kind `WouldBlock` or `TimedOut`, and can be repeated.
    /// [`wait_closed`](Self::wait_closed) has no such limit: after a `close`,
    /// [`Config::close_timeout`](wsproto::Config::close_timeout) bounds it.
    pub const fn set_recv_timeout(&mut self, timeout: Option<Duration>) {
        self.recv_timeout = timeout;
    }

    /// Limits how long a call waits for room while the peer reads nothing, here and through every
    /// [`handle`](Self::handle): `send` then fails with [`Error::WouldExceed`], which returns the message, and the
    /// connection stays open. `None` means no limit, zero means not to wait. Without a limit, two ends that
    /// only send can wait for each other forever.
    ///
    /// The default is [`Config::write_timeout`](wsproto::Config::write_timeout), 10 s. That limit is the
    /// connection's, and this method leaves it as it is: when it passes, a server that does not read because its
    /// replies are unwritten ends the connection.
    pub fn set_send_timeout(&mut self, timeout: Option<Duration>) {
        self.connection.driver().set_send_timeout(timeout);
    }

    /// Returns a handle that sends and closes from any thread. The owner must keep receiving, so that Pings
    /// are answered.
    #[must_use]
    pub fn handle(&self) -> WebSocketConnection {
        self.handle.clone()
    }
}

impl<R: Role> Drop for WebSocket<R> {
    fn drop(&mut self) {
        let mut held = self.connection.lock();
        let mut gone = None;
        if !held.is_over() {
            // A message that was sent, and is only kept, is not lost.
            self.connection.driver().write_kept(&mut held);
            if let Ok(link) = held.live() {
                link.endpoint_mut().abort();
            }
            // Wakes threads that wait for room.
            self.connection.driver().write_and_plan(&mut held, 0);
            gone = held.finish(unknown_end());
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
