//! A server's acceptance as fields, for HTTP/1 and HTTP/2.

use wsproto::Config;
use wsproto::handshake::{Accept, AcceptError, Extension, Request, RequestError, Response};

use crate::handshake_support::{ACCEPT, Answer, Head};
use crate::support::Parts;

fn fields(response: &Response) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).expect("ASCII");
    response.headers().iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn choice(request: &Request) -> Accept {
    Accept::new()
        .select_subprotocol(request, &["v2", "v1"])
        .extension(Extension::new("foo").expect("a token"))
        .header("Set-Cookie", "a=1")
        .expect("a header")
}

/// R8441-5-3: the answer to an extended CONNECT has status 200 and no key; its subprotocol and
/// extensions are those of HTTP/1.
#[test]
fn the_answer_to_an_extended_connect_is_a_200_without_a_key() {
    let offers = Parts::connect()
        .with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .with("sec-websocket-protocol", "v1, v2")
        .with("sec-websocket-extensions", "foo, bar");
    let request = offers.request().expect("a valid request");
    let (response, agreed) =
        choice(&request).answer(&request, &Config::default()).expect("offered");
    assert_eq!(response.status(), 200);
    assert_eq!(response.body_bytes(), b"");
    let expected = [
        ("Sec-WebSocket-Protocol", "v2"),
        ("Sec-WebSocket-Extensions", "foo"),
        ("Set-Cookie", "a=1"),
    ];
    assert_eq!(fields(&response), owned(&expected));
    assert_eq!(response.fields().count(), expected.len(), "no framing of HTTP/1");
    assert_eq!(agreed.subprotocol.as_deref(), Some("v2"));
    assert_eq!(agreed.extensions, [Extension::new("foo").expect("a token")]);

    let plain = Parts::connect().request().expect("a valid request");
    let (response, agreed) = Accept::new().answer(&plain, &Config::default()).expect("valid");
    assert_eq!((response.status(), fields(&response)), (200, Vec::new()));
    assert_eq!(agreed, Default::default());
}

/// R6455-4.2.2-8: the answer of HTTP/1 has the fields of the encoded one, in the same order; encoding
/// it makes no difference.
#[test]
fn the_answer_of_http_1_has_the_fields_that_are_encoded() {
    let head = Head::request()
        .with("Sec-WebSocket-Protocol", "v1, v2")
        .with("Sec-WebSocket-Extensions", "foo, bar");
    let request = head.parse();
    let (response, agreed) =
        choice(&request).answer(&request, &Config::default()).expect("offered");
    let mut out = Vec::new();
    choice(&request).encode(&request, &mut out).expect("offered");
    let encoded = Answer::parse(&out);
    assert_eq!((response.status(), encoded.status), (101, 101));
    assert_eq!(fields(&response), encoded.fields);
    assert_eq!(encoded.only("Sec-WebSocket-Accept"), ACCEPT);
    assert_eq!(agreed.subprotocol.as_deref(), Some("v2"));

    let mut again = Vec::new();
    response.encode(&mut again);
    let (mut again, mut fields) = (Answer::parse(&again).fields, encoded.fields);
    again.sort();
    fields.sort();
    assert_eq!(again, fields);
    let handed_over: Vec<_> = response.fields().collect();
    assert!(handed_over.contains(&("Connection", b"Upgrade")), "other code writes the head");
}

/// `answer` refuses what `accept` refuses, for the same reason; and an extended CONNECT has no form in
/// HTTP/1.
#[test]
fn what_cannot_be_accepted_has_no_answer() {
    let answer = |accept: Accept, request: &Request| {
        accept.answer(request, &Config::default()).map(|(response, _)| response.status())
    };
    let extended = Parts::connect().request().expect("a valid request");
    for request in [&extended, &Head::request().parse()] {
        let other = answer(Accept::new().subprotocol("other"), request);
        assert!(matches!(other, Err(AcceptError::Subprotocol(_))), "{other:?}");
        let extension = Extension::new("foo").expect("a token");
        let other = answer(Accept::new().extension(extension), request);
        assert!(matches!(other, Err(AcceptError::Extension(_))), "{other:?}");
        let name = "permessage-deflate";
        let builtin =
            answer(Accept::new().extension(Extension::new(name).expect("a token")), request);
        assert_eq!(builtin, Err(AcceptError::Unavailable(name.into())));
    }
    let ordinary = Parts::ordinary("GET").request().expect("a valid request");
    let error = answer(Accept::new(), &ordinary);
    assert_eq!(error, Err(AcceptError::Request(RequestError::NotConnect)));
    let mut out = Vec::new();
    let error = Accept::new().encode(&extended, &mut out);
    assert_eq!((error, out.len()), (Err(AcceptError::Request(RequestError::HttpVersion)), 0));
}

/// RFC 9110 section 7.8: a refusal that is handed over keeps its meaning, and leaves the framing to
/// the code that writes it.
#[test]
fn a_refusal_that_is_handed_over_has_no_framing() {
    let refusal = RequestError::NoUpgrade.response();
    let fields: Vec<_> = refusal.fields().collect();
    assert_eq!(
        fields,
        [
            ("Content-Type", &b"text/plain; charset=utf-8"[..]),
            ("Upgrade", b"websocket"),
            ("Sec-WebSocket-Version", b"13"),
            ("Connection", b"Upgrade"),
        ]
    );
    let own = Response::new(200).header("connection", "keep-alive").expect("a header");
    let own = own.header("Content-Length", "7").expect("a header");
    let own = own.header("Transfer-Encoding", "chunked").expect("a header");
    assert_eq!(own.fields().count(), 0);
}
