//! The origin of a connection.

use std::sync::Arc;

use parking_lot::Mutex;
use ws_common::adapter::{Acceptor, Target};
use wsproto::handshake::Response;
use wsproto::url::WsUrl;

/// The origin of a connection: a server's acceptor, a client's URL, or neither for a single stream.
#[derive(Default)]
pub(crate) struct Origin {
    pub(crate) acceptor: Option<Arc<Acceptor>>,
    pub(crate) url: Option<Box<WsUrl>>,
    /// The request whose redirects are followed.
    pub(crate) target: Option<Arc<Mutex<Target>>>,
}

impl Origin {
    /// Returns whether the response redirects the client, and prepares to dial again.
    pub(crate) fn follows(&self, response: &Response) -> bool {
        self.target.as_ref().is_some_and(|target| target.lock().follows(response))
    }
}

impl From<Option<Arc<Acceptor>>> for Origin {
    fn from(acceptor: Option<Arc<Acceptor>>) -> Self {
        Self { acceptor, ..Self::default() }
    }
}
