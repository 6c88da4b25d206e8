//! The events that are printed, as JSON.

use serde::Serialize;
use ws_std::wsproto::{Error, Event};

use crate::terminal::hex;

/// An event of a connection.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum TraceEvent<'a> {
    /// The opening handshake of a client.
    Request {
        method: &'a str,
        target: &'a str,
        host: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        origin: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        subprotocols: Vec<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        extensions: Vec<String>,
    },
    /// The answer of the server.
    Response {
        status: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        subprotocol: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        extensions: Option<&'a str>,
    },
    Text {
        data: &'a str,
    },
    Binary {
        hex: String,
    },
    Ping {
        hex: String,
    },
    Pong {
        hex: String,
    },
    Close {
        code: Option<u16>,
        reason: &'a str,
    },
    /// A violation: the rule, the close code that answers it, and the same in words.
    Error {
        rule: String,
        close_code: Option<u16>,
        text: String,
    },
    /// Bytes that the capture does not have: the position of the first, after the opening handshake of TCP.
    Missing {
        position: u64,
        bytes: u64,
    },
    /// The end of the bytes of one connection, and what the end that received them answers by itself.
    End {
        out: String,
        /// How many further bytes of the answer are not shown.
        #[serde(skip_serializing_if = "Option::is_none")]
        more: Option<u64>,
    },
    /// The end of one direction of a TCP connection: `fin`, `rst`, or `open` if the capture ends before.
    TcpEnd {
        how: &'static str,
    },
}

impl TraceEvent<'_> {
    pub(super) fn violation(error: &Error) -> Self {
        Self::Error {
            rule: format!("{error:?}"),
            close_code: Some(error.close_code().into()),
            text: error.to_string(),
        }
    }
}

impl<'a> From<&'a Event<'_>> for TraceEvent<'a> {
    fn from(event: &'a Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text { data: text },
            Event::Binary(bytes) => Self::Binary { hex: hex(bytes) },
            Event::Ping(payload) => Self::Ping { hex: hex(payload) },
            Event::Pong(payload) => Self::Pong { hex: hex(payload) },
            Event::Close(None) => Self::Close { code: None, reason: "" },
            Event::Close(Some(frame)) => {
                Self::Close { code: Some(frame.code().into()), reason: frame.reason() }
            }
        }
    }
}
