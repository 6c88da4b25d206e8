//! The sending half of a connection that was split.

use alloc::vec::Vec;

use crate::{Error, Event, Piece, Role, Sender};

/// The sending half of a [`Connection`](crate::Connection) after
/// [`split`](crate::Connection::split): a [`Sender`], and the replies that an unsplit connection
/// appends by itself.
///
/// Only this type has methods that append replies. An unsplit connection or session replies to
/// received events only, and the caller cannot pass it a fabricated one:
///
/// ```compile_fail
/// # use wsproto::{Event, Server, Session, SendError};
/// # fn f(session: &mut Session<Server>, out: &mut Vec<u8>) -> Result<(), SendError> {
/// session.sender()?.answer(&Event::Close(None), out);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SplitSender<R> {
    sender: Sender<R>,
}

impl<R: Role> SplitSender<R> {
    pub(crate) const fn new(sender: Sender<R>) -> Self {
        Self { sender }
    }

    /// Returns the sender, for everything that the application itself sends.
    pub const fn sender(&mut self) -> &mut Sender<R> {
        &mut self.sender
    }

    /// Appends the reply to an event: a Pong to a Ping, a Close with the same body to a Close. To
    /// any other event, and after a Close, appends nothing.
    pub fn answer(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        self.sender.answer(event, out);
    }

    /// Appends the reply to a piece, as [`answer`](Self::answer) does to an event.
    pub fn answer_piece(&mut self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        self.sender.answer_piece(piece, out);
    }

    /// Appends the Close that reports a violation to the peer, unless a Close was sent before.
    pub fn fail(&mut self, error: Error, out: &mut Vec<u8>) {
        self.sender.fail(error, out);
    }
}
