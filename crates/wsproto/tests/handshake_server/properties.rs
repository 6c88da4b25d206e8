//! Properties of the server's handshake: no input confuses it.

use proptest::prelude::*;
use wsproto::handshake::{Accept, Headers, InvalidHeader, Request, Response};
use wsproto::{Config, SessionEvent};

use crate::handshake_support::*;
use crate::support::encoded;

/// Almost valid heads, and arbitrary bytes.
fn any_input() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<Vec<u8>> = [
        "GET / HTTP/1.1\r\n",
        "HEAD /x?y HTTP/1.1\r\n",
        "GET http://h/ HTTP/1.1\r\n",
        "POST / HTTP/1.0\r\n",
        "OPTIONS * HTTP/1.2\r\n",
        "\r\nGET / HTTP/1.0\r\n",
        "X: \u{e9}\r\n",
        "Host: h\r\n",
        "Upgrade: websocket\r\n",
        "Connection: keep-alive, Upgrade\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Version: 8\r\n",
        "Sec-WebSocket-Protocol: a, b\r\n",
        "Sec-WebSocket-Extensions: a; b=\"c\\d\"\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: x\r\n",
        "\r\n",
        "\r",
        "\n",
        " ",
        ":",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    let part = prop_oneof![
        8 => prop::sample::select(known),
        1 => Just(Head::request().bytes()),
        1 => Just(HELLO_MASKED.to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
        1 => "[ -~]{0,8}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn response_or_nothing(out: &[u8]) {
    if !out.is_empty() {
        let answer = Answer::parse(out);
        if answer.status != 101 {
            answer.assert_refusal(answer.status);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// R6455-4.2.1-1, promises I2 and I7: no input panics, cuts change nothing, and the response is
    /// HTTP.
    #[test]
    fn no_input_confuses_a_server(input in any_input()) {
        let mut config = Config::default();
        config.max_head_size = 400;
        config.max_headers = 8;
        let run = at_every_cut(&input, |pieces| serve(&config, pieces, |session, out| {
            if session.accept(&Accept::new(), NOW, out).is_err() {
                session.respond(&Response::text(404, "no\n"), NOW, out).unwrap();
            }
        }));
        let closed = run.events.iter().filter(|event| matches!(event, SessionEvent::Closed(_)));
        prop_assert_eq!(closed.count(), 1);
        prop_assert!(matches!(run.events.last(), Some(SessionEvent::Closed(_))));
        if !run.events.contains(&SessionEvent::Open) && !input.starts_with(b"HEAD") {
            response_or_nothing(&run.out);
        }
    }

    /// The same for arbitrary bytes.
    #[test]
    fn no_bytes_confuse_a_server(input in prop::collection::vec(any::<u8>(), 0..100)) {
        let run = at_every_cut(&input, |pieces| serve(&Config::default(), pieces, accept));
        prop_assert!(matches!(run.events.last(), Some(SessionEvent::Closed(_))));
        response_or_nothing(&run.out);
    }

    /// A head that passes the finder either parses or is an error, without a session.
    #[test]
    fn no_bytes_confuse_the_parser(input in any_input()) {
        if let Ok(request) = Request::parse(&input) {
            prop_assert!(request.path().starts_with('/') || request.path() == "*");
            prop_assert!(request.headers().get("Host").is_some() || request.version_minor() == 0);
            if request.check_upgrade().is_ok() {
                let mut out = Vec::new();
                prop_assert_eq!(Accept::new().encode(&request, &mut out), Ok(()));
                prop_assert_eq!(Answer::parse(&out).status, 101);
            }
        }
    }

    /// A52: an accepted field stays one field.
    #[test]
    fn a_header_never_lets_a_line_break_through(
        name in "(\\PC|[\r\n\0 :-]){0,6}",
        value in "(\\PC|[\r\n\0\t :-]){0,12}",
    ) {
        let mut headers = Headers::new();
        match headers.push(&name, &value) {
            Ok(()) => {
                prop_assert!(!name.is_empty());
                let fields: Vec<_> = headers.iter().collect();
                let trimmed = value.trim_matches([' ', '\t']).as_bytes();
                prop_assert_eq!(fields, [(name.as_str(), trimmed)]);
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':'));
                prop_assert!(value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)));
                let response = Response::new(404).header(&name, &value).unwrap();
                let answer = Answer::parse(&encoded(&response));
                prop_assert!(answer.all(&name).len() == 1 && answer.fields.len() <= 3);
            }
            Err(InvalidHeader::Name(shown)) => {
                prop_assert!(name.starts_with(&shown));
                prop_assert!(headers.is_empty());
            }
            Err(InvalidHeader::Value(field)) => {
                prop_assert!(value.bytes().any(|byte| !matches!(byte, b'\t' | b' '..=b'~' | 0x80..)));
                prop_assert_eq!(field, name);
                prop_assert!(headers.is_empty());
            }
        }
    }
}
