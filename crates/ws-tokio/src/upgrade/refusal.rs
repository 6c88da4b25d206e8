//! Answers that refuse a connection.

use std::fmt;

use wsproto::handshake::{RequestError, Response};

use super::http::to_http;

/// The answer to a request that is not accepted. It converts into a response of the crate `http` with any body that
/// is made of bytes, and with the feature `axum` into one of axum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Box<Response>);

impl Refusal {
    /// Returns the answer.
    #[must_use]
    pub fn response(&self) -> &Response {
        &self.0
    }
}

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        error.response().into()
    }
}

impl<B: From<Vec<u8>>> From<Refusal> for ::http::Response<B> {
    fn from(refusal: Refusal) -> Self {
        to_http(&refusal.0)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with status {}", self.0.status())
    }
}

impl std::error::Error for Refusal {}
