//! Shared code: an extended CONNECT that can be edited.

use wsproto::handshake::{PseudoHeaders, Request, RequestError};

/// The pseudo-header fields and header fields of a request.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) pseudo: PseudoHeaders<'static>,
    fields: Vec<(&'static str, &'static str)>,
}

impl Parts {
    /// Returns a valid extended CONNECT.
    pub(crate) fn connect() -> Self {
        let pseudo = PseudoHeaders {
            method: "CONNECT",
            protocol: Some("websocket"),
            scheme: Some("https"),
            authority: Some("server.example.com"),
            path: Some("/chat"),
        };
        Self { pseudo, fields: vec![("sec-websocket-version", "13")] }
    }

    /// Returns an ordinary request.
    pub(crate) fn ordinary(method: &'static str) -> Self {
        let pseudo = PseudoHeaders { method, protocol: None, ..Self::connect().pseudo };
        Self { pseudo, fields: Vec::new() }
    }

    /// Changes the pseudo-header fields.
    pub(crate) fn pseudo(mut self, change: impl FnOnce(&mut PseudoHeaders<'static>)) -> Self {
        change(&mut self.pseudo);
        self
    }

    /// Appends a field.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Removes all fields.
    pub(crate) fn bare(mut self) -> Self {
        self.fields.clear();
        self
    }

    pub(crate) fn request(&self) -> Result<Request, RequestError> {
        Request::from_pseudo_headers(self.pseudo, self.fields.iter().copied())
    }

    /// Returns the reason for which a WebSocket cannot be opened, if there is one.
    pub(crate) fn refused(&self) -> Option<RequestError> {
        self.request().and_then(|request| request.check_upgrade()).err()
    }
}
