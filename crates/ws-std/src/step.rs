//! What the thread that receives does: reads, answers, observes deadlines, ends the stream.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use wsproto::{Advice, Event, ReadyState, Role, SessionEvent};

use crate::link::Link;
use crate::patience::{HARDLY, Patience};
use crate::pipe::{is_timeout, retry};
use crate::{Error, Message, WebSocket};

/// The bytes that one read takes at most.
const READ_SIZE: usize = 64 << 10;

/// How many bytes of replies may wait while another thread writes, before nothing more is read.
const MAX_OWED: usize = 64 << 10;

/// How long a read blocks at most while there is something left to write, or the connection closes.
const LOOK_AROUND: Duration = Duration::from_millis(100);

/// How long a read blocks at most while other threads may begin the closing, and its deadline.
const LOOK_RARELY: Duration = Duration::from_millis(2500);

/// How much too early a read may end that waits: operating systems count in ticks, of which the first
/// has begun already.
const TICK: Duration = Duration::from_millis(10);

/// A read of fewer bytes has taken all there was, over TLS as well.
const FULL_READ: usize = 16 << 10;

/// How many reads may follow a deadline that has passed, because what it waits for may be there
/// already: all that a socket holds, but not all that a flooding peer can send.
const LATE_READS: u8 = 100;

/// What was read, and how much of it is consumed.
#[derive(Debug)]
pub(crate) struct Input {
    buffer: Box<[u8]>,
    consumed: usize,
    filled: usize,
    /// Whether the current call has read anything.
    pub(crate) has_read: bool,
    late_reads: u8,
}

impl Input {
    pub(crate) fn new() -> Self {
        let buffer = vec![0; READ_SIZE].into();
        Self { buffer, consumed: 0, filled: 0, has_read: false, late_reads: 0 }
    }
}

/// What a step of the session led to.
pub(crate) enum Step {
    Upgrade,
    Http,
    Open,
    Message(Message),
    /// What had to wait is sent.
    Drained,
    /// Nothing for the application, such as a Ping.
    Other,
}

impl<S: Read + Write, R: Role> WebSocket<S, R> {
    /// Uses the link.
    pub(crate) fn link<T>(&self, use_it: impl FnOnce(&mut Link<R>) -> T) -> T {
        use_it(&mut self.link.lock())
    }

    /// Goes on to the next thing that happens, however long it takes.
    pub(crate) fn step(&mut self) -> Result<Option<Step>, Error> {
        self.step_until(None)
    }

    /// Goes on to the next thing that happens; `None` when the connection is closed. What went wrong
    /// is reported then, so that the peer has been told, and whoever drops us at an error does not
    /// prevent it.
    pub(crate) fn step_until(&mut self, until: Option<Instant>) -> Result<Option<Step>, Error> {
        loop {
            if let Some(step) = self.step_session() {
                // A reply does not wait until the application has dealt with the message behind it.
                if self.link(|link| link.owed > 0) {
                    // If it cannot be written now, it will be before anything more is read.
                    let _ = self.write_owed();
                }
                return Ok(Some(step));
            }
            match self.link(|link| link.session.advice()) {
                // Another thread has just ended it: that is still to be reported.
                Advice::Drop if self.close_info.is_none() => continue,
                Advice::Drop => return self.failed.take().map_or(Ok(None), Err),
                transport => {
                    if !self.write_owed()? {
                        continue;
                    }
                    if self.link(Link::has_drained) {
                        return Ok(Some(Step::Drained));
                    }
                    if transport == Advice::Shutdown && !self.end_output() {
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
        let patience = Patience::new(if shared { Some(HARDLY) } else { limit });
        // What the peer wrote before it went away can still be read, perhaps a Close.
        let written = self.link.write(&mut self.control.sink(&mut self.stream), patience);
        if matches!(written, Ok(false)) {
            if self.link(|link| link.is_due()) {
                self.link(Link::handle_timeout);
                return Ok(false);
            }
            if !shared {
                return Err(io::Error::from(ErrorKind::WouldBlock).into());
            }
        }
        if self.link(|link| link.owed <= MAX_OWED) {
            return Ok(true);
        }
        // The one who writes does not get on.
        if self.link(|link| link.is_due()) {
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
        self.input.late_reads = if overdue { self.input.late_reads + 1 } else { 0 };
        if self.input.late_reads > LATE_READS {
            self.input.late_reads = 0;
            self.link(Link::handle_timeout);
            return Ok(());
        }
        let began = Instant::now();
        let patience = until.map(|until| until.saturating_duration_since(began));
        if patience == Some(Duration::ZERO) && self.input.has_read {
            // The peer may send without end, and no message among it.
            return Err(io::Error::from(ErrorKind::TimedOut).into());
        }
        self.input.has_read = true;
        let limit = remaining.into_iter().chain(patience).chain(self.look_around()).min();
        let limit = limit.map(|limit| limit.max(HARDLY));
        // A read that ends before its limit is one that does not wait, so it must not be by a tick.
        self.control.limit_read(&self.stream, limit.map(|limit| limit + TICK));
        match retry(|| self.stream.read(&mut self.input.buffer)) {
            Ok(0) => self.link(Link::end_of_input),
            Ok(read) => {
                (self.input.consumed, self.input.filled) = (0, read);
                if overdue && read < FULL_READ {
                    self.input.late_reads = LATE_READS;
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
        } else if self.ready_state() == ReadyState::Open
            && self.link.is_written()
            && self.link(|link| link.patience.is_none())
        {
            let timeout = self.link(|link| link.session.config().close_timeout);
            Some(timeout.map_or(LOOK_RARELY, |timeout| (timeout / 4).min(LOOK_RARELY)))
        } else {
            Some(LOOK_AROUND)
        }
    }

    /// Writes the rest of an opening handshake.
    pub(crate) fn finish_handshake(&mut self) -> Result<(), Error> {
        let ended = |link: &mut Link<R>| link.session.advice() == Advice::Drop;
        while !self.link(ended) && !self.write_owed()? {}
        Ok(())
    }
}
