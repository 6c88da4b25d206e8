//! sockudo-ws.

use futures::executor::block_on;
use sockudo_ws::client::WebSocketClient;
use sockudo_ws::server::WebSocketServer;
use sockudo_ws::{Config, Http1};

use super::{HOST, Line, PATH};
use crate::Outcome;

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "sockudo-ws"
    }

    fn server(&self, line: Line) -> Outcome {
        let server = WebSocketServer::<Http1>::new(Config::default());
        let _open = block_on(server.accept_raw(line))?;
        Ok(())
    }

    fn client(&self, line: Line) -> Outcome {
        let client = WebSocketClient::<Http1>::new(Config::default());
        let _open = block_on(client.connect_raw(line, HOST, PATH, None))?;
        Ok(())
    }
}
