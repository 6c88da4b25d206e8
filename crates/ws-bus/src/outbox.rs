//! The messages on the way to the broker: a queue with a limit in bytes.

use std::collections::VecDeque;

/// The cost of a message in bytes, beside its own.
const COST: usize = size_of::<Outgoing>();

/// A message on its way to the broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// The subject or channel.
    pub(crate) name: String,
    /// The sealed message.
    pub(crate) bytes: Vec<u8>,
}

impl Outgoing {
    /// Returns the bytes that it occupies.
    pub(crate) const fn cost(&self) -> usize {
        COST + self.name.len() + self.bytes.len()
    }
}

/// The messages that the broker has not taken. Those that were handed to its client count until they are
/// [released](Self::release).
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: VecDeque<Outgoing>,
    /// The bytes of the queue, and of the messages that were taken and not released.
    held: usize,
    limit: usize,
}

impl Outbox {
    /// Creates an empty queue that holds at most `limit` bytes.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { queue: VecDeque::new(), held: 0, limit }
    }

    /// Returns whether a message never has room.
    pub(crate) const fn is_too_big(&self, message: &Outgoing) -> bool {
        message.cost() > self.limit
    }

    /// Appends a message. Returns `false`, and drops it, if there is no room.
    pub(crate) fn push(&mut self, message: Outgoing) -> bool {
        let held = self.held + message.cost();
        if held > self.limit {
            return false;
        }
        self.held = held;
        self.queue.push_back(message);
        true
    }

    /// Takes the next message, which counts until it is released.
    pub(crate) fn pop(&mut self) -> Option<Outgoing> {
        self.queue.pop_front()
    }

    /// Makes room for the bytes of a message that was taken.
    pub(crate) const fn release(&mut self, cost: usize) {
        self.held -= cost;
    }

    /// Drops the messages that nobody has taken; returns their number.
    pub(crate) fn clear(&mut self) -> usize {
        self.held -= self.queue.iter().map(Outgoing::cost).sum::<usize>();
        let dropped = self.queue.len();
        // An empty queue owns nothing.
        self.queue = VecDeque::new();
        dropped
    }

    /// Returns whether every message has been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize) -> Outgoing {
        Outgoing { name: "ws.a".into(), bytes: vec![0; length] }
    }

    #[test]
    fn a_full_queue_has_room_when_the_broker_has_taken_a_message() {
        let cost = message(100).cost();
        let mut outbox = Outbox::new(3 * cost);
        assert!((0..3).all(|_| outbox.push(message(100))));
        assert!(!outbox.push(message(0)) && !outbox.push(message(100)));
        let taken = outbox.pop().expect("a message");
        assert_eq!(taken, message(100));
        assert!(!outbox.push(message(100)), "it is not written yet");
        outbox.release(taken.cost());
        assert!(outbox.push(message(100)) && !outbox.push(message(0)));
    }

    #[test]
    fn clearing_keeps_count_of_taken_messages() {
        let cost = message(10).cost();
        let mut outbox = Outbox::new(3 * cost);
        assert!((0..3).all(|_| outbox.push(message(10))));
        let taken = outbox.pop().expect("a message");
        assert_eq!(outbox.clear(), 2);
        assert!(outbox.is_empty());
        assert!(outbox.push(message(10)) && outbox.push(message(10)) && !outbox.push(message(10)));
        outbox.release(taken.cost());
        assert!(outbox.push(message(10)));
    }

    #[test]
    fn empty_messages_cost_something_and_some_never_fit() {
        let mut outbox = Outbox::new(10 * message(0).cost());
        assert_eq!((0..100).filter(|_| outbox.push(message(0))).count(), 10);
        let limit = 9 * message(0).cost();
        assert!(!outbox.is_too_big(&message(limit)));
        assert!(outbox.is_too_big(&message(limit + 1)));
    }
}
