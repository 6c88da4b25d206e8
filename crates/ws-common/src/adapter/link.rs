//! The engine's endpoint, the writing side of a transport, and what they mean for an application.

use std::io::{self, ErrorKind};
use std::mem;
use std::time::Duration;

use log::trace;
use wsproto::handshake::ResponseError;
use wsproto::{
    Advice, CloseFrame, CloseInfo, Endpoint, Event, ReadyState, Role, SendError, SessionError,
    SessionEvent,
};

use super::{Outgoing, Transport};
use crate::{Error, Message, SendStatus};

/// How many bytes a call that sends writes at most, more or less, to make room. The caller may be a handler on
/// a loop with other connections.
const MAKE_ROOM: usize = 1 << 20;

/// One end of a connection that has a transport: its endpoint, and the writing side.
#[derive(Debug)]
pub struct Link<R: Role, T> {
    endpoint: Endpoint<R>,
    transport: T,
}

/// Something that happened, for an application.
#[derive(Debug)]
pub enum Step {
    /// A request waits for a decision.
    Request,
    /// The connection is open.
    Open,
    /// A message arrived.
    Message(Message),
    /// Something arrived that is not for the application, such as a Ping.
    Other,
    /// Something went wrong.
    Error(Error),
    /// The connection is closed.
    Closed(CloseInfo),
}

impl<R: Role, T: Transport> Link<R, T> {
    /// Joins an endpoint and a transport.
    pub const fn new(endpoint: Endpoint<R>, transport: T) -> Self {
        Self { endpoint, transport }
    }

    /// Returns the endpoint.
    pub const fn endpoint(&self) -> &Endpoint<R> {
        &self.endpoint
    }

    /// Returns the endpoint, to tell it something.
    pub const fn endpoint_mut(&mut self) -> &mut Endpoint<R> {
        &mut self.endpoint
    }

    /// Returns the transport.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// Returns the transport, to read from it.
    pub const fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Returns the transport, and drops the rest.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// Takes the next thing that happens out of the input.
    #[inline]
    pub fn next(&mut self, now: Duration, input: &mut &mut [u8]) -> Option<Step> {
        let event = self.endpoint.next_event(now, input)?;
        Some(match event {
            SessionEvent::Received(Event::Text(text)) => {
                trace!("received a text of {} bytes", text.len());
                Step::Message(Message::Text(self.endpoint.own_text(text)))
            }
            SessionEvent::Received(Event::Binary(bytes)) => {
                trace!("received {} bytes", bytes.len());
                Step::Message(Message::Binary(self.endpoint.own_binary(bytes)))
            }
            SessionEvent::Received(_) => Step::Other,
            SessionEvent::Upgrade | SessionEvent::Http => Step::Request,
            SessionEvent::Open => Step::Open,
            SessionEvent::Error(error) => Step::Error(self.explain(error)),
            SessionEvent::Closed(info) => Step::Closed(info),
        })
    }

    /// A refusal is worth having, not only its status.
    fn explain(&mut self, error: SessionError) -> Error {
        if let SessionError::Response(ResponseError::Status(_)) = &error
            && let Some(response) = self.endpoint.take_response()
        {
            return Error::Http(Box::new(response));
        }
        error.into()
    }

    /// Takes the end of the input.
    pub fn input_ended(&mut self, now: Duration) {
        self.endpoint.end_of_input(now);
    }

    /// Takes a failure to read. Returns the error that is to be reported: none, if the connection is closing
    /// anyway, or if a client went before it had sent anything.
    pub fn input_failed(&mut self, error: io::Error) -> Option<Error> {
        let error = Error::from(error);
        let worth_telling = match self.endpoint.ready_state() {
            ReadyState::Open => true,
            ReadyState::Connecting => {
                !self.endpoint.session().is_blank() || !matches!(error, Error::Io(_))
            }
            ReadyState::Closing | ReadyState::Closed => false,
        };
        self.endpoint.transport_failed();
        worth_telling.then_some(error)
    }

    /// Writes until all is written, the transport takes no more, or about `most` bytes have left. Then does
    /// what the endpoint advises. Returns whether to go on when the transport takes more.
    #[inline]
    pub fn write(&mut self, now: Duration, most: usize) -> Written {
        let written = self.write_output(now, most);
        if written == Written::All
            && self.endpoint.advice() == Advice::Shutdown
            && self.transport.can_shutdown()
        {
            self.transport.shutdown();
        }
        written
    }

    fn write_output(&mut self, now: Duration, most: usize) -> Written {
        let mut left = most;
        loop {
            let pending = self.endpoint.pending();
            if pending.is_empty() {
                return Written::All;
            }
            if left == 0 {
                return Written::Some;
            }
            if self.transport.is_blocked() {
                return Written::Blocked;
            }
            // A socket whose peer reads meanwhile takes much more at a time than it can hold.
            let part = pending.get(..left).unwrap_or(pending);
            match self.transport.try_write(part) {
                Ok(len @ 1..) => {
                    self.endpoint.wrote(len, now);
                    left = left.saturating_sub(len);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.endpoint.write_blocked();
                    return Written::Blocked;
                }
                // If the peer is gone, reading says so; and what it wrote before can still be read.
                Ok(_) | Err(_) => self.endpoint.write_failed(),
            }
        }
    }

    /// Appends a message, if there is room, perhaps once the transport has taken something. It is `Queued` if
    /// the transport is known to take no more at the moment.
    ///
    /// # Errors
    ///
    /// [`Error::WouldExceed`] without a message, and [`Error::Send`]: nothing was appended. [`Error::Io`] if
    /// writing has failed.
    #[inline]
    pub fn send(
        &mut self,
        outgoing: &mut Outgoing<'_>,
        now: Duration,
    ) -> Result<SendStatus, Error> {
        if !self.endpoint.has_room() {
            self.write(now, MAKE_ROOM);
        }
        self.send_now(outgoing)
    }

    /// As [`send`](Self::send), but writes nothing to make room.
    #[inline]
    pub(super) fn send_now(&mut self, outgoing: &mut Outgoing<'_>) -> Result<SendStatus, Error> {
        let endpoint = &mut self.endpoint;
        if endpoint.has_failed() && endpoint.ready_state() == ReadyState::Open {
            return Err(io::Error::from(ErrorKind::BrokenPipe).into());
        }
        // One that is closing takes nothing more, however long one waits.
        if !endpoint.has_room() && endpoint.ready_state() == ReadyState::Open {
            endpoint.await_drained();
            return Err(Error::WouldExceed(None));
        }
        match outgoing {
            Outgoing::Owned(Message::Text(text)) => {
                endpoint.send_text(mem::take(text))?;
            }
            Outgoing::Owned(Message::Binary(bytes)) => {
                endpoint.send_binary(mem::take(bytes))?;
            }
            Outgoing::Text(text) => endpoint.send_text(*text)?,
            Outgoing::Binary(bytes) => endpoint.send_binary(*bytes)?,
            Outgoing::Prepared(message) => endpoint.send_prepared(message)?,
            Outgoing::Ping(payload) => endpoint.ping(payload)?,
        }
        if self.transport.is_blocked() {
            endpoint.await_drained();
            return Ok(SendStatus::Queued);
        }
        Ok(SendStatus::Sent)
    }

    /// Closes, with any code that this end may send.
    ///
    /// # Errors
    ///
    /// [`SendError::ClientOnlyCode`] if a server asks for 1010.
    pub fn close(
        &mut self,
        frame: Option<&CloseFrame<'_>>,
        now: Duration,
    ) -> Result<(), SendError> {
        self.endpoint.close(frame, now)
    }
}

/// How far writing has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// All is written, or never will be.
    All,
    /// The transport takes no more at the moment.
    Blocked,
    /// There is more to write, and the transport may take it.
    Some,
}

#[cfg(test)]
mod tests {
    use wsproto::Server;

    use super::*;

    /// Takes everything.
    #[derive(Default)]
    struct Sink(Vec<usize>);

    impl Transport for Sink {
        fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.len());
            Ok(bytes.len())
        }

        fn is_blocked(&self) -> bool {
            false
        }

        fn shutdown(&mut self) {}
    }

    #[test]
    fn writing_is_bounded_however_much_the_transport_takes() {
        // L21
        let mut endpoint = Endpoint::<Server>::server(wsproto::Config::new(), Duration::ZERO);
        let mut request = *b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Version: 13\r\n\r\n";
        let mut input = &mut request[..];
        while let Some(event) = endpoint.next_event(Duration::ZERO, &mut input) {
            if let SessionEvent::Upgrade = event {
                let accept = wsproto::handshake::Accept::new();
                endpoint.accept(&accept, Duration::ZERO).expect("an upgrade");
            }
        }
        endpoint.send_binary(vec![7; 10 << 20]).expect("open");
        let mut link = Link::new(endpoint, Sink::default());
        assert_eq!(link.write(Duration::ZERO, 1 << 20), Written::Some);
        assert_eq!(link.transport().0.iter().sum::<usize>(), 1 << 20);
        while link.write(Duration::ZERO, 1 << 20) == Written::Some {}
        let all = link.transport().0.iter().sum::<usize>();
        assert!(all > 10 << 20 && link.endpoint().unwritten() == 0);
    }
}
