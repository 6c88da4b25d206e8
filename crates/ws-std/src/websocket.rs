//! The connection: a session, a stream, and the bytes between them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use wsproto::handshake::Response;
use wsproto::{
    Client, CloseError, CloseFrame, CloseInfo, Event, PreparedMessage, ReadyState, Role, Session,
    SessionEvent, Transport,
};

use crate::transport::Control;
use crate::{Error, Message};

/// The bytes that one read takes at most.
const READ_SIZE: usize = 64 << 10;

/// How much memory an output may keep once it is written.
const KEEP_CAPACITY: usize = 64 << 10;

/// One end of an open connection on a blocking stream: a client's, unless `R` is
/// [`Server`](wsproto::Server).
///
/// Pings are answered and the closing handshake is carried out while [`recv`](Self::recv) waits for
/// a message; a program that only sends should call it now and then. A stream that is non-blocking,
/// or that has timeouts, works too: a call that fails with `WouldBlock` or `TimedOut` has lost
/// nothing and can be repeated. Dropping a `WebSocket` drops the stream, without a Close.
#[derive(Debug)]
pub struct WebSocket<S, R: Role = Client> {
    stream: S,
    control: Control<S>,
    session: Session<R>,
    /// The moment from which the session's time is counted.
    start: Instant,
    input: Input,
    out: Output,
    close_info: Option<CloseInfo>,
}

/// What was read, and how much of it is consumed.
#[derive(Debug)]
struct Input {
    buffer: Box<[u8]>,
    consumed: usize,
    filled: usize,
}

/// What is to be written, and how much of it is.
#[derive(Debug)]
struct Output {
    bytes: Vec<u8>,
    written: usize,
    /// The writing side has ended, by us or by an error: what comes now goes nowhere.
    ended: bool,
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
            session,
            start: Instant::now(),
            input: Input { buffer: vec![0; READ_SIZE].into(), consumed: 0, filled: 0 },
            out: Output { bytes: out, written: 0, ended: false },
            close_info: None,
        }
    }

    /// Waits for the next message; `None` when the connection is closed, see
    /// [`close_info`](Self::close_info).
    ///
    /// # Errors
    ///
    /// [`Error::Session`] if the peer broke a rule or did not answer in time, [`Error::Io`] if the
    /// transport failed. After either of them the next call goes on to the end of the connection,
    /// unless the kind of the latter is `WouldBlock` or `TimedOut`.
    pub fn recv(&mut self) -> Result<Option<Message>, Error> {
        while let Some(step) = self.step()? {
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
    /// [`Error::Send`] if the connection is closing or closed: nothing was written. [`Error::Io`] if
    /// the transport failed; if its kind is `WouldBlock` or `TimedOut`, the message is kept, and
    /// [`flush`](Self::flush) goes on with it.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        match message.into() {
            Message::Text(text) => self.send_text(&text),
            Message::Binary(bytes) => self.send_binary(&bytes),
        }
    }

    /// Sends a text message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_text(&mut self, text: &str) -> Result<(), Error> {
        self.session.sender()?.send_text(text, &mut self.out.bytes)?;
        self.flush()
    }

    /// Sends a binary message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.session.sender()?.send_binary(bytes, &mut self.out.bytes)?;
        self.flush()
    }

    /// Sends a message that was encoded before, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.session.sender()?.send_prepared(message, &mut self.out.bytes)?;
        self.flush()
    }

    /// Sends a Ping with at most 125 bytes of payload; [`recv`](Self::recv) takes note of the Pong.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.session.sender()?.ping(payload, &mut self.out.bytes)?;
        self.flush()
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
        match &frame {
            Some(frame) if !frame.code().is_application() => {
                Err(CloseError::CodeNotAllowed(frame.code()).into())
            }
            _ => self.close_with(frame),
        }
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
        let now = self.now();
        self.session.close(frame.into().as_ref(), now, &mut self.out.bytes)?;
        self.flush()
    }

    /// Receives and discards until the connection is closed, and tells how it ended.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn wait_closed(&mut self) -> Result<&CloseInfo, Error> {
        while self.recv()?.is_some() {}
        match &self.close_info {
            Some(info) => Ok(info),
            // The session reports its end before `recv` returns `None`.
            None => Err(io::Error::from(ErrorKind::NotConnected).into()),
        }
    }

    /// Writes what earlier calls could not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.control.set_write_timeout(&self.stream, None)?;
        Ok(self.out.write_to(&mut self.stream)?)
    }

    /// Tells how the connection ended, once it has.
    #[must_use]
    pub const fn close_info(&self) -> Option<&CloseInfo> {
        self.close_info.as_ref()
    }

    /// How far the connection has got.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        self.session.ready_state()
    }

    /// Returns the subprotocol in use.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.session.subprotocol()
    }

    /// Returns the stream.
    #[must_use]
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Goes on to the next thing that happens; `None` when the connection is closed.
    pub(crate) fn step(&mut self) -> Result<Option<Step>, Error> {
        loop {
            if let Some(step) = self.step_session() {
                return step;
            }
            match self.session.transport() {
                Transport::Drop => return Ok(None),
                // Nothing more is read while what is owed does not get away (promise I3).
                _ if !self.write()? => continue,
                Transport::KeepOpen | Transport::AwaitEnd => {}
                Transport::Shutdown => self.shutdown(Shutdown::Write),
            }
            self.read()?;
        }
    }

    /// Ends the writing side of the stream, once; or both.
    fn shutdown(&mut self, how: Shutdown) {
        if !self.out.ended || how == Shutdown::Both {
            // If the peer is gone already, reading says so.
            let _ = self.control.shutdown(&self.stream, how);
            self.out.end();
        }
    }

    /// Takes the next event out of what was read; `None` if there is none.
    fn step_session(&mut self) -> Option<Result<Option<Step>, Error>> {
        let now = self.now();
        let mut input = self.input.unconsumed();
        let event = self.session.next_event(now, &mut input, &mut self.out.bytes);
        let left = input.len();
        let step = match event? {
            SessionEvent::Upgrade => Ok(Some(Step::Upgrade)),
            SessionEvent::Http => Ok(Some(Step::Http)),
            SessionEvent::Open => Ok(Some(Step::Open)),
            SessionEvent::Received(Event::Text(text)) => {
                Ok(Some(Step::Message(Message::Text(text.into_owned()))))
            }
            SessionEvent::Received(Event::Binary(bytes)) => {
                Ok(Some(Step::Message(Message::Binary(bytes.into_owned()))))
            }
            SessionEvent::Received(_) => Ok(Some(Step::Other)),
            SessionEvent::Error(error) => Err(error.into()),
            SessionEvent::Closed(info) => {
                self.close_info = Some(info);
                // Our owner may keep us, but the peer need not wait for that.
                self.shutdown(Shutdown::Both);
                Ok(None)
            }
        };
        self.input.consumed = self.input.filled - left;
        Some(step)
    }

    /// Writes what is owed, until the session's deadline; returns whether all of it is written.
    fn write(&mut self) -> Result<bool, Error> {
        if self.out.is_empty() {
            return Ok(true);
        }
        let Some(patience) = self.patience() else { return Ok(false) };
        self.control.set_write_timeout(&self.stream, patience)?;
        match self.out.write_to(&mut self.stream) {
            Ok(()) => Ok(true),
            Err(error) if is_timeout(&error) => self.time_out(error).map(|()| false),
            Err(_) => {
                // What the peer wrote before it went away can still be read, perhaps a Close.
                self.out.end();
                Ok(true)
            }
        }
    }

    /// Waits for input, the end of it, or the session's deadline.
    fn read(&mut self) -> Result<(), Error> {
        let Some(patience) = self.patience() else { return Ok(()) };
        self.control.set_read_timeout(&self.stream, patience)?;
        match self.input.read_from(&mut self.stream) {
            Ok(1..) => {}
            Ok(0) => self.session.end_of_input(&mut self.out.bytes),
            Err(error) if is_timeout(&error) => self.time_out(error)?,
            Err(error) => {
                let open = self.session.ready_state() == ReadyState::Open;
                self.session.end_of_input(&mut self.out.bytes);
                if open {
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// How long to wait for the stream; `None` if the session's deadline has passed, and was dealt
    /// with.
    fn patience(&mut self) -> Option<Option<Duration>> {
        let now = self.now();
        match self.session.deadline().map(|deadline| deadline.saturating_sub(now)) {
            Some(Duration::ZERO) => {
                self.session.handle_timeout(now, &mut self.out.bytes);
                None
            }
            patience => Some(patience),
        }
    }

    /// Decides whether a timeout of the stream was for the session's deadline, or is the owner's.
    fn time_out(&mut self, error: io::Error) -> Result<(), Error> {
        match self.patience() {
            None => Ok(()),
            Some(_) => Err(error.into()),
        }
    }

    pub(crate) const fn session(&mut self) -> (&mut Session<R>, &mut Vec<u8>) {
        (&mut self.session, &mut self.out.bytes)
    }

    pub(crate) fn time(&self) -> Duration {
        self.now()
    }
}

impl<S> WebSocket<S, Client> {
    /// Takes out the response that opened the connection; `None` the second time.
    pub fn take_response(&mut self) -> Option<Response> {
        self.session.take_response()
    }
}

impl Input {
    fn unconsumed(&mut self) -> &mut [u8] {
        &mut self.buffer[self.consumed..self.filled]
    }

    /// Reads once, into a buffer of which everything was consumed.
    fn read_from(&mut self, stream: &mut impl Read) -> io::Result<usize> {
        let read = retry(|| stream.read(&mut self.buffer))?;
        (self.consumed, self.filled) = (0, read);
        Ok(read)
    }
}

impl Output {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn write_to(&mut self, stream: &mut impl Write) -> io::Result<()> {
        if self.ended {
            self.bytes.clear();
        }
        while self.written < self.bytes.len() {
            match retry(|| stream.write(&self.bytes[self.written..]))? {
                0 => return Err(ErrorKind::WriteZero.into()),
                written => self.written += written,
            }
        }
        self.written = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEEP_CAPACITY {
            self.bytes = Vec::new();
        }
        retry(|| stream.flush())
    }

    /// Gives up writing.
    fn end(&mut self) {
        self.ended = true;
        self.written = 0;
        self.bytes = Vec::new();
    }
}

/// Repeats what a signal interrupts.
fn retry<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether the operation only has to be repeated later. Which of the two kinds a timeout has
/// depends on the operating system.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
