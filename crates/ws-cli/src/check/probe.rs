//! A probe: its question, and the answer that a server must give.

use std::fmt;

use super::answer::Opened;
use super::head::Change;
use super::incoming::Faults;
use super::judgement::Judgement;
use super::send::Send;

/// A question to a server about one rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    /// The name, unique among all probes.
    pub(super) id: &'static str,
    /// The rule: document and section.
    pub(super) rule: &'static str,
    /// The rule in a few words, as a statement about the server.
    pub(super) claim: &'static str,
    /// The abilities without which the probe does not apply.
    pub(super) needs: Needs,
    /// How the request differs from an ordinary one.
    pub(super) head: &'static [Change],
    /// The question itself.
    pub(super) ask: Ask,
}

/// The abilities that a probe needs of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// It sends messages back.
    Echo,
    /// It compresses.
    Deflate,
    /// It compresses and sends messages back.
    DeflateEcho,
    /// The same, and it keeps the window of a client from message to message.
    TakeoverEcho,
}

/// The question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    /// A head that is answered with any status but 101.
    Refused,
    /// A head of a version that no server has.
    RefusedVersion,
    /// A head that is too long for most.
    Limited,
    /// A head that is accepted, and how to judge the answer.
    Accepted(fn(&Opened) -> Judgement),
    /// A head with an offer: it is accepted, or the server has its reasons to refuse it.
    Offer(fn(&Opened) -> Judgement),
    /// An ordinary head, then these frames.
    Frames(&'static [Send], Expect),
}

/// The answer that a server must give to frames.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expect {
    /// It fails the connection, with one of these codes.
    Failure(&'static [u16]),
    /// The same, though the RFC does not demand it of a receiver.
    MayFail(&'static [u16]),
    /// It fails the connection at once, with this code; at the latest after these parts.
    EarlyFailure(u16, &'static [Send]),
    /// It answers with any Pong.
    AnyPong,
    /// It answers with this Pong.
    Pong(&'static [u8]),
    /// It sends this message back.
    Echo(Payload),
    /// It sends two such messages back.
    EchoTwice(Payload),
    /// It answers a Close that has this code.
    CloseAnswer(Option<u16>),
    /// It does not take the Close for a valid one, and fails the connection with one of these codes.
    CloseFailure(&'static [u16]),
    /// It answers no frame that follows a Close.
    NothingLate,
    /// It closes TCP after both Closes.
    EndOfTcp,
    /// Its own frames, a Pong at least, do not have a fault.
    Faultless(fn(Faults) -> bool, &'static str),
}

/// The payload of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payload {
    Bytes(&'static [u8]),
    /// A byte, so many times.
    Repeated(u8, usize),
}

impl Payload {
    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        match *self {
            Self::Bytes(expected) => bytes == expected,
            Self::Repeated(byte, len) => bytes.len() == len && bytes.iter().all(|at| *at == byte),
        }
    }
}

impl Probe {
    /// Creates a probe with an ordinary request.
    pub(super) const fn new(
        id: &'static str,
        rule: &'static str,
        claim: &'static str,
        ask: Ask,
    ) -> Self {
        Self { id, rule, claim, needs: Needs::Nothing, head: &[], ask }
    }

    /// Changes the request.
    pub(super) const fn head(mut self, changes: &'static [Change]) -> Self {
        self.head = changes;
        self
    }

    /// Sets the abilities that the probe needs.
    pub(super) const fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    /// Returns the extensions that the request offers.
    pub(super) fn offer(&self) -> Option<&'static str> {
        self.head.iter().find_map(|change| match change {
            Change::Add("Sec-WebSocket-Extensions", value) => Some(*value),
            _ => None,
        })
    }
}

/// Writes the expected answer.
impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("a status of HTTP other than 101"),
            Self::RefusedVersion => {
                f.write_str("status 426 and a Sec-WebSocket-Version field that has 13")
            }
            Self::Limited => f.write_str("status 431, or another refusal"),
            Self::Accepted(_) | Self::Offer(_) => f.write_str("status 101, and a valid response"),
            Self::Frames(_, expect) => expect.fmt(f),
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(codes) | Self::MayFail(codes) | Self::CloseFailure(codes) => {
                write!(f, "Close {}, and the end of the connection", Codes(codes))
            }
            Self::EarlyFailure(code, _) => {
                write!(f, "Close {code} before the message is complete")
            }
            Self::AnyPong => f.write_str("a Pong"),
            Self::Pong(payload) => write!(f, "a Pong with the same {} bytes", payload.len()),
            Self::Echo(_) => f.write_str("the same message back"),
            Self::EchoTwice(_) => f.write_str("the same two messages back"),
            Self::CloseAnswer(None) => f.write_str("a Close"),
            Self::CloseAnswer(Some(code)) => write!(f, "Close {code}"),
            Self::NothingLate => f.write_str("a Close, and nothing else"),
            Self::EndOfTcp => f.write_str("a Close, then the end of TCP"),
            Self::Faultless(_, what) => write!(f, "frames {what}"),
        }
    }
}

/// Close codes, in words.
struct Codes(&'static [u16]);

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, code) in self.0.iter().enumerate() {
            let or = if index == 0 { "" } else { " or " };
            write!(f, "{or}{code}")?;
        }
        Ok(())
    }
}
