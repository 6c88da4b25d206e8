//! Decoding and encoding in memory, the same work for every implementation.

mod fastwebsockets;
mod memory;
mod sockudo;
mod soketto;
mod tokio_websockets;
mod tungstenite;
pub mod verify;
mod web_socket;
mod websocket_sans_io;
mod wsproto;
mod yawc;

use benches::workload::Workload;

pub use self::memory::{Memory, Ring};
use crate::Outcome;

/// The largest message, and frame, that a peer has to accept.
const LIMIT: usize = 64 << 20;

/// The most bytes of a write, if an implementation leaves that to its caller.
const BATCH: usize = 64 << 10;

/// The end of the connection that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server: it sends unmasked frames.
    Server,
    /// The client: it sends masked frames.
    Client,
}

/// When sent messages have to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// After the last message; earlier if the implementation likes.
    Once,
    /// After each message.
    Each,
}

/// An implementation.
pub trait Peer {
    /// The name in results.
    fn name(&self) -> &'static str;

    /// Whether the masking keys of its client come from a generator that is not cryptographically
    /// secure (RFC 6455 section 10.3 asks for one that is).
    fn weak_keys(&self) -> bool {
        false
    }

    /// Receives the messages of `workload` as a server, reading at most `segment` bytes at a time,
    /// and hands each to `inbox`, texts validated.
    ///
    /// # Errors
    ///
    /// The error of the implementation.
    fn decode(&self, workload: &Workload, segment: usize, inbox: &mut Inbox<'_>) -> Outcome;

    /// Sends the messages of `workload` in a frame each, into `ring`.
    ///
    /// # Errors
    ///
    /// The error of the implementation.
    fn encode(&self, workload: &Workload, end: End, flush: Flush, ring: &mut Ring) -> Outcome;
}

/// All implementations, ours first.
#[must_use]
pub fn peers() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(wsproto::Peer::USUAL),
        Box::new(tungstenite::Peer),
        Box::new(fastwebsockets::Peer),
        Box::new(tokio_websockets::Peer),
        Box::new(soketto::Peer),
        Box::new(web_socket::Peer),
        Box::new(yawc::Peer),
        Box::new(sockudo::Peer),
        Box::new(websocket_sans_io::Peer),
    ]
}

/// All implementations, and ours with a large buffer, too.
#[must_use]
pub fn decoders() -> Vec<Box<dyn Peer>> {
    let mut decoders = peers();
    decoders.insert(1, Box::new(wsproto::Peer::LARGE));
    decoders
}

/// Where received messages go.
#[derive(Debug, Default)]
pub struct Inbox<'a> {
    /// How many messages have come.
    pub messages: usize,
    /// How many of them were not the expected one.
    pub wrong: usize,
    expected: Option<&'a Workload>,
}

impl<'a> Inbox<'a> {
    /// Compares every message with that of `workload`.
    #[must_use]
    pub fn expecting(workload: &'a Workload) -> Self {
        Self { expected: Some(workload), ..Self::default() }
    }

    /// Takes a text.
    #[inline]
    pub fn text(&mut self, payload: &[u8]) {
        self.take(true, payload);
    }

    /// Takes a binary message.
    #[inline]
    pub fn binary(&mut self, payload: &[u8]) {
        self.take(false, payload);
    }

    #[inline]
    fn take(&mut self, text: bool, payload: &[u8]) {
        self.messages += 1;
        std::hint::black_box(payload);
        if let Some(expected) = self.expected {
            let right = expected.kind.is_text() == text && expected.payload == payload;
            self.wrong += usize::from(!right);
        }
    }
}

#[cfg(test)]
mod tests {
    use benches::workload::Kind;

    use super::*;

    /// Every implementation does all of the work.
    #[test]
    fn every_message_is_decoded() {
        for kind in Kind::ALL {
            for (size, fragment) in [(0, 1), (16, 16), (126, 126), (70_000, 70_000), (70_000, 999)]
            {
                let workload = Workload::repeated(kind, size, fragment, 5);
                for (peer, segment) in decoders().iter().flat_map(|p| [(p, 64 << 10), (p, 1460)]) {
                    let result = verify::decode(&**peer, &workload, segment);
                    assert!(result.is_ok(), "{} {size}: {result:?}", peer.name());
                }
            }
        }
    }

    #[test]
    fn every_message_is_encoded() {
        for size in [0, 16, 125, 126, 70_000] {
            let workload = Workload::repeated(Kind::Binary, size, size.max(1), 5);
            for peer in peers() {
                for end in [End::Server, End::Client] {
                    for flush in [Flush::Once, Flush::Each] {
                        let result = verify::encode(&*peer, &workload, end, flush);
                        assert!(result.is_ok(), "{} {size} {end:?}: {result:?}", peer.name());
                    }
                }
            }
        }
    }
}
