//! soketto.

use futures::executor::block_on;
use soketto::handshake::server::Response;
use soketto::handshake::{Client, Server, ServerResponse};

use super::{HOST, Line, PATH};
use crate::Outcome;

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "soketto"
    }

    fn server(&self, line: Line) -> Outcome {
        block_on(async {
            let mut server = Server::new(line);
            let key = server.receive_request().await?.key();
            server.send_response(&Response::Accept { key, protocol: None }).await?;
            let _open = server.into_builder().finish();
            Ok(())
        })
    }

    fn client(&self, line: Line) -> Outcome {
        block_on(async {
            let mut client = Client::new(line, HOST, PATH);
            match client.handshake().await? {
                ServerResponse::Accepted { .. } => {}
                other => return Err(format!("{other:?}").into()),
            }
            let _open = client.into_builder().finish();
            Ok(())
        })
    }
}
