//! What an application says to a request.

use wsproto::handshake::{Accept, Response};

/// What an application answers to a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Opens the connection. To an ordinary request, which asks for none, it is a refusal.
    Accept(Accept),
    /// Sends a response instead: a page to an ordinary request, a refusal to an upgrade.
    Respond(Response),
}
