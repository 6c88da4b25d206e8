//! The connection: a link, a stream, and what was read from it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::Response;
use wsproto::{
    Client, CloseFrame, CloseInfo, Event, PreparedMessage, ReadyState, Role, Session, SessionEvent,
    Transport,
};

use crate::link::{Link, Shared, retry};
use crate::transport::Control;
use crate::{Error, Message, Writer};

/// The bytes that one read takes at most.
const READ_SIZE: usize = 64 << 10;

/// How long one read blocks at most while a [`Writer`] may begin the closing, and its deadline.
const LOOK_AROUND: Duration = Duration::from_millis(500);

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
    link: Shared<R>,
    input: Input,
    write_patience: Option<Duration>,
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
            write_patience: None,
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
        self.with(|link| link.append(&message.into()))
    }

    /// Sends a text message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_text(&mut self, text: &str) -> Result<(), Error> {
        self.with(|Link { session, out, .. }| {
            Ok(session.sender()?.send_text(text, &mut out.bytes)?)
        })
    }

    /// Sends a binary message, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.with(|Link { session, out, .. }| {
            Ok(session.sender()?.send_binary(bytes, &mut out.bytes)?)
        })
    }

    /// Sends a message that was encoded before, as [`send`](Self::send) does.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), Error> {
        self.with(|link| link.append_prepared(message))
    }

    /// Sends a Ping with at most 125 bytes of payload; [`recv`](Self::recv) takes note of the Pong.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.with(|link| link.append_ping(payload))
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
        self.with(|link| link.append_close(frame.as_ref()))
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
        self.with(|link| link.append_any_close(frame.as_ref()))
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

    /// Appends to the output, and writes it.
    fn with(
        &mut self,
        append: impl FnOnce(&mut Link<R>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut link = self.link.lock();
        append(&mut link)?;
        self.control.set_write_timeout(&self.stream, self.write_patience)?;
        Ok(link.out.write_to(&mut self.stream)?)
    }

    /// Uses the link, without writing.
    pub(crate) fn link<T>(&self, use_it: impl FnOnce(&mut Link<R>) -> T) -> T {
        use_it(&mut self.link.lock())
    }

    /// Goes on to the next thing that happens; `None` when the connection is closed.
    pub(crate) fn step(&mut self) -> Result<Option<Step>, Error> {
        loop {
            if let Some(step) = self.step_session() {
                return step;
            }
            let transport = self.link(|link| link.session.transport());
            match transport {
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
        let mut link = self.link.lock();
        if !link.out.has_ended() || how == Shutdown::Both {
            // If the peer is gone already, reading says so.
            let _ = self.control.shutdown(&self.stream, how);
            link.out.end();
        }
    }

    /// Takes the next event out of what was read; `None` if there is none.
    fn step_session(&mut self) -> Option<Result<Option<Step>, Error>> {
        let mut input = &mut self.input.buffer[self.input.consumed..self.input.filled];
        let mut link = self.link.lock();
        let now = link.now();
        let Link { session, out, .. } = &mut *link;
        let event = session.next_event(now, &mut input, &mut out.bytes);
        drop(link);
        self.input.consumed = self.input.filled - input.len();
        Some(match event? {
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
        })
    }

    /// Writes what is owed, until the session's deadline; returns whether all of it is written.
    fn write(&mut self) -> Result<bool, Error> {
        let mut link = self.link.lock();
        if link.out.is_empty() {
            return Ok(true);
        }
        let Some(patience) = link.patience() else { return Ok(false) };
        let patience = patience.into_iter().chain(self.write_patience).min();
        self.control.set_write_timeout(&self.stream, patience)?;
        match link.out.write_to(&mut self.stream) {
            Ok(()) => Ok(true),
            Err(error) if is_timeout(&error) => match link.patience() {
                None => Ok(false),
                Some(_) => Err(error.into()),
            },
            Err(_) => {
                // What the peer wrote before it went away can still be read, perhaps a Close.
                link.out.end();
                Ok(true)
            }
        }
    }

    /// Waits for input, the end of it, or the session's deadline.
    fn read(&mut self) -> Result<(), Error> {
        let Some(mut patience) = self.link(Link::patience) else { return Ok(()) };
        let shared = self.link.is_shared();
        if shared {
            patience = patience.into_iter().chain([LOOK_AROUND]).min();
        }
        self.control.set_read_timeout(&self.stream, patience)?;
        let result = retry(|| self.stream.read(&mut self.input.buffer));
        match result {
            Ok(read @ 1..) => (self.input.consumed, self.input.filled) = (0, read),
            Ok(0) => self.link(|Link { session, out, .. }| session.end_of_input(&mut out.bytes)),
            Err(error) if is_timeout(&error) => {
                // Was it for the session's deadline, for the look around, or is it the owner's?
                if self.link(Link::patience).is_some() && !(shared && self.control.times_out()) {
                    return Err(error.into());
                }
            }
            Err(error) => {
                let open = self.ready_state() == ReadyState::Open;
                self.link(|Link { session, out, .. }| session.end_of_input(&mut out.bytes));
                if open {
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}

impl<S: Read + Write> WebSocket<S, Client> {
    /// Takes out the response that opened the connection; `None` the second time.
    pub fn take_response(&mut self) -> Option<Response> {
        self.link(|link| link.session.take_response())
    }
}

impl<R: Role> WebSocket<TcpStream, R> {
    /// Limits how long sending waits for a peer that does not read, here and through every
    /// [`writer`](Self::writer); `None`, the default, is as long as it takes. A call that fails with
    /// [`Error::Io`] for that reason has queued its message behind what was written of it before.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the operating system refuses, as it does for zero.
    pub fn set_write_patience(&mut self, patience: Option<Duration>) -> Result<(), Error> {
        self.control.set_write_timeout(&self.stream, patience)?;
        self.write_patience = patience;
        Ok(())
    }

    /// Returns a handle that sends from other threads while this one receives.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the operating system does not duplicate the stream.
    pub fn writer(&self) -> Result<Writer<R>, Error> {
        let stream = Arc::new(self.stream.try_clone()?);
        Ok(Writer { link: self.link.clone(), stream })
    }
}

/// Whether the operation only has to be repeated later. Which of the two kinds a timeout has
/// depends on the operating system.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
