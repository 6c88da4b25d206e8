//! In place of `exec`, where there are no process groups: there is no `--exec`, and nothing of it exists.

use std::sync::Arc;

use ws_mio::wsproto::handshake::Response;
use ws_mio::{IncomingRequest, Message, WebSocketConnection};

use super::report::Report;

/// No arguments.
#[derive(clap::Args, Debug)]
pub(super) struct ExecArgs {}

/// There is none.
pub(super) enum Exec {}

/// There is none.
pub(super) enum Carried {}

/// There are none.
pub(super) enum Processes {}

impl ExecArgs {
    pub(super) const fn is_wanted(&self) -> bool {
        false
    }

    pub(super) const fn exec(&self, _: u64) -> Option<Exec> {
        None
    }
}

impl Exec {
    pub(super) fn processes(&self) -> Arc<Processes> {
        match *self {}
    }

    pub(super) fn start(&self, _: &IncomingRequest, _: Option<&str>) -> Result<Carried, Response> {
        match *self {}
    }
}

impl Carried {
    pub(super) fn open(&self, _: &WebSocketConnection, _: &Arc<Report>) {
        match *self {}
    }

    pub(super) fn message(&mut self, _: &WebSocketConnection, _: Message) {
        match *self {}
    }

    pub(super) fn drained(&self) {
        match *self {}
    }

    pub(super) fn timer(&mut self, _: &WebSocketConnection) {
        match *self {}
    }

    pub(super) fn end(&self) {
        match *self {}
    }
}

impl Processes {
    pub(super) fn wait(&self) {
        match *self {}
    }

    pub(super) fn kill(&self) {
        match *self {}
    }
}
