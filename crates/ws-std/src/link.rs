//! What all who use a connection share: its session, and the way out to its stream.

use std::io::{self, ErrorKind};
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ws_common::{ClientOptions, Message, Outgoing};
use wsproto::{CloseError, CloseFrame, ReadyState, Role, Session};

use crate::patience::Patience;
use crate::pipe::{Pipe, Sink};
use crate::{Error, SendStatus};

/// A link, and who waits for its pipe.
///
/// The link's lock is never held while somebody waits for the stream, so that one thread can receive
/// while another waits for the peer to take what it sends. Frames are appended under it, whole. Who
/// writes has taken the pipe, and with it all there was; so everything leaves in order.
#[derive(Debug)]
pub(crate) struct Shared<R: Role>(Arc<(Mutex<Link<R>>, Condvar)>);

impl<R: Role> Shared<R> {
    pub(crate) fn new(session: Session<R>, out: Vec<u8>) -> Self {
        let link = Link {
            session,
            start: Instant::now(),
            out,
            pipe: Some(Pipe::default()),
            piped: 0,
            owed: 0,
            high_water_mark: ClientOptions::default().high_water_mark,
            patience: None,
            backlog: false,
            ended: false,
            lost: 0,
        };
        Self(Arc::new((Mutex::new(link), Condvar::new())))
    }

    /// The link is whole between any two calls of it, also if one of them has panicked.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Link<R>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether others may use the link while we wait for input.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Appends, once there is room, and writes; waits no longer than the link's patience.
    pub(crate) fn send(
        &self,
        stream: &mut impl Sink,
        append: impl FnOnce(&mut Link<R>) -> Result<(), Error>,
    ) -> Result<SendStatus, Error> {
        let mut link = self.lock();
        let patience = Patience::new(link.patience);
        while !link.has_room() {
            drop(link);
            let written = self.write(stream, patience)?;
            link = self.lock();
            if !written && !link.has_room() {
                link.backlog = true;
                return Err(Error::WouldExceed(None));
            }
        }
        append(&mut link)?;
        drop(link);
        if self.write(stream, patience)? {
            return Ok(SendStatus::Sent);
        }
        self.lock().backlog = true;
        Ok(SendStatus::Queued)
    }

    /// Writes all that was appended. Returns whether it got away before patience ended, or before the
    /// stream would not wait any more.
    pub(crate) fn write(&self, stream: &mut impl Sink, patience: Patience) -> io::Result<bool> {
        loop {
            let Some(mut pipe) = self.take_pipe(patience) else { return Ok(false) };
            if !self.write_through(&mut pipe, stream, patience)? {
                return Ok(false);
            }
            drop(pipe);
            // Who did not wait for the pipe has left it to us.
            if self.lock().out.is_empty() {
                return Ok(true);
            }
        }
    }

    /// Whether nothing is left to write, and nobody is writing.
    pub(crate) fn is_written(&self) -> bool {
        self.lock().is_written()
    }

    fn take_pipe(&self, patience: Patience) -> Option<Taken<'_, R>> {
        let mut link = self.lock();
        loop {
            if let Some(pipe) = link.pipe.take() {
                return Some(Taken { pipe, shared: self });
            }
            link = match patience.left() {
                None => self.0.1.wait(link).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return None,
                Some(left) => {
                    let waited = self.0.1.wait_timeout(link, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn write_through(
        &self,
        pipe: &mut Pipe,
        stream: &mut impl Sink,
        patience: Patience,
    ) -> io::Result<bool> {
        let progress = |left| self.lock().piped = left;
        let result = loop {
            if pipe.is_empty() && !self.lock().pour(pipe) {
                break pipe.flush(stream, patience);
            }
            match pipe.write_to(stream, patience, progress) {
                Ok(true) => {}
                stopped => break stopped,
            }
        };
        if result.is_err() {
            let mut link = self.lock();
            link.piped = 0;
            link.lost += pipe.clear();
            link.end();
        }
        result
    }
}

impl<R: Role> Clone for Shared<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The pipe, in the hands of the one who writes.
struct Taken<'a, R: Role> {
    pipe: Pipe,
    shared: &'a Shared<R>,
}

impl<R: Role> Deref for Taken<'_, R> {
    type Target = Pipe;

    fn deref(&self) -> &Pipe {
        &self.pipe
    }
}

impl<R: Role> DerefMut for Taken<'_, R> {
    fn deref_mut(&mut self) -> &mut Pipe {
        &mut self.pipe
    }
}

impl<R: Role> Drop for Taken<'_, R> {
    fn drop(&mut self) {
        let pipe = mem::take(&mut self.pipe);
        let mut link = self.shared.lock();
        link.piped = pipe.len();
        link.pipe = Some(pipe);
        drop(link);
        self.shared.0.1.notify_one();
    }
}

/// A session, its clock, and what it wants to send.
#[derive(Debug)]
pub(crate) struct Link<R: Role> {
    pub(crate) session: Session<R>,
    /// The moment from which the session's time is counted.
    start: Instant,
    /// What the pipe has not taken yet.
    pub(crate) out: Vec<u8>,
    /// `None` while somebody writes.
    pipe: Option<Pipe>,
    /// How many bytes are left in the pipe, wherever it is.
    piped: usize,
    /// How many bytes of replies may still be unwritten.
    pub(crate) owed: usize,
    /// How many bytes may be unsent when a message is taken.
    pub(crate) high_water_mark: usize,
    /// How long sending waits for a peer that does not read.
    pub(crate) patience: Option<Duration>,
    /// Whether somebody was told that the peer does not read.
    backlog: bool,
    /// The writing side has ended: what comes now goes nowhere.
    ended: bool,
    /// How many bytes had not been written by then.
    lost: usize,
}

impl<R: Role> Link<R> {
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn send(&mut self, outgoing: &Outgoing<'_>) -> Result<(), Error> {
        // A session that is not open says so itself, and better.
        if self.ended && self.session.ready_state() == ReadyState::Open {
            return Err(io::Error::from(ErrorKind::BrokenPipe).into());
        }
        let (sender, out) = (self.session.sender()?, &mut self.out);
        match outgoing {
            Outgoing::Owned(Message::Text(text)) => sender.send_text(text, out)?,
            Outgoing::Owned(Message::Binary(bytes)) => sender.send_binary(bytes, out)?,
            Outgoing::Text(text) => sender.send_text(text, out)?,
            Outgoing::Binary(bytes) => sender.send_binary(bytes, out)?,
            Outgoing::Prepared(message) => sender.send_prepared(message, out)?,
            Outgoing::Ping(payload) => sender.ping(payload, out)?,
        }
        Ok(())
    }

    /// Closes with a code that an application may set, or with none.
    pub(crate) fn close(&mut self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        match frame {
            Some(frame) if !frame.code().is_application() => {
                Err(CloseError::CodeNotAllowed(frame.code()).into())
            }
            _ => self.close_with(frame),
        }
    }

    /// Closes with any code that may be sent.
    pub(crate) fn close_with(&mut self, frame: Option<&CloseFrame<'_>>) -> Result<(), Error> {
        let now = self.now();
        Ok(self.session.close(frame, now, &mut self.out)?)
    }

    /// How long it is to the session's deadline: nothing, if it has passed.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.session.deadline().map(|deadline| deadline.saturating_sub(self.now()))
    }

    /// Whether the session's deadline has passed.
    pub(crate) fn is_due(&self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self) {
        let now = self.now();
        self.session.handle_timeout(now, &mut self.out);
    }

    pub(crate) fn end_of_input(&mut self) {
        self.session.end_of_input(&mut self.out);
    }

    /// Gives up writing.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.lost += mem::take(&mut self.out).len();
    }

    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// How many bytes were appended and not written, also if they never will be.
    pub(crate) const fn buffered_amount(&self) -> usize {
        self.out.len() + self.piped + self.lost
    }

    /// Whether little enough is unsent to take a message. It goes nowhere if writing has ended, and that
    /// is told at once.
    const fn has_room(&self) -> bool {
        self.ended || self.out.len() + self.piped <= self.high_water_mark
    }

    fn is_written(&self) -> bool {
        self.out.is_empty() && self.pipe.as_ref().is_some_and(Pipe::is_flushed)
    }

    /// Whether all is written that somebody was told had to wait; only once.
    pub(crate) fn has_drained(&mut self) -> bool {
        self.backlog && self.is_written() && !self.ended && mem::take(&mut self.backlog)
    }

    /// Moves what is to be sent into an empty pipe; returns whether there is anything.
    fn pour(&mut self, pipe: &mut Pipe) -> bool {
        if self.ended {
            self.out.clear();
        }
        if self.out.is_empty() {
            self.owed = 0;
            return false;
        }
        self.piped = self.out.len();
        pipe.fill(&mut self.out);
        true
    }
}
