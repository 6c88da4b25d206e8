//! Requests that are refused: the answers are the engine's.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::ext::Protocol;
use hyper::{Method, Request, Version};
use ws_tokio::wsproto::Config;
use ws_tokio::wsproto::handshake::AllowedOrigins;
use ws_tokio::{Error, H2, ServerOptions, Upgrade, UpgradeServer};

use crate::support::*;

type Asked = Request<Empty<Bytes>>;

/// A valid opening handshake.
pub(crate) fn good(http: Http) -> Asked {
    let request = Request::builder().header("sec-websocket-version", "13");
    let request = match http {
        Http::One => request
            .uri("/chat?room=1")
            .header("host", "example.com")
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        Http::Two => request
            .method(Method::CONNECT)
            .version(Version::HTTP_2)
            .uri("http://example.com/chat?room=1")
            .extension(Protocol::from_static("websocket")),
    };
    request.body(Empty::new()).expect("a request")
}

fn with(mut request: Asked, name: &'static str, value: &'static str) -> Asked {
    request.headers_mut().insert(name, value.parse().expect("a value"));
    request
}

fn without(mut request: Asked, name: &str) -> Asked {
    request.headers_mut().remove(name).expect("a field");
    request
}

fn ordinary(http: Http, method: Method) -> Asked {
    let mut request = without(good(http), "sec-websocket-version");
    if http == Http::One {
        request = without(without(request, "upgrade"), "connection");
    }
    request.extensions_mut().remove::<Protocol>();
    *request.method_mut() = method;
    request
}

/// R8441-5-2, R8441-5-3, R9220-3-1: each wrong request gets its status, and the reason as text.
#[tokio::test]
async fn wrong_requests_get_their_status() {
    let one = || good(Http::One);
    let two = || good(Http::Two);
    let mut other = two();
    other.extensions_mut().insert(Protocol::from_static("connect-udp"));
    let mut tunnel = two();
    tunnel.extensions_mut().remove::<Protocol>();
    *tunnel.uri_mut() = "example.com:80".parse().expect("an authority");
    let version = "sec-websocket-version";
    for (case, http, request, status) in [
        ("an ordinary request", Http::One, ordinary(Http::One, Method::GET), 426),
        ("a POST", Http::One, ordinary(Http::One, Method::POST), 405),
        ("no version", Http::One, without(one(), version), 400),
        ("another version", Http::One, with(one(), version, "8"), 426),
        ("no key", Http::One, without(one(), "sec-websocket-key"), 400),
        ("no host", Http::One, without(one(), "host"), 400),
        ("an ordinary request", Http::Two, ordinary(Http::Two, Method::GET), 400),
        ("a POST", Http::Two, ordinary(Http::Two, Method::POST), 405),
        ("no version", Http::Two, without(two(), version), 400),
        ("another version", Http::Two, with(two(), version, "8"), 400),
        ("another protocol", Http::Two, other, 501),
        ("a tunnel", Http::Two, tunnel, 405),
    ] {
        let server = server();
        let response = send(&server, http, request).await;
        assert_eq!(response.status(), status, "{case} over {http:?}");
        let upgrade = response.headers().contains_key("upgrade");
        assert_eq!(upgrade, status == 426, "{case} over {http:?}");
        assert!(!response.headers().contains_key("sec-websocket-accept"));
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert!(body.ends_with(b"\n"), "{case} over {http:?}: {body:?}");
        assert_eq!(server.stats().connections, 0);
    }
}

/// The options of the server apply: its limits, its origins, and the header fields of its refusals.
#[tokio::test]
async fn options_refuse_over_both_versions() {
    for http in BOTH {
        let origins = AllowedOrigins::new(["https://example.com"]).expect("an origin").require();
        let options = ServerOptions::new().origins(origins).max_connections(1);
        let options = options.refusal_header("Access-Control-Allow-Origin", "*").expect("a header");
        let server = UpgradeServer::new(options);
        let refused =
            send(&server, http, with(good(http), "origin", "https://other.example")).await;
        assert_eq!(refused.status(), 403, "{http:?}");
        assert_eq!(refused.headers()["access-control-allow-origin"], "*");

        let from = |origin| request().origin(origin).expect("an origin");
        let ws =
            open(&server, http, from("https://example.com"), Config::new()).await.expect("open");
        let full = open(&server, http, from("https://example.com"), Config::new()).await;
        let Err(Error::Http(response)) = full else { panic!("{full:?}") };
        assert_eq!(response.status(), 503, "{http:?}");
        assert_eq!(response.body_bytes(), b"Too many connections\n", "{http:?}");
        assert_eq!((server.stats().refused.full, server.stats().refused.options), (1, 1));
        drop(ws);
    }
}

/// A web server that cannot hand over its stream is told so, before an answer is sent.
#[tokio::test]
async fn a_stream_that_cannot_be_handed_over_is_a_500() {
    let refused = Upgrade::of(&mut good(Http::One)).expect_err("no upgrade of hyper's");
    assert_eq!((refused.response().status(), refused.is_ordinary()), (500, false));
    let refused = Upgrade::of(&mut ordinary(Http::One, Method::GET)).expect_err("no handshake");
    assert_eq!(refused.response().status(), 426, "the request's own fault comes first");
    assert!(refused.is_ordinary());
    let mut old = good(Http::One);
    *old.version_mut() = Version::HTTP_10;
    let refused = Upgrade::of(&mut old).expect_err("HTTP/1.0 has no upgrades");
    assert_eq!(refused.response().status(), 426);
    let response: hyper::Response<Vec<u8>> = refused.into();
    assert_eq!(response.headers()["connection"], "Upgrade");
}

/// A body longer than the limit is cut.
#[tokio::test]
async fn a_refusal_over_http_2_has_a_bounded_body() {
    let server = UpgradeServer::new(ServerOptions::new().path("/other"));
    let mut config = Config::new();
    config.max_body_size = 3;
    let h2 = H2::on(host(&server, Http::Two), url(), config).await.expect("HTTP/2");
    let refused = h2.open_path("/chat").await;
    let Err(Error::Http(response)) = refused else { panic!("{refused:?}") };
    assert_eq!((response.status(), response.body_bytes()), (404, &b"Not"[..]));
    assert!(h2.open_path("other").await.is_ok(), "the connection goes on");
}
