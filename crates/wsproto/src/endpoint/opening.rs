//! The opening handshake of an endpoint.

use alloc::vec::Vec;
use core::time::Duration;

use super::Endpoint;
use crate::Role;
use crate::handshake::{Accept, AcceptError, Request, Response};

impl<R: Role> Endpoint<R> {
    /// Returns the request that waits for a decision; a client never has one.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        self.session.request()
    }

    /// Accepts the opening handshake, as [`Session::accept`](crate::Session::accept) does.
    ///
    /// # Errors
    ///
    /// As [`Session::accept`](crate::Session::accept).
    pub fn accept(&mut self, accept: &Accept, now: Duration) -> Result<(), AcceptError> {
        self.append_reply(|session, out| session.accept(accept, now, out))
    }

    /// Answers the request with an ordinary response, as [`Session::respond`](crate::Session::respond)
    /// does.
    ///
    /// # Errors
    ///
    /// As [`Session::respond`](crate::Session::respond).
    pub fn respond(&mut self, response: &Response, now: Duration) -> Result<(), AcceptError> {
        self.append_reply(|session, out| session.respond(response, now, out))
    }

    /// Refuses the request as the protocol requires, as
    /// [`Session::decline`](crate::Session::decline) does.
    ///
    /// # Errors
    ///
    /// As [`Session::decline`](crate::Session::decline).
    pub fn decline(&mut self, now: Duration) -> Result<(), AcceptError> {
        self.append_reply(|session, out| session.decline(now, out))
    }

    /// Postpones the decision on the request, as [`Session::postpone`](crate::Session::postpone)
    /// does. Input is kept meanwhile, and no more is [wanted](Self::wants_read) once there is some. If the
    /// client leaves before the decision, the session ends; but a client that has ended only its writing side
    /// still gets the answer to an ordinary request.
    ///
    /// # Errors
    ///
    /// As [`Session::postpone`](crate::Session::postpone).
    pub fn postpone(&mut self) -> Result<(), AcceptError> {
        self.session.postpone()
    }

    /// Takes out the server's response, as
    /// [`Session::take_response`](crate::Session::take_response) does.
    pub fn take_response(&mut self) -> Option<Response> {
        self.session.take_response()
    }

    /// Takes out the bytes that arrived in place of a response, as
    /// [`Session::take_unparsed_response`](crate::Session::take_unparsed_response) does.
    pub fn take_unparsed_response(&mut self) -> Option<Vec<u8>> {
        self.session.take_unparsed_response()
    }

    /// Tells the endpoint that the transport has failed, as [`end_of_input`](Self::end_of_input)
    /// does; but the loop knows the cause, so no [`Error`](crate::SessionEvent::Error) is reported.
    pub fn transport_failed(&mut self) {
        self.session.transport_failed();
    }
}
