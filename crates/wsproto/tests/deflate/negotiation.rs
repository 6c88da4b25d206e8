//! The negotiation of permessage-deflate (RFC 7692 sections 5 and 7.1).

use wsproto::handshake::{
    Accept, ClientRequest, DeflateAgreed, DeflateOffer, DeflateParamError, Extension, Request,
    Response, ResponseError,
};
use wsproto::url::WsUrl;
use wsproto::{Config, Deflate, Server, Session, SessionError, SessionEvent, WindowBits};

use std::time::Duration;

use crate::support::bits;

const NOW: Duration = Duration::ZERO;

fn request(offers: &str) -> Request {
    let fields = match offers {
        "" => String::new(),
        offers => format!("Sec-WebSocket-Extensions: {offers}\r\n"),
    };
    let head = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    );
    Request::parse(head.as_bytes()).expect("valid")
}

/// The answers of a server to offers; empty if it declines.
fn answer(offers: &str, wish: &Deflate) -> String {
    DeflateAgreed::negotiate(&request(offers), wish)
        .map_or_else(String::new, |(_, answer)| answer.to_string())
}

/// Asks for nothing and grants everything.
fn generous() -> Deflate {
    Deflate::dense()
}

/// Offers, and answers of a server that asks for nothing: R7692-7-1, R7692-7.1.1-1, R7692-7.1.1-3,
/// R7692-7.1.2-1, R7692-7.1.2-3, R7692-7.1.2-4, R7692-5-1, R7692-5-2, R6455-9.1-6, R6455-9-2.
const OFFERS: &[(&str, &str)] = &[
    ("permessage-deflate", "permessage-deflate"),
    (
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover",
    ),
    (
        "permessage-deflate; client_no_context_takeover",
        "permessage-deflate; client_no_context_takeover",
    ),
    (
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=8",
    ),
    (
        "permessage-deflate; server_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=10",
    ),
    (
        "permessage-deflate; server_max_window_bits=\"15\"",
        "permessage-deflate; server_max_window_bits=15",
    ),
    ("permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=15"),
    (
        "permessage-deflate; client_max_window_bits=9",
        "permessage-deflate; client_max_window_bits=9",
    ),
    (
        "permessage-deflate; client_max_window_bits; server_max_window_bits=11; \
         client_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=11; client_max_window_bits=15",
    ),
    // The first valid offer wins; others are passed over.
    ("foo, permessage-deflate", "permessage-deflate"),
    (
        "permessage-deflate; server_max_window_bits=10, permessage-deflate",
        "permessage-deflate; server_max_window_bits=10",
    ),
    (
        "permessage-deflate; unknown, permessage-deflate; server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover",
    ),
    ("permessage-deflate; server_max_window_bits=7, permessage-deflate", "permessage-deflate"),
    // No valid offer.
    ("", ""),
    ("foo", ""),
    ("x-webkit-deflate-frame", ""),
    ("Permessage-Deflate", ""),
    ("permessage-deflate; unknown", ""),
    ("permessage-deflate; Server_no_context_takeover", ""),
    ("permessage-deflate; server_no_context_takeover=1", ""),
    ("permessage-deflate; client_no_context_takeover=true", ""),
    ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""),
    ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", ""),
    ("permessage-deflate; server_max_window_bits", ""),
    ("permessage-deflate; server_max_window_bits=7", ""),
    ("permessage-deflate; server_max_window_bits=16", ""),
    ("permessage-deflate; server_max_window_bits=08", ""),
    ("permessage-deflate; server_max_window_bits=+9", ""),
    ("permessage-deflate; server_max_window_bits=9.0", ""),
    ("permessage-deflate; server_max_window_bits=1000", ""),
    ("permessage-deflate; server_max_window_bits=99999999999999999999", ""),
    ("permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", ""),
    ("permessage-deflate; client_max_window_bits=0", ""),
    ("permessage-deflate; client_max_window_bits=16", ""),
    ("permessage-deflate; client_max_window_bits; client_max_window_bits=9", ""),
];

#[test]
fn a_server_answers_each_offer() {
    for (offers, expected) in OFFERS {
        assert_eq!(answer(offers, &generous()), *expected, "{offers}");
    }
}

/// Parameters that a server sets without an offer of them: R7692-7.1.1-2, R7692-7.1.2-2, R7692-7.1.1-5.
#[test]
fn a_server_asks_for_what_it_wishes() {
    let chromium = "permessage-deflate; client_max_window_bits";
    let firefox = "permessage-deflate";
    for (wish, offer, expected) in [
        (
            Deflate::new(),
            chromium,
            "permessage-deflate; client_no_context_takeover; server_max_window_bits=12; \
             client_max_window_bits=12",
        ),
        (
            Deflate::new(),
            firefox,
            "permessage-deflate; client_no_context_takeover; server_max_window_bits=12",
        ),
        (
            Deflate::frugal(),
            firefox,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (Deflate::dense(), chromium, "permessage-deflate; client_max_window_bits=15"),
        (
            Deflate::dense().peer_window(bits(9)),
            "permessage-deflate; client_max_window_bits=11",
            "permessage-deflate; client_max_window_bits=9",
        ),
        (
            Deflate::dense().window(bits(9)),
            "permessage-deflate; server_max_window_bits=11",
            "permessage-deflate; server_max_window_bits=9",
        ),
    ] {
        assert_eq!(answer(offer, &wish), expected, "{wish:?}");
    }
}

/// The answers that a client accepts: R7692-7-2, R7692-7.1.1-4, R7692-7.1.2-4, R7692-7.1.2-5, R6455-9.1-6.
#[test]
fn a_client_checks_the_answer() {
    use DeflateParamError as E;
    let modest = DeflateOffer::new(&Deflate::dense());
    let strict = DeflateOffer {
        server_no_context_takeover: true,
        server_max_window_bits: Some(bits(10)),
        client_max_window_bits: None,
        ..DeflateOffer::default()
    };
    let limited =
        DeflateOffer { client_max_window_bits: Some(Some(bits(10))), ..DeflateOffer::default() };
    let ok = |server, server_takeover, client, client_takeover| {
        Ok((server, server_takeover, client, client_takeover))
    };
    for (offer, response, expected) in [
        (modest, "", ok(15, true, 15, true)),
        (modest, "; server_no_context_takeover", ok(15, false, 15, true)),
        (modest, "; client_no_context_takeover", ok(15, true, 15, false)),
        (modest, "; server_max_window_bits=9", ok(9, true, 15, true)),
        (modest, "; client_max_window_bits=9", ok(15, true, 9, true)),
        (modest, "; client_max_window_bits", Err(E::Value("client_max_window_bits"))),
        (modest, "; server_max_window_bits", Err(E::Value("server_max_window_bits"))),
        (modest, "; client_max_window_bits=07", Err(E::Value("client_max_window_bits"))),
        (modest, "; unknown", Err(E::Unknown("unknown".into()))),
        (
            modest,
            "; server_max_window_bits=9; server_max_window_bits=9",
            Err(E::Repeated("server_max_window_bits")),
        ),
        (strict, "", Err(E::NotGranted("server_no_context_takeover"))),
        (strict, "; server_no_context_takeover", Err(E::NotGranted("server_max_window_bits"))),
        (
            strict,
            "; server_no_context_takeover; server_max_window_bits=11",
            Err(E::NotGranted("server_max_window_bits")),
        ),
        (
            strict,
            "; server_no_context_takeover; server_max_window_bits=10",
            ok(10, false, 15, true),
        ),
        (
            strict,
            "; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=15",
            Err(E::Unoffered("client_max_window_bits")),
        ),
        (limited, "", ok(15, true, 10, true)),
        (limited, "; client_max_window_bits=10", ok(15, true, 10, true)),
        (limited, "; client_max_window_bits=11", Err(E::Unoffered("client_max_window_bits"))),
    ] {
        let response = format!("permessage-deflate{response}");
        let element = Extension::parse_list(&response).expect("well-formed").remove(0);
        let agreed = offer.verify(&element).map(|agreed| {
            let DeflateAgreed { server, client } = agreed;
            (server.window.bits(), server.takeover, client.window.bits(), client.takeover)
        });
        assert_eq!(agreed, expected, "{offer:?} {response}");
    }
}

fn client(wish: Option<Deflate>, fields: &str) -> Option<SessionError> {
    let url = WsUrl::parse("ws://a/").expect("valid");
    let config = Config::new().deflate(wish);
    let mut out = Vec::new();
    let mut session = Session::client(ClientRequest::new(url), config, [7; 32], NOW, &mut out);
    let request = String::from_utf8(out.clone()).expect("ASCII");
    assert_eq!(request.contains("permessage-deflate"), wish.is_some());
    let key = request.split("Sec-WebSocket-Key: ").nth(1).expect("a key");
    let key = key.split("\r\n").next().expect("a line");
    let mut response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{fields}\r\n",
        wsproto::handshake::accept_key(key)
    )
    .into_bytes();
    let mut input = &mut response[..];
    match session.next_event(NOW, &mut input, &mut out) {
        Some(SessionEvent::Open) => None,
        Some(SessionEvent::Error(error)) => Some(error),
        other => panic!("{other:?}"),
    }
}

/// R7692-5-3, R7692-5-2
#[test]
fn a_client_fails_on_a_response_that_it_did_not_ask_for() {
    let field = |value: &str| format!("Sec-WebSocket-Extensions: {value}\r\n");
    let wish = Some(Deflate::new().peer_window(WindowBits::MAX));
    assert_eq!(client(wish, ""), None, "declined");
    assert_eq!(client(wish, &field("permessage-deflate")), None);
    assert_eq!(client(None, ""), None);
    let error = client(None, &field("permessage-deflate"));
    assert!(
        matches!(error, Some(SessionError::Response(ResponseError::Extension(_)))),
        "{error:?}"
    );
    let error = client(wish, &field("permessage-deflate, permessage-deflate"));
    let several = ResponseError::Deflate(DeflateParamError::Several);
    assert_eq!(error, Some(SessionError::Response(several)));
    let error = client(wish, &field("permessage-deflate, foo"));
    assert!(
        matches!(error, Some(SessionError::Response(ResponseError::Extension(_)))),
        "{error:?}"
    );
    let error = client(wish, &field("permessage-deflate; foo=1"));
    let unknown = ResponseError::Deflate(DeflateParamError::Unknown("foo".into()));
    assert_eq!(error, Some(SessionError::Response(unknown)));
}

/// There are servers that decline a limit of their window, and servers that ignore it. So a client offers to do
/// without, as a second choice. R7692-5-1
#[test]
fn a_client_does_without_a_limit_that_a_server_does_not_know() {
    let deflate = DeflateOffer::in_order(&Deflate::new());
    let request = ClientRequest::new(WsUrl::parse("ws://a/").expect("valid")).deflate(deflate);
    let mut out = Vec::new();
    request.encode([7; 16], &mut out);
    let sent = String::from_utf8(out).expect("ASCII");
    let offers = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12; \
        client_max_window_bits, permessage-deflate; client_max_window_bits\r\n";
    assert!(sent.contains(offers), "{sent}");
    let field = |value: &str| format!("Sec-WebSocket-Extensions: permessage-deflate{value}\r\n");
    let wish = Some(Deflate::new());
    for granted in ["", "; server_no_context_takeover; client_no_context_takeover"] {
        assert_eq!(client(wish, &field(granted)), None, "{granted}");
    }
    // No limit is wished, and none is offered twice.
    assert_eq!(DeflateOffer::in_order(&Deflate::dense()).count(), 1);
    // An answer that neither offer allows stays an error.
    for (response, error) in [
        ("; server_max_window_bits=7", DeflateParamError::Value("server_max_window_bits")),
        ("; client_max_window_bits", DeflateParamError::Value("client_max_window_bits")),
    ] {
        let error = SessionError::Response(ResponseError::Deflate(error));
        assert_eq!(client(wish, &field(response)), Some(error));
    }
    let wish = Some(Deflate::new().peer_takeover(Some(false)));
    let error = DeflateParamError::NotGranted("server_no_context_takeover");
    let error = SessionError::Response(ResponseError::Deflate(error));
    assert_eq!(client(wish, &field("")), Some(error));
}

/// R7692-9-3
#[test]
fn compression_is_off_by_default() {
    assert_eq!(Config::new().deflate, None);
}

/// An invalid offer is declined, and the connection opens; a malformed header stays a 400.
#[test]
fn a_server_opens_without_the_extension() {
    for (offers, status, agreed) in [
        ("permessage-deflate", "101", true),
        ("permessage-deflate; unknown", "101", false),
        ("permessage-deflate; =", "400", false),
    ] {
        let mut session = Session::server(Config::new().deflate(Some(Deflate::new())), NOW);
        let mut out = Vec::new();
        let mut head = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Extensions: {offers}\r\n\r\n"
        )
        .into_bytes();
        let mut input = &mut head[..];
        while let Some(event) = session.next_event(NOW, &mut input, &mut out) {
            if let SessionEvent::Upgrade = event {
                session.accept(&Accept::new(), NOW, &mut out).expect("an upgrade");
            }
        }
        let answer = String::from_utf8(out).expect("ASCII");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert_eq!(answer.contains("permessage-deflate"), agreed);
        assert_eq!(session.deflate().is_some(), agreed);
        let names: Vec<_> = session.extensions().iter().map(|e| e.name().to_owned()).collect();
        assert_eq!(names, ["permessage-deflate"][..usize::from(agreed)]);
    }
}

/// R8441-5-3: over HTTP/2, compression is negotiated by the configurations, too.
#[test]
fn compression_is_negotiated_over_http_2() {
    let config = |wish| Config::new().deflate(wish);
    let (on, off) = (config(Some(Deflate::new())), config(None));
    for (client, server, compressed) in [(&on, &on, true), (&on, &off, false), (&off, &on, false)] {
        let offer = ClientRequest::new(WsUrl::parse("wss://a/").expect("valid"));
        let offer = offer.extended_connect(client);
        let request = Request::from_pseudo_headers(offer.pseudo_headers(), offer.headers().iter());
        let request = request.expect("valid");
        let (answer, agreed) = Accept::new().answer(&request, server).expect("valid");
        assert_eq!(agreed.deflate.is_some(), compressed);
        let answer = Response::from_parts(answer.status(), answer.fields(), []).expect("valid");
        assert_eq!(offer.verify(&answer, client), Ok(agreed.clone()));
        let session = Session::opened(Server, server.clone(), agreed.clone(), NOW);
        assert_eq!(session.deflate(), agreed.deflate);
    }
}

/// Both ends agree on the same parameters, for all configurations.
#[test]
fn both_ends_agree() {
    let all = [8, 9, 12, 15];
    for (window, peer_window) in all.into_iter().flat_map(|a| all.map(|b| (a, b))) {
        for flags in 0..16_u8 {
            let wish = |shift: u8| {
                Deflate::new()
                    .window(bits(window))
                    .peer_window(bits(peer_window))
                    .takeover(flags >> shift & 1 != 0)
                    .peer_takeover(Some(flags >> (shift + 1) & 1 != 0))
            };
            let offer = DeflateOffer::new(&wish(0));
            let parsed = Extension::parse_list(&offer.to_extension().to_string());
            assert_eq!(DeflateOffer::parse(&parsed.expect("well-formed")[0]), Ok(offer));
            let agreed = offer.accept(&wish(2));
            assert_eq!(offer.verify(&offer.answer(&agreed)), Ok(agreed), "{offer:?}");
        }
    }
}
