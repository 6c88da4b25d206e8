//! HTTP requests of real clients, to real servers.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use conformance::adapters::Adapter;
use ws_common::{
    ClientOptions, Decision, IncomingRequest, Message, RunningServer, ServerHandle, ServerHandler,
    ServerOptions, WebSocketConnection,
};
use wsproto::handshake::{Accept, AllowedOrigins, Response, http_date};

use crate::support::{
    LONG, Peer, address, by_hand, connect, end, field, patient_client, request, switching, upgrade,
};

type Ignore = fn(&WebSocketConnection, Message);

/// Selects `v1` or `v2`, serves `/health`, and reports the requests.
struct Site(mpsc::Sender<IncomingRequest>);

impl ServerHandler for Site {
    type Handler = Ignore;

    fn on_connection(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Ignore> {
        self.0.send(request.clone()).expect("the test waits");
        let accept = Accept::new().select_subprotocol(request, &["v1", "v2"]);
        Decision::accept_with(accept, |_, _| {})
    }

    fn on_request(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Ignore> {
        self.0.send(request.clone()).expect("the test waits");
        (request.path() == "/health").then(|| Response::text(200, "well\n")).into()
    }
}

fn site<S: Adapter>(options: ServerOptions) -> (RunningServer, mpsc::Receiver<IncomingRequest>) {
    let (to, requests) = mpsc::channel();
    (S::serve(options, Site(to)).expect("a free port"), requests)
}

/// Sends a request; returns the head of the response.
fn ask(to: SocketAddr, request: impl AsRef<[u8]>) -> String {
    let mut peer = Peer::connect(to);
    peer.send(request);
    peer.head()
}

fn status(head: &str) -> u16 {
    head.get(9..12).and_then(|digits| digits.parse().ok()).expect("a status")
}

// H1: health checks of every kind; only the upgrade needs GET and 1.1.
pub(crate) fn ordinary_requests_are_the_applications<S: Adapter>() {
    let (server, requests) = site::<S>(ServerOptions::new());
    let to = address(&server);
    for method in ["GET", "HEAD", "OPTIONS", "POST"] {
        for version in ["1.0", "1.1", "1.2"] {
            let mut peer = Peer::connect(to);
            peer.send(format!("{method} /health HTTP/{version}\r\nHost: a\r\n\r\n"));
            let head = peer.head();
            assert_eq!(status(&head), 200, "{method} {version}");
            let asked = requests.recv_timeout(LONG).expect("the application is asked");
            assert_eq!((asked.method(), asked.path()), (method, "/health"));
            let body = peer.rest().expect("no reset");
            let expected: &[u8] = if method == "HEAD" { b"" } else { b"well\n" };
            assert_eq!(body, expected, "{method} {version}");
            assert_eq!(field(&head, "Content-Length"), Some("5"), "{method} {version}");
        }
    }
    // Old load balancers send no Host field.
    assert_eq!(status(&ask(to, "GET /health HTTP/1.0\r\n\r\n")), 200);
    requests.recv_timeout(LONG).expect("the application is asked");
    assert_eq!(status(&ask(to, "GET /health HTTP/2.0\r\nHost: a\r\n\r\n")), 505);
    assert_eq!(status(&ask(to, upgrade("/", "").replace("GET", "POST"))), 405);
    assert!(requests.try_recv().is_err(), "it was not asked");
    end(server);
}

// H2
pub(crate) fn empty_list_elements_are_ignored<S: Adapter>() {
    let (server, _requests) = site::<S>(ServerOptions::new());
    for (fields, selected) in [
        ("Sec-WebSocket-Protocol: v1,\r\n", Some("v1")),
        ("Sec-WebSocket-Protocol: v3, ,v2\r\n", Some("v2")),
        ("Sec-WebSocket-Protocol: ,v2\r\nSec-WebSocket-Protocol:\r\n", Some("v2")),
        ("Sec-WebSocket-Protocol:\r\n", None),
        ("Sec-WebSocket-Extensions: permessage-deflate,\r\n", None),
        ("Sec-WebSocket-Extensions:\r\n", None),
    ] {
        let head = ask(address(&server), upgrade("/", fields));
        assert_eq!(status(&head), 101, "{fields}");
        assert_eq!(field(&head, "Sec-WebSocket-Protocol"), selected, "{fields}");
    }
    end(server);
}

// H3: bytes 80-FF are valid in field values, but not in names or in fields that the handshake reads.
pub(crate) fn values_of_fields_are_opaque<S: Adapter, C: Adapter>() {
    let (server, requests) = site::<S>(ServerOptions::new());
    let to = address(&server);
    for (name, value) in
        [("Cookie", "city=München".as_bytes()), ("X-Name", b"Fran\xE7ois"), ("X-Any", b"\xFF\x80")]
    {
        let line = [name.as_bytes(), b": ", value, b"\r\n\r\n"].concat();
        let head = [upgrade("/", "").trim_end().as_bytes(), b"\r\n", &line].concat();
        assert_eq!(status(&ask(to, head)), 101, "{name}");
        let asked = requests.recv_timeout(LONG).expect("the application is asked");
        assert_eq!(asked.headers().get_bytes(name), Some(value));
    }
    let wrong = upgrade("/", "").replace("Host: localhost", "Host: löcalhost");
    assert_eq!(status(&ask(to, wrong)), 400);
    end(server);

    let (to, serving) = by_hand(|mut peer, head| {
        peer.send(switching(&head, b"Date: lun., 1 ao\xFBt\r\nX-Name: Fran\xE7ois\r\n"));
        let _ = peer.rest();
    });
    let client = connect::<C>(to, patient_client(), |_: &_, _| {}).expect("it opens");
    client.ws.abort();
    client.join();
    serving.join().expect("no panic");
}

fn assert_dated(head: &str, before: Duration) {
    let date = field(head, "Date").unwrap_or_else(|| panic!("no date in {head}"));
    assert_eq!(head.matches("Date:").count(), 1, "{head}");
    let since_epoch = now();
    let is_now = (before.as_secs()..=since_epoch.as_secs())
        .any(|seconds| http_date(Duration::from_secs(seconds)) == date);
    assert!(is_now, "{date}");
}

fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().expect("after 1970")
}

// H4: in every response.
pub(crate) fn responses_have_a_date<S: Adapter>() {
    let origins = AllowedOrigins::new(["https://good.example"]).expect("an origin");
    let options = ServerOptions::new().path("/").origins(origins);
    let (server, _requests) = site::<S>(options);
    let before = now();
    for (request, expected) in [
        (upgrade("/", ""), 101),
        (upgrade("/elsewhere", ""), 404),
        (upgrade("/", "Origin: https://evil.example\r\n"), 403),
        (upgrade("/", "").replace("Version: 13", "Version: 8"), 426),
        (upgrade("/", "").replace("Host: localhost", "Host: a b"), 400),
        ("GET /health HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 200),
        ("GET /health HTTP/1.0\r\n\r\n".to_owned(), 200),
        ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 426),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".to_owned(), 505),
    ] {
        let head = ask(address(&server), request);
        assert_eq!(status(&head), expected);
        assert_dated(&head, before);
    }
    end(server);
    let (server, _requests) = site::<S>(ServerOptions::new().max_connections(0));
    let head = ask(address(&server), upgrade("/", ""));
    assert_eq!(status(&head), 503);
    assert_dated(&head, before);
    end(server);
}

// H5: once.
pub(crate) fn an_empty_line_before_the_request_is_ignored<S: Adapter>() {
    let (server, _requests) = site::<S>(ServerOptions::new());
    assert_eq!(status(&ask(address(&server), format!("\r\n{}", upgrade("/", "")))), 101);
    let twice = ask(address(&server), format!("\r\n\r\n{}", upgrade("/", "")));
    assert_eq!(status(&twice), 400);
    end(server);
}

// H6, H7
pub(crate) fn cookies_are_one_field<S: Adapter, C: Adapter>() {
    let (server, requests) = site::<S>(ServerOptions::new());
    let asked = request(address(&server), "/")
        .cookie("a", "1")
        .and_then(|request| request.header("Cookie", "b=2"))
        .and_then(|request| request.header("cookie", "c=3"))
        .and_then(|request| request.cookie("d", "\"v\""))
        .expect("a request");
    let client = C::connect(asked, ClientOptions::new(), |_: &_, _| {}).expect("it opens");
    let asked = requests.recv_timeout(LONG).expect("the application is asked");
    let cookies: Vec<_> = asked.headers().get_all("Cookie").collect();
    assert_eq!(cookies, ["a=1; b=2; c=3; d=\"v\""]);
    client.ws.close(None).expect("open");
    client.join();
    end(server);
}
