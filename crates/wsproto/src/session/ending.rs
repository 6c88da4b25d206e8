//! How a session ends: in order, at once, or with an answer to the opening handshake.

use alloc::vec::Vec;
use core::time::Duration;

use super::nanos::Nanos;
use super::timer::Timer;
use super::{Session, Stage};
use crate::closing::{Closing, Initiator};
use crate::{CloseFrame, CloseInfo, Role, SendError, SessionError};

impl<R: Role> Session<R> {
    /// Begins the closing handshake, as [`Sender::close`](crate::Sender::close) does, and its
    /// deadline; appends a Close to `out`, to be written. A session that is not open yet is given up: a server answers with status 503, a
    /// client drops the transport.
    ///
    /// # Errors
    ///
    /// [`SendError::ClientOnlyCode`] if a server asks for 1010.
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

    /// Ends the session at once: nothing more is sent, not even a Close, and the transport is to be
    /// dropped.
    pub fn abort(&mut self) {
        self.finish(None, Initiator::Local);
    }

    /// Tells the session that nothing more can be read: end of file, or any error of the transport.
    /// Everything that was read before must have been consumed.
    ///
    /// The session is over then. What is left in `out` may still reach a peer that has only ended its
    /// own side, and [`advice`](Self::advice) is [`Flush`](crate::Advice::Flush) for a moment. May append
    /// nothing to `out`.
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
        self.finish(error, Initiator::Remote);
        self.timer = Timer::linger(self.now, &self.config);
    }

    /// Tells the session that the transport has failed, as [`end_of_input`](Self::end_of_input) does; but the
    /// owner knows why, so no [`Error`](crate::SessionEvent::Error) is reported.
    pub fn transport_failed(&mut self) {
        self.finish(None, Initiator::Remote);
    }

    /// Tells the session that `out` was written to its end. Call it whenever `out` has become empty that
    /// way, and then `next_event`: once both Closes are exchanged and ours is written, the connection is
    /// closed, and that is reported without waiting for the end of the transport.
    ///
    /// If writing fails, empty `out` without this call, and read on to the end of the transport.
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

    /// Gives up a peer that takes nothing of what it is owed.
    pub(crate) fn fail_stalled(&mut self) {
        self.finish(Some(SessionError::WriteTimeout), Initiator::Local);
    }

    /// Reports the end, and lets the transport linger.
    pub(super) fn conclude(&mut self, now: Nanos) {
        if self.detour & Self::OVER != 0 {
            return;
        }
        self.detour |= Self::OVER;
        let clean = self.is_clean();
        let rare = self.rare();
        rare.end(Initiator::Local).was_clean = clean;
        rare.closed = true;
        self.timer = Timer::linger(now, &self.config);
    }

    /// Whether both Closes were exchanged, and ours was written.
    fn is_clean(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.closing() == Closing::Exchanged)
            && self.rare.as_ref().is_some_and(|rare| rare.close_written)
    }

    /// Gives up an opening handshake of our own accord: with an answer that still has to arrive, or
    /// at once.
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

    /// Goes on after a handshake that ended in an HTTP response: a server lets it arrive, a client
    /// has nothing more to do.
    pub(super) fn answered(&mut self, now: Duration) {
        self.keep_response();
        self.end(Initiator::Local);
        if R::SERVER {
            self.stage = Stage::Answered;
            self.timer = Timer::closing(now.into(), &self.config);
        } else {
            self.stage = Stage::Ended;
            self.timer = Timer::Off;
            self.detour |= Self::OVER;
            self.rare().closed = true;
        }
    }

    /// Ends the session, and reports the error, if any, and the end.
    pub(super) fn finish(&mut self, error: Option<SessionError>, initiator: Initiator) {
        if matches!(self.stage, Stage::Ended) {
            return;
        }
        self.keep_response();
        let closing = match &self.stage {
            Stage::Open(connection) => connection.closing(),
            _ => Closing::Open,
        };
        let clean = self.is_clean();
        self.stage = Stage::Ended;
        self.timer = Timer::Off;
        if self.detour & Self::OVER != 0 {
            return;
        }
        self.detour |= Self::OVER;
        // A Close that was sent through `sender`, and not noticed yet.
        let initiator = if closing == Closing::Sent { Initiator::Local } else { initiator };
        let rare = self.rare();
        rare.end(initiator).was_clean = clean;
        rare.error = rare.error.take().or(error);
        rare.closed = true;
    }

    /// Returns what is known of the end, which begins here if it has not begun before.
    pub(super) fn end(&mut self, initiator: Initiator) -> &mut CloseInfo {
        self.rare().end(initiator)
    }
}
