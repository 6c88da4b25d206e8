//! Sending on the connections of a conversation, with back pressure.

use ws_std::{Error, Message, WebSocketConnection};

use crate::exit::{Exit, Status};
use crate::printer::Printer;
use crate::session::Current;

/// The connection has ended; its end says why.
pub(crate) struct Ended;

/// Sends a message. Waits for room as long as the peer reads; a peer that reads nothing ends the conversation.
pub(crate) fn send(
    current: &Current,
    printer: &Printer,
    ws: &WebSocketConnection,
    message: &Message,
) -> Result<(), Ended> {
    with_room(current, printer, ws, || try_send(ws, message))
}

/// Calls `attempt` until it finds room, as [`send`] does.
pub(crate) fn with_room(
    current: &Current,
    printer: &Printer,
    ws: &WebSocketConnection,
    mut attempt: impl FnMut() -> Result<(), Error>,
) -> Result<(), Ended> {
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            // A slow reader of standard output pauses the connection, and a peer that cannot write may stop reading.
            Err(Error::WouldExceed(_)) if printer.is_full() => {}
            Err(Error::WouldExceed(_)) => {
                current.fail(Exit::new(Status::Timeout, "the peer reads nothing"));
                ws.abort();
                return Err(Ended);
            }
            Err(_) => return Err(Ended),
        }
    }
}

/// Sends a message that is kept, for further connections or attempts.
///
/// # Errors
///
/// Those of [`WebSocketConnection::send`]; [`Error::WouldExceed`] does not return the message.
pub(crate) fn try_send(ws: &WebSocketConnection, message: &Message) -> Result<(), Error> {
    match message {
        Message::Text(text) => ws.send_text(text),
        Message::Binary(bytes) => ws.send_binary(bytes),
    }
    .map(drop)
}
