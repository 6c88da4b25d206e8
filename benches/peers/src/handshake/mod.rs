//! The opening handshake in memory, the same for every implementation that has one.

mod bare;
mod fastwebsockets;
mod line;
mod on_hyper;
mod sockudo;
mod soketto;
mod tokio_websockets;
mod tungstenite;
mod wsproto;
mod yawc;

use ::wsproto::handshake::{ClientRequest, Request, Response};
use ::wsproto::url::WsUrl;

pub use self::line::{Answer, Line, REQUEST, Written, answer};
use crate::Outcome;

/// Where clients connect to.
const URL: &str = "ws://server.example.com/chat";

/// Its parts, for implementations that take it in parts.
const HOST: &str = "server.example.com";
const PATH: &str = "/chat";

/// An implementation.
pub trait Peer {
    /// The name in results.
    fn name(&self) -> &'static str;

    /// Reads a request, accepts it, and drops the connection when it is open.
    ///
    /// # Errors
    ///
    /// The error of the implementation.
    fn server(&self, line: Line) -> Outcome;

    /// Sends a request, reads the answer, and drops the connection when it is open.
    ///
    /// # Errors
    ///
    /// The error of the implementation.
    fn client(&self, line: Line) -> Outcome;
}

/// All implementations that have a handshake, ours first; and the bound, last.
#[must_use]
pub fn peers() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(wsproto::Peer::default()),
        Box::new(tungstenite::Peer),
        Box::new(fastwebsockets::Peer::new()),
        Box::new(tokio_websockets::Peer),
        Box::new(soketto::Peer),
        Box::new(yawc::Peer::new()),
        Box::new(sockudo::Peer),
        Box::new(bare::Peer),
    ]
}

/// The end of the connection that is measured.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// The one that accepts.
    Server,
    /// The one that asks, and gets this answer.
    Client(Answer),
}

impl End {
    /// The name in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client(_) => "client",
        }
    }

    /// Shakes hands once.
    ///
    /// # Errors
    ///
    /// The error of the implementation.
    pub fn shake(self, peer: &dyn Peer, written: &Written) -> Outcome {
        match self {
            Self::Server => peer.server(Line::to_server(written)),
            Self::Client(answer) => peer.client(Line::to_client(answer, written)),
        }
    }

    /// Shakes hands once and reads the output with the strictest reader at hand.
    ///
    /// # Errors
    ///
    /// The error of the implementation, or a difference that the check has found.
    pub fn verify(self, peer: &dyn Peer) -> Outcome {
        let written = Written::default();
        self.shake(peer, &written)?;
        let written = written.bytes();
        match self {
            Self::Server => {
                let request = ClientRequest::new(WsUrl::parse(URL)?);
                request.verify(line::NONCE, &Response::parse(&written)?)?;
            }
            Self::Client(_) => Request::parse(&written)?.check_upgrade()?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_opens_at_either_end() {
        for peer in peers() {
            for end in [End::Server, End::Client(answer)] {
                let result = end.verify(&*peer);
                assert!(result.is_ok(), "{} {}: {result:?}", peer.name(), end.name());
            }
        }
    }

    /// Otherwise something else than a handshake would be timed.
    #[test]
    fn a_client_that_looks_notices_a_wrong_answer() {
        let wrong: Answer = |_| answer(REQUEST);
        for peer in peers().iter().filter(|peer| peer.name() == "wsproto") {
            assert!(End::Client(wrong).verify(&**peer).is_err());
        }
    }
}
