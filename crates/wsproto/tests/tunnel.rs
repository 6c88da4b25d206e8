//! Tunnels through an HTTP proxy, without a proxy.

use wsproto::Config;
use wsproto::handshake::{HeadError, Headers, Response, ResponseError, Tunnel, TunnelError};
use wsproto::url::WsUrl;

fn open(url: &str, headers: &Headers) -> (Tunnel, String) {
    let (url, mut out) = (WsUrl::parse(url).expect("a URL"), Vec::new());
    let tunnel = Tunnel::open(&url, headers, &mut out);
    (tunnel, String::from_utf8(out).expect("text"))
}

/// Passes in the response at once and byte by byte, which must agree, and ends the input if the
/// tunnel waits.
fn answered(answer: &[u8]) -> Result<(), TunnelError> {
    let config = Config::default();
    let run = |most: usize| {
        let (mut tunnel, _) = open("ws://server.example/", &Headers::new());
        for part in answer.chunks(most) {
            // Bytes after the opening of a tunnel cannot be detected byte by byte.
            if tunnel.advance(part, &config)? {
                return Ok(());
            }
        }
        Err(tunnel.give_up())
    };
    let result = run(answer.len().max(1));
    assert_eq!(run(1), result, "I2: {:?}", answer.escape_ascii().to_string());
    result
}

fn refusal(answer: &[u8]) -> Response {
    match answered(answer) {
        Err(TunnelError::Refused(response)) => *response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_request_names_the_server_and_carries_the_headers() {
    // R6455-4.1-5
    let mut headers = Headers::new();
    headers.push("Proxy-Authorization", "Basic dTpw").expect("a header");
    for (url, to) in [
        ("ws://Server.Example/x?y", "server.example:80"),
        ("wss://server.example/", "server.example:443"),
        ("ws://[::1]:9001/", "[::1]:9001"),
    ] {
        let (_, out) = open(url, &headers);
        let expected = format!(
            "CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
        );
        assert_eq!(out, expected);
    }
}

#[test]
fn a_tunnel_opens_with_any_2xx_after_interim_responses() {
    assert_eq!(answered(b"HTTP/1.1 200 OK\r\n\r\n"), Ok(()));
    assert_eq!(answered(b"HTTP/1.0 204 x\r\nA: b\r\n\r\n"), Ok(()));
    let late = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(answered(late), Ok(()));
    let (mut tunnel, _) = open("ws://server.example/", &Headers::new());
    let excess = b"HTTP/1.1 200 OK\r\n\r\nH";
    assert_eq!(tunnel.advance(excess, &Config::default()), Err(TunnelError::Excess));
}

#[test]
fn endless_interim_responses_hit_the_limit_of_one_head() {
    // L6b
    let (mut tunnel, _) = open("ws://server.example/", &Headers::new());
    let (config, mut sent) = (Config::default(), 0);
    let error = loop {
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
        sent += interim.len();
        assert!(sent <= config.max_head_size + interim.len(), "no limit");
        match tunnel.advance(interim, &config) {
            Ok(open) => assert!(!open),
            Err(error) => break error,
        }
    };
    let head = |error| TunnelError::Response(ResponseError::Head(error));
    assert!(
        [HeadError::TooLong, HeadError::FirstLineTooLong].map(head).contains(&error),
        "{error:?}"
    );
}

#[test]
fn a_refusal_has_its_body_as_http_delimits_it() {
    // T11
    for (answer, body) in [
        (&b"HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\nHelloXX"[..], &b"Hello"[..]),
        (b"HTTP/1.1 407 No\r\nContent-Length: 5, 5\r\nContent-Length: 5\r\n\r\nHello", b"Hello"),
        (b"HTTP/1.1 407 No\r\nContent-Length: 9\r\n\r\nHello", b"Hello"),
        (b"HTTP/1.1 407 No\r\n\r\nHello", b"Hello"),
        (b"HTTP/1.1 407 No\r\nContent-Length: 3, 4\r\n\r\nHello", b""),
        (b"HTTP/1.1 304 No\r\n\r\nHello", b""),
        (b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\nHello", b""),
        (
            b"HTTP/1.1 502 No\r\nTransfer-Encoding: chunked\r\n\r\n\
            3\r\nHel\r\n002;a=\"b\"\r\nlo\r\n0\r\nTrailer: x\r\n\r\nXX",
            b"Hello",
        ),
        (b"HTTP/1.1 502 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHel", b"Hel"),
        (b"HTTP/1.1 502 No\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nHel", b""),
        (b"HTTP/1.1 502 No\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nHel", b""),
        (b"HTTP/1.1 502 No\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nHello", b"Hello"),
    ] {
        let response = refusal(answer);
        assert_eq!(response.body_bytes(), body, "{:?}", answer.escape_ascii().to_string());
    }
}

#[test]
fn a_refusal_is_reported_once_its_body_is_complete_and_is_bounded() {
    // T11
    let config = Config::default().max_body_size(8);
    for head in ["", "Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let (mut tunnel, _) = open("ws://server.example/", &Headers::new());
        let head = format!("HTTP/1.1 403 No\r\n{head}\r\n");
        assert_eq!(tunnel.advance(head.as_bytes(), &config), Ok(false));
        assert!(tunnel.is_refused());
        let error = loop {
            if let Err(error) = tunnel.advance(b"5\r\naaaaa\r\n", &config) {
                break error;
            }
        };
        let TunnelError::Refused(response) = error else { panic!("{error:?}") };
        assert_eq!((response.status(), response.body_bytes().len()), (403, 8));
    }
    let (mut tunnel, _) = open("ws://server.example/", &Headers::new());
    let whole = b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
    assert!(matches!(tunnel.advance(whole, &config), Err(TunnelError::Refused(_))));
}

#[test]
fn an_invalid_response_is_an_error_and_is_not_shown() {
    assert_eq!(answered(b""), Err(TunnelError::EndOfInput));
    assert_eq!(answered(b"HTTP/1.1 100 Continue\r\n\r\n"), Err(TunnelError::EndOfInput));
    for answer in [&b"\x05\x00"[..], b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"] {
        assert!(matches!(answered(answer), Err(TunnelError::Response(_))));
    }
    assert_eq!(refusal(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").status(), 101);
    let (mut tunnel, _) = open("ws://server.example/", &Headers::new());
    assert_eq!(tunnel.advance(b"HTTP/1.1 407 secret", &Config::default()), Ok(false));
    assert!(!format!("{tunnel:?}").contains("secret"));
}
