//! The sending half of a connection that was split.

use alloc::vec::Vec;

use crate::{Error, Event, Piece, Role, Sender};

/// The sending half of a [`Connection`](crate::Connection) that was [split](crate::Connection::split):
/// a [`Sender`], and the replies that a whole connection appends by itself.
#[derive(Debug)]
pub struct SplitSender<R> {
    sender: Sender<R>,
}

impl<R: Role> SplitSender<R> {
    pub(crate) const fn new(sender: Sender<R>) -> Self {
        Self { sender }
    }

    /// Returns the sender, for everything that the application sends by itself.
    pub const fn sender(&mut self) -> &mut Sender<R> {
        &mut self.sender
    }

    /// Appends the reply that an event calls for: to a Ping a Pong, to a Close a Close with the
    /// same body; to anything else, and after a Close, nothing.
    pub fn answer(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        self.sender.answer(event, out);
    }

    /// As [`answer`](Self::answer), for pieces.
    pub fn answer_piece(&mut self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        self.sender.answer_piece(piece, out);
    }

    /// Appends the Close that tells the peer which rule it broke, unless a Close was sent before.
    pub fn fail(&mut self, error: Error, out: &mut Vec<u8>) {
        self.sender.fail(error, out);
    }
}
