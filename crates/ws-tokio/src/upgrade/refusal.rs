//! Answers that refuse a connection.

use std::fmt;

use ws_common::adapter::NotHosted;
use wsproto::handshake::Response;

use super::http::http_response;

/// The answer to a request that is not accepted. It converts into a response of the crate `http` with any body that
/// is made of bytes, and with the feature `axum` into one of axum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    response: Box<Response>,
    ordinary: bool,
}

impl Refusal {
    /// Returns the answer.
    #[must_use]
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// Returns whether the request asks for no WebSocket at all, valid or not: it may be one for a page.
    #[must_use]
    pub const fn is_ordinary(&self) -> bool {
        self.ordinary
    }
}

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self { response: Box::new(response), ordinary: false }
    }
}

impl From<NotHosted> for Refusal {
    fn from(refused: NotHosted) -> Self {
        Self { response: Box::new(refused.response), ordinary: refused.ordinary }
    }
}

impl<B: From<Vec<u8>>> From<Refusal> for ::http::Response<B> {
    fn from(refusal: Refusal) -> Self {
        http_response(&refusal.response)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {:?}", self.response)
    }
}

impl std::error::Error for Refusal {}
