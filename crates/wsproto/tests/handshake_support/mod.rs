//! Shared code of the handshake tests: editable heads, sessions fed at every cut, and an
//! independent parser (`httparse`) for the output.

#![allow(dead_code, reason = "each test file uses a part")]

use std::fmt::Debug;
use std::time::Duration;

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{ClientRequest, Request, Response};
use wsproto::{Client, CloseCode, CloseInfo, Config, Event, Role, Server, Session, SessionEvent};

pub(crate) const NOW: Duration = Duration::ZERO;

/// The example of RFC 6455 section 1.3, and its proof.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// "Hello" as sent by a client and by a server (RFC 6455 section 5.7).
pub(crate) const HELLO_MASKED: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
pub(crate) const HELLO: &[u8] = b"\x81\x05Hello";

/// An HTTP head that can be edited line by line.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    first_line: String,
    fields: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn new(first_line: &str, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Self { first_line: first_line.to_owned(), fields }
    }

    /// Returns a valid request.
    pub(crate) fn request() -> Self {
        Self::new(
            "GET /chat HTTP/1.1",
            &[
                ("Host", "server.example.com"),
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Key", KEY),
                ("Sec-WebSocket-Version", "13"),
            ],
        )
    }

    /// Returns the response that accepts the key.
    pub(crate) fn response(accept: &str) -> Self {
        Self::new(
            "HTTP/1.1 101 Switching Protocols",
            &[
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", accept),
            ],
        )
    }

    pub(crate) fn first_line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.first_line);
        self
    }

    /// Changes an existing field.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(n, _)| n == name).expect("a field of that name");
        value.clone_into(&mut field.1);
        self
    }

    /// Removes an existing field.
    pub(crate) fn without(mut self, name: &str) -> Self {
        let before = self.fields.len();
        self.fields.retain(|(n, _)| n != name);
        assert!(self.fields.len() < before, "no field {name}");
        self
    }

    /// Appends a field.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Reverses the order of the fields.
    pub(crate) fn reversed(mut self) -> Self {
        self.fields.reverse();
        self
    }

    /// Changes the case of all names.
    pub(crate) fn names(mut self, case: fn(&str) -> String) -> Self {
        for (name, _) in &mut self.fields {
            *name = case(name);
        }
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first_line);
        for (name, value) in &self.fields {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        text.into_bytes()
    }

    /// Returns the head followed by more bytes.
    pub(crate) fn then(&self, more: &[u8]) -> Vec<u8> {
        [&self.bytes(), more].concat()
    }

    /// Returns the head as a server's application sees it.
    pub(crate) fn parse(&self) -> Request {
        Request::parse(&self.bytes()).expect("a valid request")
    }
}

/// The reports and the output of a session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) events: Vec<SessionEvent<Event<'static>>>,
    pub(crate) out: Vec<u8>,
    /// The advice on the transport after all input was read.
    pub(crate) transport: Advice,
    pub(crate) subprotocol: Option<String>,
    /// The response that a client received.
    pub(crate) response: Option<Response>,
}

impl Run {
    /// Returns the response of a server.
    pub(crate) fn answer(&self) -> Answer {
        Answer::parse(&self.out)
    }
}

/// Passes the pieces to a session, writes its replies, and ends the transport.
fn feed<R: Role>(
    session: &mut Session<R>,
    pieces: &[&[u8]],
    out: &mut Vec<u8>,
    mut react: impl FnMut(&mut Session<R>, &SessionEvent<Event<'_>>, &mut Vec<u8>),
) -> (Vec<SessionEvent<Event<'static>>>, Advice) {
    let mut events = Vec::new();
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut input = &mut bytes[..];
        while let Some(event) = session.next_event(NOW, &mut input, out) {
            react(session, &event, out);
            events.push(event.into_owned());
        }
        assert!(input.is_empty(), "I1: all of the input is consumed");
    }
    let transport = session.advice();
    session.flushed(NOW);
    session.end_of_input(out);
    session.flushed(NOW);
    while let Some(event) = session.next_event(NOW, &mut &mut [][..], out) {
        events.push(event.into_owned());
    }
    assert_eq!(session.advice(), Advice::Drop);
    (events, transport)
}

/// The end of a session without a Close from the peer.
pub(crate) fn abnormal_end(initiator: Initiator) -> SessionEvent<Event<'static>> {
    SessionEvent::Closed(CloseInfo {
        code: CloseCode::ABNORMAL,
        reason: String::new(),
        sent: None,
        was_clean: false,
        initiator,
    })
}

/// Runs a server, which calls `decide` when a request waits for a decision.
pub(crate) fn serve(
    config: &Config,
    pieces: &[&[u8]],
    decide: impl Fn(&mut Session<Server>, &mut Vec<u8>),
) -> Run {
    let mut session = Session::server(config.clone(), NOW);
    let mut out = Vec::new();
    let (events, transport) = feed(&mut session, pieces, &mut out, |session, event, out| {
        if matches!(event, SessionEvent::Upgrade | SessionEvent::Http) {
            decide(session, out);
        }
    });
    let subprotocol = session.subprotocol().map(str::to_owned);
    Run { events, out, transport, subprotocol, response: None }
}

/// Makes no decision on a request.
pub(crate) fn undecided(_: &mut Session<Server>, _: &mut Vec<u8>) {}

/// Accepts a handshake without options.
pub(crate) fn accept(session: &mut Session<Server>, out: &mut Vec<u8>) {
    session.accept(&wsproto::handshake::Accept::new(), NOW, out).expect("an acceptable request");
}

pub(crate) const SEED: [u8; 32] = [7; 32];

/// Runs a client with a fixed key.
pub(crate) fn connect(config: &Config, request: &ClientRequest, pieces: &[&[u8]]) -> Run {
    let mut sent = Vec::new();
    let mut session = Session::client(request.clone(), config.clone(), SEED, NOW, &mut sent);
    let mut out = Vec::new();
    let (events, transport) = feed(&mut session, pieces, &mut out, |_, _, _| {});
    let subprotocol = session.subprotocol().map(str::to_owned);
    Run { events, out, transport, subprotocol, response: session.take_response() }
}

/// Returns the proof that the client of [`connect`] expects.
pub(crate) fn expected_accept() -> String {
    let url = "ws://example.com/".parse().expect("a valid URL");
    let mut sent = Vec::new();
    let _session: Session<Client> =
        Session::client(ClientRequest::new(url), Config::default(), SEED, NOW, &mut sent);
    wsproto::handshake::accept_key(SentRequest::parse(&sent).only("Sec-WebSocket-Key"))
}

/// Promise I2: runs on the bytes in one piece, byte by byte, and cut in two at every position; the
/// results must be equal. Returns the result.
pub(crate) fn at_every_cut<T: PartialEq + Debug>(bytes: &[u8], run: impl Fn(&[&[u8]]) -> T) -> T {
    let whole = run(&[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(run(&single), whole, "byte by byte: {:?}", bytes.escape_ascii().to_string());
    for at in 1..bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(
            run(&[first, second]),
            whole,
            "cut at {at}: {:?}",
            bytes.escape_ascii().to_string()
        );
    }
    whole
}

/// A response written by the engine and parsed by `httparse`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut fields);
        let status = response.parse(bytes).expect("a valid HTTP response");
        let httparse::Status::Complete(head_len) = status else {
            panic!("incomplete response: {}", bytes.escape_ascii())
        };
        assert_eq!(response.version, Some(1));
        assert!(bytes[..head_len].ends_with(b"\r\n\r\n"));
        Self {
            status: response.code.expect("a status"),
            fields: owned_fields(response.headers),
            body: bytes[head_len..].to_vec(),
        }
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        all(&self.fields, name)
    }

    pub(crate) fn only(&self, name: &str) -> &str {
        only(&self.fields, name)
    }

    /// Checks that a refusal is complete, is the last response on its connection, and cannot be
    /// mistaken for a handshake.
    #[track_caller]
    pub(crate) fn assert_refusal(&self, status: u16) {
        self.assert_refusal_to_head(status);
        assert_eq!(self.only("Content-Length"), self.body.len().to_string());
    }

    /// The same without the body, which the response to a HEAD request does not have.
    #[track_caller]
    pub(crate) fn assert_refusal_to_head(&self, status: u16) {
        assert_eq!(self.status, status);
        let connection = self.only("Connection");
        assert!(connection.split(", ").any(|option| option == "close"), "{connection}");
        assert!(self.all("Sec-WebSocket-Accept").is_empty());
        assert!(self.all("Transfer-Encoding").is_empty());
        if status == 426 {
            assert_eq!(self.only("Sec-WebSocket-Version"), "13");
            assert_eq!(self.only("Upgrade"), "websocket");
            assert!(connection.split(", ").any(|option| option == "Upgrade"), "{connection}");
        }
    }
}

/// A request written by the engine and parsed by `httparse`.
#[derive(Clone, Debug)]
pub(crate) struct SentRequest {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl SentRequest {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        let status = request.parse(bytes).expect("a valid HTTP request");
        assert_eq!(status, httparse::Status::Complete(bytes.len()), "nothing after the head");
        assert_eq!(request.version, Some(1));
        assert!(bytes.ends_with(b"\r\n\r\n"));
        Self {
            method: request.method.expect("a method").to_owned(),
            target: request.path.expect("a target").to_owned(),
            fields: owned_fields(request.headers),
        }
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        all(&self.fields, name)
    }

    pub(crate) fn only(&self, name: &str) -> &str {
        only(&self.fields, name)
    }
}

fn owned_fields(fields: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).expect("a value in ASCII");
    fields.iter().map(|field| (field.name.to_owned(), text(field.value))).collect()
}

fn all<'a>(fields: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    let same = fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    same.map(|(_, value)| value.as_str()).collect()
}

#[track_caller]
fn only<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let values = all(fields, name);
    assert_eq!(values.len(), 1, "{name} must appear exactly once in {fields:?}");
    values[0]
}
