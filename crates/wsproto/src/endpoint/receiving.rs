//! An endpoint's input, and back pressure on it.

use alloc::vec::Vec;
use core::time::Duration;

use super::Endpoint;
use crate::closing::Advice;
use crate::event::SmallMessage;
use crate::handshake::Request;
use crate::{Event, MessageRef, ReadyState, Role, SessionEvent};

impl<R: Role> Endpoint<R> {
    /// Takes the next event off the front of `input`, unmasking it in place; `None` when there is
    /// none and all of `input` was consumed. Appends replies to the output.
    ///
    /// While the endpoint [does not want to read](Self::wants_read), it keeps the input, and its
    /// events follow once there is room. Call this after every [`wrote`](Self::wrote), even without
    /// input.
    #[inline]
    pub fn next_event<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
    ) -> Option<SessionEvent<Event<'b>>> {
        match self.small_message(input) {
            Some(message) => Some(SessionEvent::Received(message)),
            None => self.next_other_event(now, input),
        }
    }

    /// Takes a message below 64 KiB off the front of `input` if it has arrived whole, in one frame and
    /// uncompressed, and nothing else comes before it: the first half of
    /// [`next_event`](Self::next_event). A loop that takes such messages apart from other events
    /// handles them faster.
    #[inline(always)]
    pub fn next_small_message<'b>(&mut self, input: &mut &'b mut [u8]) -> Option<MessageRef<'b>> {
        self.small_message(input)
    }

    #[inline(always)]
    fn small_message<'b, M: SmallMessage<'b>>(&mut self, input: &mut &'b mut [u8]) -> Option<M> {
        let mark = self.mark();
        let outbox = self.outbox.get_or_insert_default();
        if input.is_empty() || !outbox.is_quiet(mark) {
            return None;
        }
        let message = self.session.small_message(input)?;
        outbox.answering = true;
        Some(message)
    }

    /// Takes the next event, after [`next_small_message`](Self::next_small_message) has returned
    /// `None`: the second half of [`next_event`](Self::next_event).
    #[inline]
    pub fn next_other_event<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
    ) -> Option<SessionEvent<Event<'b>>> {
        let mark = self.mark();
        let outbox = self.outbox.get_or_insert_default();
        if input.is_empty() && outbox.is_quiet(mark) && self.session.has_no_report(now) {
            outbox.answering = false;
            return None;
        }
        self.next_event_by_steps(now, input)
    }

    /// Lends the memory of a large binary message to `read`, which appends the next bytes of the
    /// input: a loop may do so in place of a read into its own buffer. See
    /// [`Receiver::read_payload`](crate::Receiver::read_payload) for the rules. `None` also while the
    /// endpoint [does not want to read](Self::wants_read). Call [`next_event`](Self::next_event)
    /// afterwards, even without input.
    #[inline]
    pub fn read_payload<T>(
        &mut self,
        now: Duration,
        read: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> Option<T> {
        if !self.wants_read() {
            return None;
        }
        self.session.read_payload(now, read)
    }

    /// Takes any event, also while input is deferred, the peer does not read, or the transport has
    /// failed or ended.
    fn next_event_by_steps<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
    ) -> Option<SessionEvent<Event<'b>>> {
        let (paused, postponed) = (self.is_halted(), self.session.is_postponed());
        let outbox = self.outbox.get_or_insert_default();
        if paused || postponed || outbox.has_deferred() {
            outbox.defer(input);
        }
        if self.is_stalled() {
            self.outbox.get_or_insert_default().stalled_since.get_or_insert(now);
        }
        if paused || postponed {
            // The session may have an event to report even without input. A message waits.
            if self.session.has_message() {
                return None;
            }
            return self.receive(now, input);
        }
        let mut deferred = self.outbox.get_or_insert_default().take_deferred();
        let event = if deferred.is_empty() {
            self.receive(now, input)
        } else {
            let mut rest = deferred.rest();
            let event = self.receive(now, &mut rest).map(SessionEvent::<Event<'_>>::into_owned);
            let left = rest.len();
            self.outbox.get_or_insert_default().defer_again(deferred, left);
            event
        };
        if event.is_none() && self.report_end(now) {
            return self.receive(now, input);
        }
        event
    }

    /// Takes an event from the session, and counts the replies.
    fn receive<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
    ) -> Option<SessionEvent<Event<'b>>> {
        let mark = self.mark();
        let behind = !R::SERVER && self.outbox.as_ref().is_some_and(|out| out.delays_pong(mark));
        let open = self.session.ready_state() == ReadyState::Open;
        let mut late = None;
        let event = self.append_reply(|session, out| {
            let before = out.len();
            let event = session.next_event(now, input, out);
            if let Some(SessionEvent::Received(Event::Ping(payload))) = &event
                && behind
                && open
            {
                // A client never stops reading, so it answers only the newest of a flood of Pings.
                out.truncate(before);
                late = Some(payload.to_vec());
            }
            event
        });
        let outbox = self.outbox.get_or_insert_default();
        if late.is_some() && !outbox.failed {
            outbox.deferred_pong = late;
        }
        outbox.answering = is_message(event.as_ref());
        event
    }

    /// Defers the rest of `input`, so that a peer with many events does not delay others.
    /// [`next_event`](Self::next_event) takes it before new input; until then,
    /// [`has_input`](Self::has_input) returns true unless reading is paused, and
    /// [`wants_read`](Self::wants_read) false.
    pub fn defer_input(&mut self, input: &mut &mut [u8]) {
        if !input.is_empty() {
            self.outbox.get_or_insert_default().defer(input);
        }
    }

    /// Sets whether the messages sent until the next event count as replies. By default they do after a
    /// received message; pass `false` for a message that another thread sends meanwhile.
    #[inline]
    pub fn set_replying(&mut self, replying: bool) {
        if let Some(outbox) = &mut self.outbox {
            outbox.answering = replying;
        } else if replying {
            self.outbox.get_or_insert_default().answering = true;
        }
    }

    /// Tells the endpoint that nothing more can be read: end of file, or any error of the
    /// transport. A peer that has closed only its writing side still gets the unwritten bytes, see
    /// [`Advice::Flush`].
    pub fn end_of_input(&mut self, now: Duration) {
        self.outbox.get_or_insert_default().ended = true;
        self.after_change(now);
    }

    /// Returns whether nothing more can be read and the session has not been told yet.
    pub(super) fn has_ended(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.ended)
    }

    /// Tells the session that nothing more can be read, once that is true and nothing else can
    /// change how the connection ends. Returns whether it did.
    #[inline]
    pub(super) fn report_end(&mut self, now: Duration) -> bool {
        self.has_ended() && self.report_end_now(now)
    }

    #[cold]
    fn report_end_now(&mut self, now: Duration) -> bool {
        let waits = match self.session.is_postponed() {
            // A client that has ended only its writing side still reads the answer to an ordinary request,
            // but cannot open a connection.
            true => !self.request().is_some_and(Request::is_upgrade),
            // The last messages are delivered first, even if the replies to them have not left.
            false => self.has_kept_input(),
        };
        if waits {
            return false;
        }
        // The end is clean if the answer to the peer's Close can still leave.
        if self.unwritten() > 0 && self.session.linger_for_close(now) {
            return false;
        }
        self.outbox.get_or_insert_default().ended = false;
        self.append_reply(|session, out| session.end_of_input_at(now, out));
        if self.unwritten() == 0 {
            self.session.flushed(now);
        }
        true
    }

    /// Returns whether to read now, if input is available.
    #[must_use]
    #[inline]
    pub fn wants_read(&self) -> bool {
        !self.has_ended()
            && match self.session.advice() {
                Advice::KeepOpen => {
                    !self.is_halted()
                        && self.outbox.as_ref().is_none_or(|outbox| !outbox.has_deferred())
                }
                Advice::AwaitEnd | Advice::Shutdown => true,
                Advice::Flush | Advice::Drop => false,
            }
    }

    /// Returns whether kept input can be processed now: call [`next_event`](Self::next_event).
    #[must_use]
    #[inline]
    pub fn has_input(&self) -> bool {
        self.has_kept_input() && !self.is_halted() && !self.session.is_postponed()
    }

    /// Returns whether input was read that no event has reported.
    #[inline]
    fn has_kept_input(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.has_deferred())
            || self.session.has_message()
    }

    /// Stops reading, and keeps the bytes already read, until [`resume`](Self::resume) is called or the
    /// closing handshake begins: for an application that passes messages on to a destination without
    /// room. TCP then stops the peer, too. Meanwhile, the keep-alive sends Pings but does not end the
    /// connection, because the Pongs are not read, and the end of the transport is not noticed.
    ///
    /// If both ends pause, neither makes progress. A server may give up a client that pauses, because it
    /// does not read.
    pub fn pause(&mut self) {
        self.outbox.get_or_insert_default().paused = true;
    }

    /// Reads on after [`pause`](Self::pause). The patience for an outstanding Pong restarts.
    pub fn resume(&mut self, now: Duration) {
        if let Some(outbox) = &mut self.outbox
            && outbox.paused
        {
            outbox.paused = false;
            self.ping_delayed(now);
        }
    }

    /// Returns whether the application has [paused](Self::pause) reading.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.paused)
    }

    /// Returns whether no input is processed at the moment: the application has paused, or the peer must read
    /// something first.
    #[inline]
    pub(super) fn is_halted(&self) -> bool {
        self.is_stalled() || self.is_paused() && self.ready_state() == ReadyState::Open
    }

    /// Returns whether the peer must read something before more input is processed.
    #[inline]
    pub(super) fn is_stalled(&self) -> bool {
        R::SERVER
            && self.unwritten_replies() > self.mark()
            && self.session.advice() == Advice::KeepOpen
    }

    #[inline]
    pub(super) fn unwritten_replies(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.unwritten_replies())
    }
}

#[inline]
fn is_message(event: Option<&SessionEvent<Event<'_>>>) -> bool {
    matches!(event, Some(SessionEvent::Received(Event::Text(_) | Event::Binary(_))))
}
