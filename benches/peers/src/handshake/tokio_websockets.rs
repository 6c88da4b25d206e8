//! tokio-websockets.

use futures::executor::block_on;
use tokio_websockets::{ClientBuilder, ServerBuilder};

use super::{Line, URL};
use crate::Outcome;

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "tokio-websockets"
    }

    fn server(&self, line: Line) -> Outcome {
        let _open = block_on(ServerBuilder::new().accept(line))?;
        Ok(())
    }

    fn client(&self, line: Line) -> Outcome {
        let client = ClientBuilder::new().uri(URL)?;
        let _open = block_on(client.connect_on(line))?;
        Ok(())
    }
}
