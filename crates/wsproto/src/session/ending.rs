//! The ends of a session: orderly, immediate, or a response to the opening handshake.

use alloc::vec::Vec;
use core::time::Duration;

use super::nanos::Nanos;
use super::timer::Timer;
use super::{Session, Stage};
use crate::closing::{Closing, Initiator};
use crate::{CloseCode, CloseFrame, CloseInfo, Role, SendError, SessionError};

impl<R: Role> Session<R> {
    /// Begins the closing handshake, as [`Sender::close`](crate::Sender::close) does, and starts
    /// its deadline; appends a Close to `out`. A session that is not open yet is given up: a server
    /// appends a response with status 503, unless its client has sent nothing yet; a client drops the
    /// transport.
    ///
    /// # Errors
    ///
    /// [`SendError::ClientOnlyCode`] if a server passes close code 1010.
    pub fn close(
        &mut self,
        frame: Option<&CloseFrame<'_>>,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        match &mut self.stage {
            Stage::Open(connection) => {
                connection.close(frame, out)?;
                self.end(Initiator::Local);
                self.watch_closing(now);
            }
            Stage::Handshake(_) => self.give_up_handshake(SessionError::Abandoned, now, out),
            Stage::Answered | Stage::Ended => {}
        }
        Ok(())
    }

    /// Ends the session at once: nothing more is sent, not even a Close, and the transport must be
    /// dropped.
    pub fn abort(&mut self) {
        self.finish(None, Initiator::Local);
    }

    /// Tells the session that nothing more can be read: end of file, or any error of the transport.
    /// All bytes read before must have been consumed, and the replies to them should have been
    /// written if possible: the end is clean only if our Close was written.
    ///
    /// The session is then over. Bytes left in `out` may still reach a peer that has closed only
    /// its writing side, so [`advice`](Self::advice) is [`Flush`](crate::Advice::Flush) until
    /// [`flushed`](Self::flushed) is called, or
    /// [`Config::close_timeout`](crate::Config::close_timeout) has passed since the latest time passed in.
    /// Appends nothing to `out`.
    pub fn end_of_input(&mut self, out: &mut Vec<u8>) {
        if matches!(self.stage, Stage::Ended) {
            return;
        }
        let error = match &mut self.stage {
            Stage::Handshake(handshake) => {
                handshake.give_up(SessionError::EndOfInput, self.now.into(), out).0
            }
            Stage::Open(_) | Stage::Answered | Stage::Ended => None,
        };
        // In the opening handshake there was nothing to answer yet; after the end everything was
        // written.
        let may_flush = match &self.stage {
            Stage::Handshake(_) => false,
            _ => self.flags & Self::OVER == 0,
        };
        self.finish(error, Initiator::Remote);
        if may_flush {
            self.timer = Timer::flush(self.now, &self.config);
        }
    }

    /// Ends the input, as [`end_of_input`](Self::end_of_input) does, at the time `now`.
    pub(crate) fn end_of_input_at(&mut self, now: Duration, out: &mut Vec<u8>) {
        self.watch_closing(now);
        self.end_of_input(out);
    }

    /// Returns whether both Closes are exchanged and ours is still unwritten. Nothing more can be
    /// read then, so the transport lingers for that Close only.
    pub(crate) fn linger_for_close(&mut self, now: Duration) -> bool {
        self.watch_closing(now);
        let exchanged =
            matches!(&self.stage, Stage::Open(open) if open.closing() == Closing::Exchanged);
        let waits = exchanged && self.flags & Self::OVER == 0;
        if waits && !matches!(self.timer, Timer::Linger { .. }) {
            self.timer = Timer::flush(self.now, &self.config);
        }
        waits
    }

    /// Tells the session that nothing more can be written. A session that only waits for its last
    /// bytes to leave is over.
    pub(crate) fn output_lost(&mut self) {
        match &self.stage {
            Stage::Open(open) if matches!(open.closing(), Closing::Open | Closing::Sent) => {}
            Stage::Open(_) | Stage::Answered => self.finish(None, Initiator::Local),
            Stage::Ended => self.timer = Timer::Off,
            Stage::Handshake(_) => {}
        }
    }

    /// Tells the session that the transport has failed, as [`end_of_input`](Self::end_of_input)
    /// does; but the owner knows the cause, so no [`Error`](crate::SessionEvent::Error) is
    /// reported.
    pub fn transport_failed(&mut self) {
        self.finish(None, Initiator::Remote);
    }

    /// Tells the session that all of `out` was written. Call it whenever writing has emptied `out`,
    /// and then `next_event`: once both Closes are exchanged and ours is written, the connection is
    /// closed, and the end is reported without waiting for the end of the transport.
    ///
    /// If writing fails, clear `out` without calling this, and keep reading until the end of the
    /// transport.
    #[inline]
    pub fn flushed(&mut self, now: Duration) {
        match &self.stage {
            Stage::Open(connection) if connection.closing() == Closing::Open => {}
            Stage::Handshake(_) => {}
            _ => self.closing_flushed(now),
        }
    }

    #[cold]
    fn closing_flushed(&mut self, now: Duration) {
        self.watch_closing(now);
        match &self.stage {
            Stage::Open(connection) => {
                let sent = connection.closing() == Closing::Sent;
                self.rare().close_written = true;
                if !sent {
                    self.conclude(self.now);
                }
            }
            Stage::Answered => self.conclude(self.now),
            Stage::Ended => self.timer = Timer::Off,
            Stage::Handshake(_) => {}
        }
    }

    /// Tells a session that is closing that the peer has read some of the output: the deadline restarts.
    /// [`Endpoint`](crate::Endpoint) calls this itself.
    #[inline]
    pub fn output_moved(&mut self, now: Duration) {
        if self.timer.is_closing() {
            self.prolong_closing(now);
        }
    }

    #[cold]
    fn prolong_closing(&mut self, now: Duration) {
        self.now = self.now.max(now.into());
        let concluded = self.flags & Self::OVER != 0 && !matches!(self.stage, Stage::Ended);
        self.timer = match self.timer {
            Timer::Linger { .. } if concluded => Timer::linger(self.now, &self.config),
            Timer::Linger { .. } => Timer::flush(self.now, &self.config),
            Timer::Closing { .. } => Timer::closing(self.now, &self.config),
            timer => timer,
        };
    }

    /// Gives up a peer that does not read the unwritten replies.
    pub(crate) fn fail_stalled(&mut self) {
        self.finish(Some(SessionError::WriteTimeout), Initiator::Local);
    }

    /// Reports the end, and lets the transport linger.
    pub(super) fn conclude(&mut self, now: Nanos) {
        if self.flags & Self::OVER != 0 {
            return;
        }
        self.flags |= Self::OVER;
        let (clean, sent) = (self.is_clean(), self.sent_code());
        let rare = self.rare();
        let end = rare.end(Initiator::Local);
        (end.was_clean, end.sent) = (clean, sent);
        rare.closed = true;
        self.timer = Timer::linger(now, &self.config);
    }

    /// Returns the code of the Close that was sent.
    fn sent_code(&self) -> Option<CloseCode> {
        match &self.stage {
            Stage::Open(connection) => connection.close_code(),
            _ => None,
        }
    }

    /// Returns whether both Closes were exchanged and ours was written.
    fn is_clean(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.closing() == Closing::Exchanged)
            && self.rare.as_ref().is_some_and(|rare| rare.close_written)
    }

    /// Gives up an opening handshake on this end's initiative: at once, or with a response that
    /// must still reach the peer.
    pub(super) fn give_up_handshake(
        &mut self,
        error: SessionError,
        now: Duration,
        out: &mut Vec<u8>,
    ) {
        let Stage::Handshake(handshake) = &mut self.stage else { return };
        match handshake.give_up(error, now, out) {
            (error, true) => {
                self.answered(now);
                self.rare().error = error;
            }
            (error, false) => self.finish(error, Initiator::Local),
        }
    }

    /// Leaves a handshake that ended in an HTTP response: a server waits until the response has
    /// arrived, a client has nothing left to do.
    pub(super) fn answered(&mut self, now: Duration) {
        self.keep_answer();
        self.end(Initiator::Local);
        if R::SERVER {
            self.stage = Stage::Answered;
            self.timer = Timer::closing(now.into(), &self.config);
        } else {
            self.stage = Stage::Ended;
            self.timer = Timer::Off;
            self.flags |= Self::OVER;
            self.rare().closed = true;
        }
    }

    /// Ends the session; reports the error, if any, and the end.
    pub(super) fn finish(&mut self, error: Option<SessionError>, initiator: Initiator) {
        self.timer = Timer::Off;
        if matches!(self.stage, Stage::Ended) {
            return;
        }
        self.keep_answer();
        let closing = match &self.stage {
            Stage::Open(connection) => connection.closing(),
            _ => Closing::Open,
        };
        let (clean, sent) = (self.is_clean(), self.sent_code());
        self.stage = Stage::Ended;
        if self.flags & Self::OVER != 0 {
            return;
        }
        self.flags |= Self::OVER;
        // A Close sent through `sender` has not been observed yet.
        let initiator = if closing == Closing::Sent { Initiator::Local } else { initiator };
        let rare = self.rare();
        let end = rare.end(initiator);
        (end.was_clean, end.sent) = (clean, sent);
        rare.error = rare.error.take().or(error);
        rare.closed = true;
    }

    /// Returns the close information, and creates it with `initiator` if there is none.
    pub(super) fn end(&mut self, initiator: Initiator) -> &mut CloseInfo {
        self.rare().end(initiator)
    }
}
