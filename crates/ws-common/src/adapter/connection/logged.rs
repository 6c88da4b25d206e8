//! The messages about a connection, for the crate `log`: without payloads, header fields and queries.

use wsproto::{CloseInfo, Role};

use super::Connection;
use crate::adapter::Driver;
use crate::adapter::logging::debug;
use crate::{ConnectionId, Error, IncomingRequest};

/// No span: each message names the connection.
#[derive(Debug)]
pub(super) struct ConnectionSpan;

impl ConnectionSpan {
    pub(super) const fn begin<R: Role>(_: ConnectionId, _: &impl Driver<R>) -> Self {
        Self
    }
}

impl<R: Role, D: Driver<R>> Connection<R, D> {
    /// Records the request of a connection for the program's log.
    pub fn log_request(&self, request: &IncomingRequest) {
        let _ = (request, &self.span);
    }

    pub(in crate::adapter) fn log_open(&self) {
        debug!("connection {} is open", self.id);
    }

    pub(in crate::adapter) fn log_answer(&self, status: u16) {
        debug!("the request of connection {} is answered with status {status}", self.id);
    }

    pub(in crate::adapter) fn log_failure(&self, error: &Error) {
        debug!("connection {}: {error}", self.id);
    }

    pub(in crate::adapter) fn log_end(&self, opened: bool, info: &CloseInfo) {
        match opened {
            true => debug!("connection {} is closed: {}", self.id, info.code),
            false => debug!("connection {} has ended without opening", self.id),
        }
    }
}
