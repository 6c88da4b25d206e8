//! Messages and control frames that an application sends.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::bytes;
use wsproto::{CloseCode, CloseFrame, Event, Role, SendError, Sender};

/// Something to send, all of it legal while the connection is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A text message in at least one fragment, with a Ping between any two.
    Fragments(Vec<String>),
    /// A Ping of at most 125 bytes.
    Ping(Vec<u8>),
    /// An unsolicited Pong of at most 125 bytes.
    Pong(Vec<u8>),
}

impl Ask {
    /// Appends it to `out`, and returns the events that the other end must report.
    ///
    /// # Errors
    ///
    /// [`SendError`]: the connection is not open, or another message is unfinished.
    pub fn send<R: Role>(
        &self,
        sender: &mut Sender<R>,
        out: &mut Vec<u8>,
    ) -> Result<Vec<Event<'static>>, SendError> {
        Ok(match self {
            Self::Text(text) => {
                sender.send_text(text, out)?;
                vec![Event::Text(text.clone().into())]
            }
            Self::Binary(bytes) => {
                sender.send_binary(bytes, out)?;
                vec![Event::Binary(bytes.clone().into())]
            }
            Self::Fragments(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let fin = index + 1 == parts.len();
                    sender.send_text_fragment(part, fin, out)?;
                    if !fin {
                        sender.ping(b"between", out)?;
                    }
                }
                let pings = (1..parts.len()).map(|_| Event::Ping(b"between"[..].into()));
                pings.chain([Event::Text(parts.concat().into())]).collect()
            }
            Self::Ping(payload) => {
                sender.ping(payload, out)?;
                vec![Event::Ping(payload.clone().into())]
            }
            Self::Pong(payload) => {
                sender.pong(payload, out)?;
                vec![Event::Pong(payload.clone().into())]
            }
        })
    }
}

/// Generates an [`Ask`]: messages of at most a few hundred bytes, whole and in fragments, Pings,
/// Pongs.
pub fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        "\\PC{0,200}".prop_map(Ask::Text),
        bytes(300).prop_map(Ask::Binary),
        vec("\\PC{0,30}", 1..6).prop_map(Ask::Fragments),
        bytes(125).prop_map(Ask::Ping),
        bytes(125).prop_map(Ask::Pong),
    ]
}

/// Generates the sendable body of a Close, or none.
pub fn close_frame() -> impl Strategy<Value = Option<CloseFrame<'static>>> {
    let codes = (1000..5000_u16).prop_map(CloseCode::from);
    let codes = codes.prop_filter("sendable", |code| code.is_sendable());
    // A character has at most 4 bytes, a reason at most 123.
    let frame = (codes, "\\PC{0,30}").prop_map(|(code, reason)| CloseFrame::new(code, reason).ok());
    prop_oneof![1 => Just(None), 3 => frame]
}
