//! yawc, on hyper.

use futures::executor::block_on;
use tokio::runtime::Runtime;
use yawc::{HttpStream, Options, WebSocket};

use super::{Line, URL, on_hyper};
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
        "yawc"
    }

    fn server(&self, line: Line) -> Outcome {
        block_on(on_hyper::serve(line, |request| WebSocket::<HttpStream>::upgrade(request)))
    }

    fn client(&self, line: Line) -> Outcome {
        let handshake = WebSocket::handshake(URL.parse()?, line, Options::default());
        let _open = self.0.block_on(handshake)?;
        Ok(())
    }
}
