//! The lines of `--jsonl`: one JSON object for each event of a connection. The README documents them.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use ws_std::wsproto::handshake::{ClientRequest, Request, Response};
use ws_std::wsproto::{CloseInfo, Initiator};
use ws_std::{ClientOptions, Message};

use crate::exit::Exit;
use crate::heads;
use crate::terminal::json;

/// A line: an event, and its time in microseconds since the program began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line<'a> {
    pub(crate) at: u64,
    /// The id of the connection, at a server; absent for messages to all other connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connection: Option<u64>,
    #[serde(flatten)]
    pub(crate) event: Event<'a>,
}

/// An event of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Event<'a> {
    /// The connection is open.
    Open {
        /// The time of day, in microseconds since 1970.
        time: u64,
        url: Cow<'a, str>,
        /// The address of the server, or of the proxy.
        #[serde(skip_serializing_if = "Option::is_none")]
        peer: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        subprotocol: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        extensions: Option<Cow<'a, str>>,
        request: Head<'a>,
        response: Head<'a>,
    },
    /// A message, in `text` or, as Base64, in `binary`.
    Message {
        from: End,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        binary: Option<Cow<'a, str>>,
    },
    /// A Ping.
    Ping {
        from: End,
        /// The payload as Base64.
        payload: Cow<'a, str>,
    },
    /// A Pong.
    Pong {
        from: End,
        /// The payload as Base64.
        payload: Cow<'a, str>,
        /// The round trip of the keep-alive in microseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        round_trip: Option<u64>,
    },
    /// The connection is closed.
    Close {
        /// The end that began to close.
        by: End,
        /// The code that was received: 1005 if the Close had none, 1006 without a Close.
        code: u16,
        reason: Cow<'a, str>,
        /// The code that was sent; absent without a Close.
        #[serde(skip_serializing_if = "Option::is_none")]
        sent: Option<u16>,
        clean: bool,
    },
    /// The connection failed, or did not open.
    Error {
        error: Cow<'a, str>,
        /// The exit status that it means.
        status: u8,
        /// The response of a server that refuses.
        #[serde(skip_serializing_if = "Option::is_none")]
        response: Option<Head<'a>>,
    },
}

/// An end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum End {
    /// The end that wrote the line.
    Own,
    /// The other end.
    Peer,
}

/// An HTTP message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head<'a> {
    /// The request line of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<Cow<'a, str>>,
    /// The status of a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The names and values of the header fields, in order.
    pub(crate) headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The body of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Cow<'a, str>>,
}

impl Line<'_> {
    /// Appends the line and a line feed.
    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        // Fails only for maps whose keys are no strings.
        out.extend_from_slice(json(self).unwrap_or_default().as_bytes());
        out.push(b'\n');
    }
}

impl<'a> Event<'a> {
    /// Describes a message.
    pub(crate) fn message(from: End, message: &'a Message) -> Self {
        let (text, binary) = match message {
            Message::Text(text) => (Some(text.into()), None),
            Message::Binary(bytes) => (None, Some(STANDARD.encode(bytes).into())),
        };
        Self::Message { from, text, binary }
    }

    pub(crate) fn ping(from: End, payload: &[u8]) -> Self {
        Self::Ping { from, payload: STANDARD.encode(payload).into() }
    }

    pub(crate) fn pong(from: End, payload: &[u8], round_trip: Option<Duration>) -> Self {
        let payload = STANDARD.encode(payload).into();
        Self::Pong { from, payload, round_trip: round_trip.map(micros) }
    }

    pub(crate) fn close(info: &'a CloseInfo) -> Self {
        let by = match info.initiator {
            Initiator::Local => End::Own,
            Initiator::Remote => End::Peer,
        };
        let (code, sent) = (info.code.into(), info.sent.map(Into::into));
        Self::Close { by, code, reason: (&info.reason).into(), sent, clean: info.was_clean }
    }

    pub(crate) fn error(exit: &'a Exit, response: Option<&'a Response>) -> Self {
        let response = response.map(Head::of_response);
        Self::Error { error: (&exit.line).into(), status: exit.status as u8, response }
    }
}

impl<'a> Head<'a> {
    pub(crate) fn of_request(request: &ClientRequest, options: &ClientOptions) -> Self {
        let mut lines = heads::request_lines(request, options).into_iter();
        let line = lines.next().map(Into::into);
        let fields = lines.map(|line| match line.split_once(": ") {
            Some((name, value)) => (name.to_owned().into(), value.to_owned().into()),
            None => (line.into(), "".into()),
        });
        Head { line, status: None, headers: fields.collect(), body: None }
    }

    /// Describes the request of a client.
    pub(crate) fn of_incoming(request: &'a Request) -> Self {
        let (method, target) = (request.method(), request.target());
        let line = format!("{method} {target} HTTP/1.{}", request.version_minor());
        let fields = request.headers().iter();
        let fields = fields.map(|(name, value)| (name.into(), String::from_utf8_lossy(value)));
        Head { line: Some(line.into()), status: None, headers: fields.collect(), body: None }
    }

    pub(crate) fn of_response(response: &'a Response) -> Self {
        let fields = heads::response_fields(response).map(|(name, value)| (name.into(), value));
        let body = String::from_utf8_lossy(response.body_bytes());
        let body = (!body.is_empty()).then_some(body);
        Head { line: None, status: Some(response.status()), headers: fields.collect(), body }
    }
}

/// Returns the time of day, in microseconds since 1970.
pub(crate) fn time_of_day() -> u64 {
    micros(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default())
}

/// Returns a time in microseconds.
pub(crate) fn micros(time: Duration) -> u64 {
    time.as_micros().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(event: Event<'_>) -> String {
        let (mut out, line) = (Vec::new(), Line { at: 7, connection: None, event });
        line.append(&mut out);
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        assert_eq!(serde_json::from_str::<Line<'_>>(&text).expect("JSON"), line);
        text
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let text = Message::from("a\"\n\u{1b}é");
        assert_eq!(
            line(Event::message(End::Peer, &text)),
            "{\"at\":7,\"event\":\"message\",\"from\":\"peer\",\"text\":\"a\\\"\\n\\u001bé\"}\n"
        );
        let binary = Message::from(vec![0, 255]);
        assert_eq!(
            line(Event::message(End::Own, &binary)),
            "{\"at\":7,\"event\":\"message\",\"from\":\"own\",\"binary\":\"AP8=\"}\n"
        );
        assert_eq!(
            line(Event::pong(End::Peer, b"x", Some(Duration::from_millis(1)))),
            "{\"at\":7,\"event\":\"pong\",\"from\":\"peer\",\"payload\":\"eA==\",\"round_trip\":1000}\n"
        );
        let info = CloseInfo::abnormal(Initiator::Remote);
        assert_eq!(
            line(Event::close(&info)),
            "{\"at\":7,\"event\":\"close\",\"by\":\"peer\",\"code\":1006,\"reason\":\"\",\"clean\":false}\n"
        );
    }

    #[test]
    fn heads_have_their_fields_in_order() {
        let request = ClientRequest::parse("ws://host/a?b").expect("a URL");
        let head = Head::of_request(&request, &ClientOptions::new());
        assert_eq!(head.line.as_deref(), Some("GET /a?b HTTP/1.1"));
        assert_eq!(head.headers[0], ("Host".into(), "host".into()));
        assert!(head.headers.contains(&("Sec-WebSocket-Key".into(), "(random)".into())));
        let response = Response::text(403, "no");
        let head = Head::of_response(&response);
        assert_eq!((head.status, head.body.as_deref()), (Some(403), Some("no")));
    }
}
