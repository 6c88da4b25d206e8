//! How a session ends: in order, at once, or with an answer to the opening handshake.

use alloc::vec::Vec;
use core::time::Duration;

use super::timer::Timer;
use super::{Session, Stage};
use crate::closing::{Closing, Initiator};
use crate::{CloseFrame, CloseInfo, Role, SendError, SessionError};

impl<R: Role> Session<R> {
    /// Begins the closing handshake, as [`Sender::close`](crate::Sender::close) does, and its
    /// deadline. A session that is not open yet is given up: a server answers with status 503, a
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

    /// Tells the session that the transport has ended: end of file, or any error of it. What was
    /// read before must have been consumed.
    pub fn end_of_input(&mut self, out: &mut Vec<u8>) {
        let error = match &mut self.stage {
            Stage::Handshake(handshake) => {
                handshake.give_up(SessionError::EndOfInput, self.now.into(), out).0
            }
            Stage::Open(_) | Stage::Answered | Stage::Ended => None,
        };
        self.finish(error, Initiator::Remote);
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
        // A Close that was sent through `sender`, and not noticed yet.
        let initiator = if closing == Closing::Sent { Initiator::Local } else { initiator };
        let rare = self.rare();
        rare.end(initiator).was_clean = closing == Closing::Exchanged;
        rare.error = rare.error.take().or(error);
        rare.closed = true;
        self.stage = Stage::Ended;
        self.timer = Timer::Off;
    }

    /// Returns what is known of the end, which begins here if it has not begun before.
    pub(super) fn end(&mut self, initiator: Initiator) -> &mut CloseInfo {
        self.rare().end(initiator)
    }
}
