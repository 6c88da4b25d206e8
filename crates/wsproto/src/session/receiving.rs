//! The input of a session, and its reports in order.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::handshake::Progress;
use super::{Session, SessionError, SessionEvent, Stage, UNMEASURED};
use crate::closing::{Closing, Initiator};
use crate::event::{Received, SmallMessage};
use crate::{CloseCode, CloseFrame, CloseInfo, Connection, Error, Event, Piece, Role};

impl<R: Role> Session<R> {
    /// Takes the next event off the front of `input`, unmasking it in place; `None` when there is
    /// none and all of `input` was consumed. Appends replies to `out`, as
    /// [`Connection::next_event`] does.
    #[inline]
    pub fn next_event<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
    ) -> Option<SessionEvent<Event<'b>>> {
        self.next_event_in_place(now, input, 0, out)
    }

    /// Takes the next event, as [`next_event`](Self::next_event) does, but once the session is
    /// open, an incomplete frame stays in `input`: `None` may leave fewer than `most` bytes there.
    /// [`Receiver::next_event_in_place`] gives the rules, including the bounds on `most`. Before
    /// [`end_of_input`](Self::end_of_input), consume the remaining bytes with `next_event`.
    ///
    /// [`Receiver::next_event_in_place`]: crate::Receiver::next_event_in_place
    #[inline]
    pub fn next_event_in_place<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Option<SessionEvent<Event<'b>>> {
        match self.small_message(input) {
            Some(message) => {
                self.now = self.now.max(now.into());
                Some(SessionEvent::Received(message))
            }
            None => self.next_event_by_steps(now, input, most, out),
        }
    }

    /// Takes a small message off the front of `input`, the most frequent event. Everything else is left
    /// to [`next_event`](Self::next_event), which also stores the time. Inlined for the compiler: moving
    /// an event out of a function costs as much as creating it.
    #[inline(always)]
    pub(crate) fn small_message<'b, M: SmallMessage<'b>>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Option<M> {
        let Stage::Open(connection) = &mut self.stage else { return None };
        if self.flags & !Self::FRAGMENTS != 0 {
            return None;
        }
        connection.small_message(input)
    }

    /// Returns whether the session is open and has no event without more input. Stores the time.
    #[inline]
    pub(crate) fn has_no_report(&mut self, now: Duration) -> bool {
        self.now = self.now.max(now.into());
        self.flags & !Self::FRAGMENTS == 0
            && self.rare.is_none()
            && matches!(&self.stage, Stage::Open(open) if open.is_open())
            && !self.has_message()
    }

    /// Returns whether the rest of a message was [read](Self::read_payload), so that the next event
    /// needs no input.
    #[inline]
    pub(crate) fn has_message(&self) -> bool {
        self.flags & Self::OVER == 0
            && matches!(&self.stage, Stage::Open(open) if open.is_at_end_of_frame())
    }

    /// Lends the memory of a large binary message to `read`, which appends the next bytes of the
    /// input; see [`Receiver::read_payload`] for the rules. `None` also while
    /// the session is not open.
    ///
    /// [`Receiver::read_payload`]: crate::Receiver::read_payload
    pub fn read_payload<T>(
        &mut self,
        now: Duration,
        read: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> Option<T> {
        let Stage::Open(connection) = &mut self.stage else { return None };
        if self.flags & (Self::OPENED | Self::OVER) != 0 || !connection.is_open() {
            return None;
        }
        self.now = self.now.max(now.into());
        let mut appended = 0;
        let result = connection.read_payload(|message| {
            let before = message.len();
            let result = read(message);
            appended = message.len().saturating_sub(before);
            result
        });
        if self.flags & Self::AWAITS_PONG != 0 {
            self.timer.count(appended);
        }
        result
    }

    fn next_event_by_steps<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Option<SessionEvent<Event<'b>>> {
        let before = input.len();
        self.watch_closing(now);
        let event = self.advance(now, input, out, |connection, input, out| {
            connection.next_event_by_steps(input, most, out)
        });
        self.count_input(before, input.len());
        self.limit_closing();
        event
    }

    /// Takes the next event, as [`next_event`](Self::next_event) does, but hands out messages in
    /// pieces, as [`Connection::next_piece`] does.
    pub fn next_piece<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
    ) -> Option<SessionEvent<Piece<'b>>> {
        let before = input.len();
        self.watch_closing(now);
        let event = self.advance(now, input, out, Connection::next_piece);
        self.count_input(before, input.len());
        self.limit_closing();
        event
    }

    /// Counts bytes that arrive while a Pong is outstanding. Of `before` bytes of input, `left`
    /// remain for the next call and must not be counted again.
    #[inline]
    fn count_input(&mut self, before: usize, left: usize) {
        if self.flags & Self::AWAITS_PONG != 0 {
            self.timer.count(before.saturating_sub(self.counted.into()));
            self.counted = u16::try_from(left).unwrap_or(u16::MAX);
        }
    }

    fn advance<'b, E: Received>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
        next: impl Fn(&mut Connection<R>, &mut &'b mut [u8], &mut Vec<u8>) -> Result<Option<E>, Error>,
    ) -> Option<SessionEvent<E>> {
        if let Some(report) = self.next_report() {
            return Some(report);
        }
        match &mut self.stage {
            Stage::Handshake(handshake) => match handshake.advance(now, input, out, &self.config) {
                Progress::NeedMore | Progress::Postponed => None,
                Progress::Upgrade => Some(SessionEvent::Upgrade),
                Progress::Http => Some(SessionEvent::Http),
                Progress::Open(agreed) => {
                    self.open(agreed, now);
                    self.next_report()
                }
                Progress::Failed(error) => {
                    if error.is_refusal() {
                        self.end(Initiator::Remote);
                    }
                    self.answered(now);
                    Some(SessionEvent::Error(error))
                }
                Progress::Undecided => {
                    self.answered(now);
                    *input = &mut [];
                    None
                }
            },
            Stage::Open(connection)
                if connection.closing() != Closing::Failed && self.flags & Self::OVER == 0 =>
            {
                match next(connection, input, out) {
                    Ok(event) => event.map(|event| {
                        self.observe(&event, now);
                        SessionEvent::Received(event)
                    }),
                    Err(error) => Some(self.violated(error)),
                }
            }
            Stage::Open(_) | Stage::Answered | Stage::Ended => {
                *input = &mut [];
                None
            }
        }
    }

    /// Reports a violation by the peer.
    #[cold]
    fn violated<E>(&mut self, error: Error) -> SessionEvent<E> {
        self.end(Initiator::Local);
        self.limit_closing();
        self.conclude_if_written();
        let violation = match &self.stage {
            Stage::Open(connection) => connection.violation().cloned(),
            _ => None,
        };
        SessionEvent::Error(SessionError::Protocol(violation.unwrap_or(error.into())))
    }

    fn next_report<E>(&mut self) -> Option<SessionEvent<E>> {
        if self.flags & Self::OPENED != 0 {
            self.flags &= !Self::OPENED;
            return Some(SessionEvent::Open);
        }
        let rare = self.rare.as_mut()?;
        if let Some(error) = rare.error.take() {
            return Some(SessionEvent::Error(error));
        }
        if !mem::take(&mut rare.closed) {
            return None;
        }
        let unknown = || Box::new(CloseInfo::abnormal(Initiator::Remote));
        let end = rare.end.take().unwrap_or_else(unknown);
        self.drop_blank_rare();
        Some(SessionEvent::Closed(*end))
    }

    /// Updates keep-alive and closing state from an event.
    fn observe(&mut self, event: &impl Received, now: Duration) {
        if let Some(payload) = event.pong()
            && let Some(sent) = self.timer.answered(payload, self.patience())
        {
            self.restart_keep_alive(now);
            let micros = now.saturating_sub(sent.into()).as_micros();
            self.round_trip = u32::try_from(micros).unwrap_or(UNMEASURED - 1).min(UNMEASURED - 1);
        }
        if let Some(frame) = event.close() {
            let end = self.end(Initiator::Remote);
            end.code = frame.map_or(CloseCode::NO_STATUS, CloseFrame::code);
            end.reason = frame.map_or_else(String::new, |frame| frame.reason().into());
            self.conclude_if_written();
        }
    }

    /// Reports the end if our Close has already been written: then nothing is left to wait for.
    fn conclude_if_written(&mut self) {
        if self.rare.as_ref().is_some_and(|rare| rare.close_written) {
            self.conclude(self.now);
        }
    }
}
