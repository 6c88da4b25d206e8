//! The connection: a link, a stream, and what was read from it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use wsproto::handshake::Response;
use wsproto::{
    Client, CloseFrame, CloseInfo, Event, PreparedMessage, ReadyState, Role, SendError, Session,
    SessionEvent, Transport,
};

use crate::link::{HARDLY, Link, Shared, is_timeout, retry};
use crate::transport::Control;
use crate::{Error, Message, Stream, Writer};

/// The bytes that one read takes at most.
const READ_SIZE: usize = 64 << 10;

/// How many bytes of replies may wait while another thread writes, before nothing more is read.
const MAX_OWED: usize = 64 << 10;

/// How long a read blocks at most while there is something left to write, or the connection closes.
const LOOK_AROUND: Duration = Duration::from_millis(100);

/// How long a read blocks at most while other threads may begin the closing, and its deadline.
const LOOK_RARELY: Duration = Duration::from_millis(2500);

/// A read of fewer bytes has taken all there was, over TLS as well.
const FULL_READ: usize = 16 << 10;

/// How many reads may follow a deadline that has passed, because what it waits for may be there
/// already: all that a socket holds, but not all that a flooding peer can send.
const LATE_READS: u8 = 100;

/// One end of an open connection on a blocking stream: a client's, unless `R` is
/// [`Server`](wsproto::Server).
///
/// Pings are answered and the closing handshake is carried out while [`recv`](Self::recv) waits for
/// a message; a program that only sends should call it now and then. A stream that is non-blocking
/// works too, and any other than our own [`Stream`] may have timeouts of its own: a call that fails with
/// `WouldBlock` or `TimedOut` has lost nothing and can be repeated.
///
/// Dropping a `WebSocket` ends its stream without a Close, and never blocks.
#[derive(Debug)]
pub struct WebSocket<S = Stream, R: Role = Client> {
    stream: S,
    control: Control<S>,
    link: Shared<R>,
    input: Input,
    read_patience: Option<Duration>,
    /// Whether the current call has read anything.
    has_read: bool,
    late_reads: u8,
    /// What went wrong, until the end of it is reported.
    failed: Option<Error>,
    close_info: Option<CloseInfo>,
}

/// What was read, and how much of it is consumed.
#[derive(Debug)]
struct Input {
    buffer: Box<[u8]>,
    consumed: usize,
    filled: usize,
}

/// What a step of the session led to.
pub(crate) enum Step {
    Upgrade,
    Http,
    Open,
    Message(Message),
    /// Nothing for the application, such as a Ping.
    Other,
}

impl<S: Read + Write, R: Role> WebSocket<S, R> {
    pub(crate) fn new(stream: S, control: Control<S>, session: Session<R>, out: Vec<u8>) -> Self {
        Self {
            stream,
            control,
            link: Shared::new(session, out),
            input: Input { buffer: vec![0; READ_SIZE].into(), consumed: 0, filled: 0 },
            read_patience: None,
            has_read: false,
            late_reads: 0,
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
        self.has_read = false;
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
    /// [`Error::Send`] if the connection is not open, or closing: nothing was written. [`Error::Io`]
    /// if the transport failed; if its kind is `WouldBlock` or `TimedOut`, the message is kept, and
    /// [`flush`](Self::flush) goes on with it.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.with(|link| link.send(&message.into()))
    }

    /// Sends a text message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_text(&mut self, text: &str) -> Result<(), Error> {
        self.with(|link| link.send_text(text))
    }

    /// Sends a binary message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.with(|link| link.send_binary(bytes))
    }

    /// Sends a value as JSON, in a text message, as [`send`](Self::send) does;
    /// [`Message::json`](crate::Message::json) reads one.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] if the value cannot be written as JSON, and as [`send`](Self::send).
    #[cfg(feature = "json")]
    pub fn send_json<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.send(Message::from_json(value)?)
    }

    /// Sends a message that was encoded before, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.with(|link| link.send_prepared(message))
    }

    /// Sends a Ping with at most 125 bytes of payload; [`recv`](Self::recv) takes note of the Pong.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.with(|link| link.ping(payload))
    }

    /// Begins the closing handshake with a code that an application may set (1000 or 3000-4999), or
    /// with none. Does nothing if the connection is closing or closed. [`recv`](Self::recv) still
    /// gives the messages that the peer sent before it answers.
    ///
    /// # Errors
    ///
    /// [`Error::Close`] for another code, and [`Error::Io`] as [`send`](Self::send).
    pub fn close<'a>(&mut self, frame: impl Into<Option<CloseFrame<'a>>>) -> Result<(), Error> {
        let frame = frame.into();
        self.with(|link| link.close(frame.as_ref()))
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
        let frame = frame.into();
        self.with(|link| link.close_with(frame.as_ref()))
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
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.with(|_| Ok(()))
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

    /// Returns the stream.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// Uses the link.
    pub(crate) fn link<T>(&self, use_it: impl FnOnce(&mut Link<R>) -> T) -> T {
        use_it(&mut self.link.lock())
    }

    /// Appends to the output, and writes it.
    fn with(
        &mut self,
        append: impl FnOnce(&mut Link<R>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let limit = self.link(|link| append(link).map(|()| link.patience))?;
        Ok(self.link.write(&mut self.control.sink(&mut self.stream, limit))?)
    }

    /// Goes on to the next thing that happens, however long it takes.
    pub(crate) fn step(&mut self) -> Result<Option<Step>, Error> {
        self.step_until(None)
    }

    /// Goes on to the next thing that happens; `None` when the connection is closed. What went wrong
    /// is reported then, so that the peer has been told, and whoever drops us at an error does not
    /// prevent it.
    fn step_until(&mut self, until: Option<Instant>) -> Result<Option<Step>, Error> {
        loop {
            if let Some(step) = self.step_session() {
                // A reply does not wait until the application has dealt with the message behind it.
                if self.link(|link| link.owed > 0) {
                    // If it cannot be written now, it will be before anything more is read.
                    let _ = self.write_owed();
                }
                return Ok(Some(step));
            }
            match self.link(|link| link.session.transport()) {
                // Another thread has just ended it: that is still to be reported.
                Transport::Drop if self.close_info.is_none() => continue,
                Transport::Drop => return self.failed.take().map_or(Ok(None), Err),
                transport => {
                    if !self.write_owed()? {
                        continue;
                    }
                    if transport == Transport::Shutdown && !self.end_output() {
                        continue;
                    }
                }
            }
            self.read(until)?;
        }
    }

    /// Takes the next event out of what was read; `None` if there is none.
    fn step_session(&mut self) -> Option<Step> {
        loop {
            let mut input = &mut self.input.buffer[self.input.consumed..self.input.filled];
            let mut link = self.link.lock();
            let (now, before) = (link.now(), link.out.len());
            let Link { session, out, .. } = &mut *link;
            let event = session.next_event(now, &mut input, out);
            link.owed += link.out.len() - before;
            drop(link);
            self.input.consumed = self.input.filled - input.len();
            return Some(match event? {
                SessionEvent::Upgrade => Step::Upgrade,
                SessionEvent::Http => Step::Http,
                SessionEvent::Open => Step::Open,
                SessionEvent::Received(Event::Text(text)) => {
                    Step::Message(Message::Text(text.into_owned()))
                }
                SessionEvent::Received(Event::Binary(bytes)) => {
                    Step::Message(Message::Binary(bytes.into_owned()))
                }
                SessionEvent::Received(_) => Step::Other,
                SessionEvent::Error(error) => {
                    self.failed.get_or_insert(error.into());
                    continue;
                }
                SessionEvent::Closed(info) => {
                    self.close_info = Some(info);
                    // Our owner may keep us, but the peer need not wait for that.
                    self.control.shutdown(&self.stream, Shutdown::Both);
                    self.link(Link::end);
                    continue;
                }
            });
        }
    }

    /// Writes what is owed. Returns whether there may be more to read: not before the replies are
    /// written (promise I3), or, if other threads write, all but a few.
    fn write_owed(&mut self) -> Result<bool, Error> {
        let shared = self.link.is_shared();
        let limit = self.link(|link| {
            let deadline = link.remaining().map(|remaining| remaining.max(HARDLY));
            deadline.into_iter().chain(link.patience).min()
        });
        // While others write, waiting for the peer is their business: if we waited, too, and the peer
        // waited for us to read, nobody would ever go on.
        let limit = if shared { Some(HARDLY) } else { limit };
        let mut sink = self.control.sink(&mut self.stream, limit);
        match self.link.try_write(&mut sink) {
            Err(error) if is_timeout(&error) => {
                if self.link(|link| link.remaining() == Some(Duration::ZERO)) {
                    self.link(Link::handle_timeout);
                    return Ok(false);
                }
                if !shared {
                    return Err(error.into());
                }
            }
            // What the peer wrote before it went away can still be read, perhaps a Close.
            Ok(_) | Err(_) => {}
        }
        if self.link(|link| link.owed <= MAX_OWED) {
            return Ok(true);
        }
        // The one who writes does not get on.
        if self.link(|link| link.remaining() == Some(Duration::ZERO)) {
            self.link(Link::handle_timeout);
        } else {
            thread::sleep(HARDLY);
        }
        Ok(false)
    }

    /// Ends the writing side of the stream once all is written. Returns whether there is more to read.
    fn end_output(&mut self) -> bool {
        let written = self.link.is_written();
        if written && !self.control.can_shutdown() {
            // Only dropping the stream ends it, and that is for its owner to do.
            self.link(Link::end_of_input);
            return false;
        }
        if written && !self.link(|link| link.has_ended()) {
            self.control.shutdown(&self.stream, Shutdown::Write);
            self.link(Link::end);
        }
        true
    }

    /// Waits for input, the end of it, or the session's deadline.
    fn read(&mut self, until: Option<Instant>) -> Result<(), Error> {
        let remaining = self.link(|link| link.remaining());
        let overdue = remaining == Some(Duration::ZERO);
        self.late_reads = if overdue { self.late_reads + 1 } else { 0 };
        if self.late_reads > LATE_READS {
            self.late_reads = 0;
            self.link(Link::handle_timeout);
            return Ok(());
        }
        let began = Instant::now();
        let patience = until.map(|until| until.saturating_duration_since(began));
        if patience == Some(Duration::ZERO) && self.has_read {
            // The peer may send without end, and no message among it.
            return Err(io::Error::from(ErrorKind::TimedOut).into());
        }
        self.has_read = true;
        let limit = remaining.into_iter().chain(patience).chain(self.look_around()).min();
        let limit = limit.map(|limit| limit.max(HARDLY));
        self.control.limit_read(&self.stream, limit);
        match retry(|| self.stream.read(&mut self.input.buffer)) {
            Ok(0) => self.link(Link::end_of_input),
            Ok(read) => {
                (self.input.consumed, self.input.filled) = (0, read);
                if overdue && read < FULL_READ {
                    self.late_reads = LATE_READS;
                }
            }
            Err(error) if is_timeout(&error) => {
                if overdue {
                    self.link(Link::handle_timeout);
                } else if patience.is_some_and(|patience| began.elapsed() >= patience)
                    || limit.is_none_or(|limit| began.elapsed() < limit)
                {
                    // The owner's patience, or a stream that does not wait of its own accord.
                    return Err(error.into());
                }
            }
            Err(error) => {
                if matches!(self.ready_state(), ReadyState::Connecting | ReadyState::Open) {
                    self.failed.get_or_insert(error.into());
                }
                self.link(Link::end_of_input);
            }
        }
        Ok(())
    }

    /// When to look at what other threads have done while we waited for input: they may have begun the
    /// closing, and with it a deadline.
    fn look_around(&self) -> Option<Duration> {
        if !self.link.is_shared() {
            None
        } else if self.ready_state() == ReadyState::Open && self.link.is_written() {
            let timeout = self.link(|link| link.session.config().close_timeout);
            Some(timeout.map_or(LOOK_RARELY, |timeout| (timeout / 4).min(LOOK_RARELY)))
        } else {
            Some(LOOK_AROUND)
        }
    }

    /// Writes the rest of an opening handshake.
    pub(crate) fn finish_handshake(&mut self) -> Result<(), Error> {
        let ended = |link: &mut Link<R>| link.session.transport() == Transport::Drop;
        while !self.link(ended) && !self.write_owed()? {}
        Ok(())
    }
}

impl<S: Read + Write> WebSocket<S, Client> {
    /// Takes out the response that opened the connection; `None` the second time.
    pub fn take_response(&mut self) -> Option<Response> {
        self.link(|link| link.session.take_response())
    }
}

impl<R: Role> WebSocket<Stream, R> {
    /// Limits how long [`recv`](Self::recv) waits; `None`, the default, is as long as it takes. A
    /// call that fails for that reason returns [`Error::Io`] of kind `WouldBlock` or `TimedOut`.
    pub fn set_read_patience(&mut self, patience: Option<Duration>) {
        self.read_patience = patience;
    }

    /// Limits how long sending waits for a peer that does not read, here and through every
    /// [`writer`](Self::writer); `None`, the default, is as long as it takes. A call that fails with
    /// [`Error::Io`] for that reason has queued its message behind what was written of it before.
    pub fn set_write_patience(&mut self, patience: Option<Duration>) {
        self.link(|link| link.patience = patience.map(|patience| patience.max(HARDLY)));
    }

    /// Returns a handle that sends from other threads while this one receives.
    #[must_use]
    pub fn writer(&self) -> Writer<R> {
        Writer { link: self.link.clone(), stream: self.stream.clone() }
    }
}

impl<S, R: Role> Drop for WebSocket<S, R> {
    fn drop(&mut self) {
        // Writers may live on, and have a duplicate of the stream.
        self.link.lock().session.abort();
        self.control.shutdown(&self.stream, Shutdown::Both);
    }
}
