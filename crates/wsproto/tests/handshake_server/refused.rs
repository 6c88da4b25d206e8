//! Requests that break a rule: each is refused with an error and a status.

use wsproto::Config;
use wsproto::handshake::RequestError;

use crate::handshake_support::*;
use crate::support::assert_refused;

/// R6455-4.2.1-1, R6455-4.2.1-2, R6455-4.2.1-3, R6455-4.2.1-4, R6455-4.2.1-5, R6455-4.2.1-6,
/// R6455-4.2.1-7, R6455-4.3-1, R6455-4.4-1, R6455-9.1-1, R6455-11.3.1-1, R6455-11.3.5-1, A46, A47,
/// A48, A49: one thing wrong at a time.
#[test]
fn a_request_that_breaks_a_rule_is_refused() {
    use RequestError as E;
    let good = Head::request;
    let line = |line: &str| Head::request().first_line(line);
    let key = |key: &str| Head::request().set("Sec-WebSocket-Key", key);
    let version = |version: &str| Head::request().set("Sec-WebSocket-Version", version);
    let cases = [
        // R6455-4.2.1-2, A46: method, version, target.
        (E::Method, 405, line("POST /chat HTTP/1.1")),
        (E::Method, 405, line("get /chat HTTP/1.1")),
        (E::Method, 405, line("HEADER /chat HTTP/1.1")),
        (E::Method, 405, line("CONNECT server.example.com:80 HTTP/1.1")),
        (E::HttpVersion, 505, line("GET /chat HTTP/0.9")),
        (E::HttpVersion, 505, line("GET /chat HTTP/2.0")),
        (E::HttpVersion, 505, line("GET /chat HTTP/3.1")),
        (E::Malformed, 400, line("GET /chat http/1.1")),
        (E::Malformed, 400, line("GET /a chat HTTP/1.1")),
        (E::Malformed, 400, line("GET /chat")),
        (E::Target, 400, line("GET http://user@localhost/chat HTTP/1.1")),
        (E::Malformed, 400, line("GET /chat HTTP/1.10")),
        (E::Malformed, 400, line("GET /chat")),
        (E::Malformed, 400, line("GET  /chat HTTP/1.1")),
        (E::NotHttp, 400, line("/chat HTTP/1.1")),
        (E::NotHttp, 400, line("G@T /chat HTTP/1.1")),
        (E::Malformed, 400, line("GET /chat HTTP/1.1 ")),
        (E::Target, 400, line("GET * HTTP/1.1")),
        (E::Target, 400, line("GET chat HTTP/1.1")),
        (E::Target, 400, line("GET /chat#x HTTP/1.1")),
        (E::Target, 400, line("GET ws://server.example.com/chat HTTP/1.1")),
        (E::Target, 400, line("GET ftp://server.example.com/chat HTTP/1.1")),
        (E::Target, 400, line("OPTIONS ** HTTP/1.1")),
        (E::Target, 400, line("OPTIONS server.example.com:80 HTTP/1.1")),
        // R6455-4.2.1-3, A46.
        (E::Host, 400, good().without("Host")),
        (E::Host, 400, good().set("Host", "")),
        (E::Host, 400, good().with("Host", "server.example.com")),
        (E::Host, 400, good().set("Host", "a b")),
        (E::Host, 400, good().set("Host", "a,b")),
        (E::Host, 400, good().set("Host", "u@h")),
        (E::Host, 400, good().set("Host", "h/x")),
        // A line that is not a field.
        (E::Malformed, 400, good().names(|name| name.replace("Upgrade", "Up grade"))),
        (E::Malformed, 400, good().names(|name| name.replace("Upgrade", "Upgrade "))),
        (E::Malformed, 400, good().names(|name| name.replace("Upgrade", ""))),
        // R6455-4.2.1-5, A48. (Without Upgrade, the request is ordinary.)
        (E::Connection, 400, good().without("Connection")),
        (E::Connection, 400, good().set("Connection", "")),
        (E::Connection, 400, good().set("Connection", "close")),
        (E::Connection, 400, good().set("Connection", "upgrade-insecure")),
        (E::Connection, 400, good().set("Connection", "keep-alive Upgrade")),
        // R6455-4.2.1-6, R6455-11.3.1-1.
        (E::Key, 400, good().without("Sec-WebSocket-Key")),
        (E::Key, 400, good().with("Sec-WebSocket-Key", KEY)),
        (E::Key, 400, key("")),
        (E::Key, 400, key("AAAAAAAAAAAAAAAAAAAA")),
        (E::Key, 400, key("AAAAAAAAAAAAAAAAAAAAAAA=")),
        (E::Key, 400, key("AAAAAAAAAAAAAAAAAAAAAAAA")),
        (E::Key, 400, key("AAAAAAAAAAAAAAAAAAAAAA")),
        (E::Key, 400, key("AAAAAAAAAAAAAAAAAAAAAA===")),
        (E::Key, 400, key("dGhlIHNhbXBsZSBub25jZ-==")),
        (E::Key, 400, key("dGhlIHNhbXBs ZSBub25jZ==")),
        (E::Key, 400, key("dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==")),
        // R6455-4.2.1-7, R6455-4.3-1, R6455-11.3.5-1, A47.
        (E::InvalidVersion, 400, good().without("Sec-WebSocket-Version")),
        (E::InvalidVersion, 400, good().with("Sec-WebSocket-Version", "13")),
        (E::InvalidVersion, 400, good().with("Sec-WebSocket-Version", "8")),
        (E::InvalidVersion, 400, version("")),
        (E::InvalidVersion, 400, version("013")),
        (E::InvalidVersion, 400, version("00")),
        (E::InvalidVersion, 400, version("+13")),
        (E::InvalidVersion, 400, version("-13")),
        (E::InvalidVersion, 400, version("13.0")),
        (E::InvalidVersion, 400, version("256")),
        (E::InvalidVersion, 400, version("13, 8")),
        (E::InvalidVersion, 400, version("thirteen")),
        (E::UnsupportedVersion, 426, version("0")),
        (E::UnsupportedVersion, 426, version("7")),
        (E::UnsupportedVersion, 426, version("8")),
        (E::UnsupportedVersion, 426, version("14")),
        (E::UnsupportedVersion, 426, version("25")),
        (E::UnsupportedVersion, 426, version("255")),
        // R6455-4.3-1.
        (E::Subprotocol, 400, good().with("Sec-WebSocket-Protocol", "a b")),
        (E::Subprotocol, 400, good().with("Sec-WebSocket-Protocol", "a/b")),
        (E::Subprotocol, 400, good().with("Sec-WebSocket-Protocol", "\"a\"")),
        (
            E::Subprotocol,
            400,
            good().with("Sec-WebSocket-Protocol", "a").with("Sec-WebSocket-Protocol", ";"),
        ),
        // R6455-9.1-1; the grammar has its own table.
        (E::Extensions, 400, good().with("Sec-WebSocket-Extensions", "a; b=\"c d\"")),
        (
            E::Extensions,
            400,
            good().with("Sec-WebSocket-Extensions", "a").with("Sec-WebSocket-Extensions", ";"),
        ),
    ];
    for (error, status, head) in cases {
        assert_refused(&Config::default(), &head.bytes(), error, status);
    }
}

/// A target that looks absolute but names no host is not an `http` URL (RFC 9110 section 4.2.1),
/// whatever path another parser might find in it.
#[test]
fn an_absolute_target_without_a_host_is_refused() {
    for target in ["http:///admin", "http://", "https://?x"] {
        let head = Head::request().first_line(&format!("GET {target} HTTP/1.1"));
        assert_refused(&Config::default(), &head.bytes(), RequestError::Target, 400);
    }
}

/// R6455-4.2.1-3, RFC 9112 section 3.2: an invalid `Host` gets a 400.
#[test]
fn an_invalid_host_is_refused() {
    for host in ["h:x", "h:80:80", "h:99999", "[::1", "::1", "[h]", "h^"] {
        let head = Head::request().set("Host", host);
        assert_refused(&Config::default(), &head.bytes(), RequestError::Host, 400);
    }
}

/// R6455-4.2.2-5, R6455-4.4-1: a client with another version learns the supported one, even if its
/// header is invalid.
#[test]
fn a_refused_version_is_answered_with_the_supported_one() {
    for version in ["8", "14", "013", "13, 8", ""] {
        let input = Head::request().set("Sec-WebSocket-Version", version).bytes();
        let answer = serve(&Config::default(), &[&input], accept).answer();
        assert_eq!(answer.only("Sec-WebSocket-Version"), "13", "{version}");
    }
}

/// RFC 9110 section 15.5.6: 405 lists the allowed methods.
#[test]
fn a_refused_method_is_answered_with_the_allowed_one() {
    let input = Head::request().first_line("POST /chat HTTP/1.1").bytes();
    let answer = serve(&Config::default(), &[&input], accept).answer();
    assert_eq!(answer.only("Allow"), "GET, HEAD, OPTIONS");
}

/// A46: a client that starts with HTTP/2.
#[test]
fn the_preface_of_http_2_is_refused() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert_refused(&Config::default(), preface, RequestError::HttpVersion, 505);
}

/// A49: the bytes of a body are never mistaken for frames or a second request.
#[test]
fn a_request_with_a_body_is_refused() {
    let good = Head::request;
    let cases = [
        good().with("Content-Length", "5").then(b"hello"),
        good().with("Content-Length", "11").then(HELLO_MASKED),
        good().with("Content-Length", "0").with("Content-Length", "5").then(b"hello"),
        good().with("Content-Length", "0").with("Content-Length", "0").bytes(),
        good().with("Content-Length", "0, 0").bytes(),
        good().with("Content-Length", "00").bytes(),
        good().with("Content-Length", "\t").bytes(),
        good().with("Content-Length", "-1").bytes(),
        good().with("Content-Length", "0, 5").then(b"hello"),
        good().with("Content-Length", "").bytes(),
        good().with("Transfer-Encoding", "chunked").then(b"5\r\nhello\r\n0\r\n\r\n"),
        good().with("Transfer-Encoding", "chunked").then(&good().bytes()),
        good().with("Transfer-Encoding", "identity").then(HELLO_MASKED),
        good().with("transfer-encoding", "").then(HELLO_MASKED),
        good().without("Upgrade").with("Content-Length", "5").then(b"hello"),
        good().first_line("POST / HTTP/1.0").with("Content-Length", "5").then(b"hello"),
        good().first_line("POST / HTTP/1.0").with("Transfer-Encoding", "chunked").bytes(),
    ];
    for input in cases {
        assert_refused(&Config::default(), &input, RequestError::Body, 400);
    }
}
