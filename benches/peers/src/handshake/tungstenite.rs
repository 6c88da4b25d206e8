//! tungstenite.

use super::{Line, URL};
use crate::Outcome;

#[derive(Debug)]
pub(super) struct Peer;

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "tungstenite"
    }

    fn server(&self, line: Line) -> Outcome {
        let _open = tungstenite::accept(line)?;
        Ok(())
    }

    fn client(&self, line: Line) -> Outcome {
        let _open = tungstenite::client(URL, line)?;
        Ok(())
    }
}
