//! Responses that break a rule, and fail the connection.

use wsproto::closing::Advice;
use wsproto::handshake::{Extension, ResponseError};

use crate::handshake_support::*;
use crate::support::{assert_failed, good, plain, why_failed};

/// R6455-4.1-26, R6455-4.1-27, R6455-4.1-28, R6455-4.1-29, R6455-4.1-30, R6455-4.1-31, R6455-4.3-1,
/// R6455-9.1-1, R6455-11.3.3-1, R6455-11.3.4-1, R7936-2-1, A51: one thing wrong at a time.
#[test]
#[allow(clippy::string_slice, reason = "a proof is ASCII")]
fn a_response_that_breaks_a_rule_fails_the_connection() {
    use ResponseError as E;
    let accept = expected_accept();
    let with = |name: &str, value: &str| good().with(name, value);
    let line = |line: &str| good().first_line(line);
    let extensions = "Sec-WebSocket-Extensions";
    let cases = [
        // R6455-4.1-26.
        (E::Upgrade, good().without("Upgrade")),
        (E::Upgrade, good().set("Upgrade", "")),
        (E::Upgrade, good().set("Upgrade", "websocket2")),
        (E::Upgrade, good().set("Upgrade", "websocket, foo")),
        (E::Upgrade, good().set("Upgrade", "websocket/13")),
        (E::Upgrade, with("Upgrade", "websocket")),
        // R6455-4.1-27.
        (E::Connection, good().without("Connection")),
        (E::Connection, good().set("Connection", "close")),
        (E::Connection, good().set("Connection", "upgraded")),
        (E::Connection, good().set("Connection", "keep-alive Upgrade")),
        // R6455-4.1-28, R6455-11.3.3-1.
        (E::Accept, good().without("Sec-WebSocket-Accept")),
        (E::Accept, good().set("Sec-WebSocket-Accept", "")),
        (E::Accept, good().set("Sec-WebSocket-Accept", ACCEPT)),
        (E::Accept, good().set("Sec-WebSocket-Accept", &accept[..accept.len() - 1])),
        (E::Accept, good().set("Sec-WebSocket-Accept", &accept.to_lowercase())),
        (E::Accept, good().set("Sec-WebSocket-Accept", &accept.to_uppercase())),
        (E::Accept, good().set("Sec-WebSocket-Accept", &format!("{accept}, {accept}"))),
        (E::Accept, good().set("Sec-WebSocket-Accept", &format!("\"{accept}\""))),
        (E::Accept, with("Sec-WebSocket-Accept", &accept)),
        // R6455-9.1-1.
        (E::MalformedExtension("foo; a=\"\"".into()), with(extensions, "foo; a=\"\"")),
        (E::MalformedExtension("foo;".into()), with(extensions, "foo;")),
        // R6455-4.1-31.
        (E::HttpVersion, line("HTTP/1.0 101 Switching Protocols")),
        (E::HttpVersion, line("HTTP/2.0 101 Switching Protocols")),
        (E::Malformed, line("HTTP/1.10 101 Switching Protocols")),
        (E::Malformed, line("HTTP/1.1 001 Switching Protocols")),
        (E::Malformed, line("HTTP/1.1 1O1 Switching Protocols")),
        (E::Malformed, line("HTTP/1.1  101 Switching Protocols")),
        (E::Malformed, line("HTTP/1.1 1010 Switching Protocols")),
        (E::Malformed, line("HTTP/1.1 Switching Protocols")),
        (E::Malformed, good().names(|name| name.replace("Upgrade", "Up grade"))),
        (E::Malformed, good().names(|name| name.replace("Upgrade", "Upgrade "))),
        (E::Malformed, good().names(|name| name.replace("Upgrade", ""))),
    ];
    let offer = plain()
        .subprotocol("chat")
        .and_then(|request| request.subprotocol("super"))
        .and_then(|request| request.extension(Extension::new("foo").unwrap()))
        .unwrap();
    for (error, head) in cases {
        // A frame after it is ignored.
        let run = assert_failed(&offer, &head.then(HELLO), error.clone());
        assert_eq!(run.transport, Advice::Drop);
        let has_response = !matches!(error, E::HttpVersion | E::Malformed);
        assert_eq!(run.response.is_some(), has_response, "{error}");
    }
}

/// R6455-4.1-29, R6455-4.1-30, R6455-4.1-31, R6455-11.3.4-1, R7936-2-1, R6455-9.1-1, A51: the error
/// names the selected value and the offered ones, if any.
// T10, T16
#[test]
fn a_server_cannot_select_a_value_that_was_not_offered() {
    let (protocol, extensions) = ("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions");
    let nothing = plain();
    let offer = plain()
        .subprotocol("chat")
        .and_then(|request| request.subprotocol("super"))
        .and_then(|request| request.extension(Extension::new("foo").unwrap()))
        .unwrap();
    let with = |name: &str, value: &str| good().with(name, value);
    for (request, head, words) in [
        (
            &nothing,
            with(extensions, "permessage-deflate"),
            "the extension \"permessage-deflate\" was selected, but not offered (nothing was offered)",
        ),
        (
            &nothing,
            with(protocol, "chat"),
            "the subprotocol \"chat\" was selected, but not offered (nothing was offered)",
        ),
        (
            &offer,
            with(protocol, "other"),
            "the subprotocol \"other\" was selected, but not offered (offered: \"chat\", \"super\")",
        ),
        (
            &offer,
            with(protocol, "Chat"),
            "the subprotocol \"Chat\" was selected, but not offered (offered: \"chat\", \"super\")",
        ),
        (
            &offer,
            with(protocol, "chat, super"),
            "the subprotocol \"chat, super\" was selected, but not offered (offered: \"chat\", \"super\")",
        ),
        (
            &offer,
            with(protocol, "chat").with(protocol, "chat"),
            "the subprotocol \"chat, chat\" was selected, but not offered (offered: \"chat\", \"super\")",
        ),
        (
            &offer,
            with(protocol, ""),
            "the selected subprotocol is empty (offered: \"chat\", \"super\")",
        ),
        (&nothing, with(protocol, ""), "the selected subprotocol is empty (nothing was offered)"),
        (
            &offer,
            with(extensions, "other"),
            "the extension \"other\" was selected, but not offered (offered: \"foo\")",
        ),
        (
            &offer,
            with(extensions, "Foo"),
            "the extension \"Foo\" was selected, but not offered (offered: \"foo\")",
        ),
        (
            &offer,
            with(extensions, "foo").with(extensions, "foo, other"),
            "the extension \"other\" was selected, but not offered (offered: \"foo\")",
        ),
        (&offer, with(extensions, ""), "the selected extension is empty (offered: \"foo\")"),
        (&offer, with(extensions, " , ,"), "the selected extension is empty (offered: \"foo\")"),
        (&nothing, with(extensions, ""), "the selected extension is empty (nothing was offered)"),
        (
            &offer,
            with(protocol, "chat").with(extensions, "foo; a=\"b c\""),
            "malformed Sec-WebSocket-Extensions header \"foo; a=\\\"b c\\\"\"",
        ),
        (
            &offer,
            good(),
            "the server selected none of the subprotocols (offered: \"chat\", \"super\")",
        ),
    ] {
        assert_eq!(why_failed(request, &head.then(HELLO)), words);
    }
}
