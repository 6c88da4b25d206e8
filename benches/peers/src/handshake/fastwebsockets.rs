//! fastwebsockets on hyper, used as its examples do.

use std::future::Future;

use fastwebsockets::handshake::{client, generate_key};
use fastwebsockets::upgrade::upgrade;
use futures::executor::block_on;
use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, UPGRADE};
use hyper::rt::Executor;
use tokio::runtime::Runtime;

use super::{Line, on_hyper};
use crate::Outcome;

#[derive(Debug)]
pub(super) struct Peer(Runtime);

impl Peer {
    pub(super) fn new() -> Self {
        Self(on_hyper::runtime())
    }
}

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "fastwebsockets"
    }

    fn server(&self, line: Line) -> Outcome {
        block_on(on_hyper::serve(line, |request| upgrade(request)))
    }

    fn client(&self, line: Line) -> Outcome {
        let request = Request::get(super::PATH)
            .header(HOST, super::HOST)
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "upgrade")
            .header("Sec-WebSocket-Key", generate_key())
            .header("Sec-WebSocket-Version", "13")
            .body(Empty::<Bytes>::new())?;
        let _open = self.0.block_on(client(&Spawn, request, line))?;
        Ok(())
    }
}

struct Spawn;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawn {
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}
