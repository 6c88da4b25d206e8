//! The span and the events of a connection, for the crate `tracing`: without payloads, header fields and queries.

use tracing::field::{Empty, display};
use tracing::{Span, debug, info_span};
use wsproto::{CloseInfo, Role};

use super::Connection;
use crate::adapter::{ConnectionLink, Driver};
use crate::{ConnectionId, Error, IncomingRequest};

/// The span of a connection.
#[derive(Debug)]
pub(super) struct ConnectionSpan(Span);

impl ConnectionSpan {
    pub(super) fn begin<R: Role>(id: ConnectionId, driver: &impl Driver<R>) -> Self {
        let span = info_span!(
            "websocket",
            %id,
            role = if R::is_server() { "server" } else { "client" },
            peer = Empty,
            client = Empty,
            path = Empty,
            subprotocol = Empty,
        );
        if !span.is_disabled()
            && let Some(url) = driver.url()
        {
            let resource = url.resource_name();
            span.record("path", resource.split_once('?').map_or(resource, |(path, _)| path));
        }
        Self(span)
    }
}

impl<R: Role, D: Driver<R>> Connection<R, D> {
    /// Returns the span of the connection.
    #[must_use]
    pub const fn span(&self) -> &Span {
        &self.span.0
    }

    /// Records the request of a connection for the program's log.
    pub fn log_request(&self, request: &IncomingRequest) {
        let span = self.span();
        span.record("path", request.path());
        span.record("peer", request.peer_addr().map(display));
        span.record("client", request.client_addr().map(display));
    }

    pub(in crate::adapter) fn log_open(&self) {
        let span = self.span();
        if !span.is_disabled() {
            // That of a server's connection is recorded with its request; a subscriber may keep both.
            if !R::is_server() {
                span.record("peer", self.peer_addr().map(display));
            }
            span.record("subprotocol", self.subprotocol());
        }
        span.in_scope(|| debug!("the connection is open"));
    }

    pub(in crate::adapter) fn log_answer(&self, status: u16) {
        self.span().in_scope(|| debug!(status, "the request is answered"));
    }

    pub(in crate::adapter) fn log_failure(&self, error: &Error) {
        self.span().in_scope(|| debug!(%error, "the connection has failed"));
    }

    pub(in crate::adapter) fn log_end(&self, opened: bool, info: &CloseInfo) {
        self.span().in_scope(|| match opened {
            true => debug!(
                code = u16::from(info.code),
                reason = info.reason,
                sent = info.sent.map(u16::from),
                was_clean = info.was_clean,
                "the connection is closed"
            ),
            false => debug!("the connection has ended without opening"),
        });
    }
}
