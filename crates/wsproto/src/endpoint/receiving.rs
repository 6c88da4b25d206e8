//! What an endpoint reads, and when it does not.

use core::time::Duration;

use super::Endpoint;
use super::account::Account;
use crate::closing::Advice;
use crate::{Event, ReadyState, Role, SessionEvent};

impl<R: Role> Endpoint<R> {
    /// Takes the next event off the front of `input`, unmasking it in place; `None` when there is none and
    /// all of `input` was consumed. Replies are appended to the output.
    ///
    /// While the endpoint [does not want to read](Self::wants_read), input is kept, and its events come
    /// once there is room; call this after every [`wrote`](Self::wrote), also without input.
    #[inline]
    pub fn next_event<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
    ) -> Option<SessionEvent<Event<'b>>> {
        let mark = self.mark();
        let outbox = self.outbox.get_or_insert_default();
        if outbox.is_quiet(mark) && !self.session.is_postponed() {
            let session = &mut self.session;
            let event = outbox.append(Account::Owed, |out| session.next_event(now, input, out));
            outbox.answering = is_message(event.as_ref());
            return event;
        }
        self.next_event_by_steps(now, input)
    }

    /// As [`next_event`](Self::next_event), while something waits or has failed.
    fn next_event_by_steps<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
    ) -> Option<SessionEvent<Event<'b>>> {
        let (paused, postponed) = (self.is_paused(), self.session.is_postponed());
        let outbox = self.outbox.get_or_insert_default();
        if paused || postponed || outbox.has_held() {
            outbox.hold(input);
        }
        if paused {
            outbox.stalled_since.get_or_insert(now);
        }
        if paused || postponed {
            // It may have something to report all the same.
            return self.receive(now, input);
        }
        let mut held = outbox.take_held();
        let event = if held.is_empty() {
            self.receive(now, input)
        } else {
            let mut rest = held.rest();
            let event = self.receive(now, &mut rest).map(SessionEvent::<Event<'_>>::into_owned);
            let left = rest.len();
            self.outbox.get_or_insert_default().hold_again(held, left);
            event
        };
        if event.is_none() && self.tell_end(now) {
            return self.receive(now, input);
        }
        event
    }

    /// Takes an event, and keeps account of the replies.
    fn receive<'b>(
        &mut self,
        now: Duration,
        input: &mut &'b mut [u8],
    ) -> Option<SessionEvent<Event<'b>>> {
        let behind = !R::SERVER && self.owed() > self.mark();
        let open = self.session.ready_state() == ReadyState::Open;
        let mut late = None;
        let event = self.owing(|session, out| {
            let before = out.len();
            let event = session.next_event(now, input, out);
            if let Some(SessionEvent::Received(Event::Ping(payload))) = &event
                && behind
                && open
            {
                // A client does not stop reading, so it answers only the newest of very many Pings.
                out.truncate(before);
                late = Some(payload.to_vec());
            }
            event
        });
        let outbox = self.outbox.get_or_insert_default();
        if late.is_some() && !outbox.failed {
            outbox.late_pong = late;
        }
        outbox.answering = is_message(event.as_ref());
        event
    }

    /// Tells that nothing more can be read: end of file, or any error of the transport. A peer that has
    /// only ended its own side still gets what is unwritten, see [`Advice::Flush`].
    pub fn end_of_input(&mut self, now: Duration) {
        self.outbox.get_or_insert_default().ended = true;
        self.settle(now);
    }

    /// Whether nothing more can be read, and the session does not know it yet.
    pub(super) fn has_ended(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.ended)
    }

    /// Tells the session that nothing more can be read, as soon as that is true, and nothing more decides how
    /// the connection ended. Returns whether it did.
    #[inline]
    pub(super) fn tell_end(&mut self, now: Duration) -> bool {
        self.has_ended() && self.tell_end_now(now)
    }

    #[cold]
    fn tell_end_now(&mut self, now: Duration) -> bool {
        // The last messages are worth hearing, whether or not the answers to them have left.
        if self.outbox.as_ref().is_some_and(|outbox| outbox.has_held())
            && !self.session.is_postponed()
        {
            return false;
        }
        // The end is clean if the answer to the peer's Close still leaves.
        if self.unwritten() > 0 && self.session.linger_for_close(now) {
            return false;
        }
        self.outbox.get_or_insert_default().ended = false;
        self.owing(|session, out| session.end_of_input_at(now, out));
        if self.unwritten() == 0 {
            self.session.flushed(now);
        }
        true
    }

    /// Whether to read now, if there is something.
    #[must_use]
    #[inline]
    pub fn wants_read(&self) -> bool {
        !self.has_ended()
            && match self.session.advice() {
                Advice::KeepOpen => {
                    !self.is_paused()
                        && !self.session.is_postponed()
                        && self.outbox.as_ref().is_none_or(|outbox| !outbox.has_held())
                }
                Advice::AwaitEnd | Advice::Shutdown => true,
                Advice::Flush | Advice::Drop => false,
            }
    }

    /// Whether input that was kept can be looked at now: call [`next_event`](Self::next_event).
    #[must_use]
    #[inline]
    pub fn has_input(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.has_held())
            && !self.is_paused()
            && !self.session.is_postponed()
    }

    /// Whether the peer has to take something before anything more is read.
    #[inline]
    pub(super) fn is_paused(&self) -> bool {
        R::SERVER && self.owed() > self.mark() && self.session.advice() == Advice::KeepOpen
    }

    #[inline]
    pub(super) fn owed(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.owed())
    }
}

#[inline]
fn is_message(event: Option<&SessionEvent<Event<'_>>>) -> bool {
    matches!(event, Some(SessionEvent::Received(Event::Text(_) | Event::Binary(_))))
}
