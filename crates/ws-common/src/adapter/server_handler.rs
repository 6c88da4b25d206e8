//! A server's handler, without its type.

use std::net::SocketAddr;

use super::Verdict;
use crate::{BusState, Error, IncomingRequest, ServerHandle, ServerHandler, TimerId};

/// An object-safe [`ServerHandler`]: connection handlers are boxed.
pub(super) trait DynServerHandler: Send {
    fn on_connection(&mut self, server: &ServerHandle, request: &IncomingRequest) -> Verdict;
    fn on_request(&mut self, server: &ServerHandle, request: &IncomingRequest) -> Verdict;
    fn on_open(&mut self, server: &ServerHandle);
    fn on_timer(&mut self, server: &ServerHandle, timer: TimerId);
    fn on_bus(&mut self, server: &ServerHandle, state: BusState);
    fn on_error(&mut self, server: &ServerHandle, peer: Option<SocketAddr>, error: &Error);
    fn on_terminate(&mut self, server: &ServerHandle);
}

impl<H: ServerHandler> DynServerHandler for H {
    fn on_connection(&mut self, server: &ServerHandle, request: &IncomingRequest) -> Verdict {
        ServerHandler::on_connection(self, server, request).verdict()
    }

    fn on_request(&mut self, server: &ServerHandle, request: &IncomingRequest) -> Verdict {
        ServerHandler::on_request(self, server, request).verdict()
    }

    fn on_open(&mut self, server: &ServerHandle) {
        ServerHandler::on_open(self, server);
    }

    fn on_timer(&mut self, server: &ServerHandle, timer: TimerId) {
        ServerHandler::on_timer(self, server, timer);
    }

    fn on_bus(&mut self, server: &ServerHandle, state: BusState) {
        ServerHandler::on_bus(self, server, state);
    }

    fn on_error(&mut self, server: &ServerHandle, peer: Option<SocketAddr>, error: &Error) {
        ServerHandler::on_error(self, server, peer, error);
    }

    fn on_terminate(&mut self, server: &ServerHandle) {
        ServerHandler::on_terminate(self, server);
    }
}
