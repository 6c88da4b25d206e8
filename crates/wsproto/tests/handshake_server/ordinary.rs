//! Ordinary HTTP requests: they are no upgrades, and the application answers them.

use wsproto::closing::{Advice, Initiator};
use wsproto::handshake::{Accept, AcceptError, RequestError, Response};
use wsproto::{Config, SessionEvent};

use crate::handshake_support::*;
use crate::support::{asking, assert_refused, refused};

/// R6455-4.2.1-4, A48: without `Upgrade: websocket` it is an ordinary request, here left
/// unanswered.
#[test]
fn an_ordinary_request_without_an_answer_gets_426() {
    let good = Head::request;
    for head in [
        good().without("Upgrade"),
        good().set("Upgrade", ""),
        good().set("Upgrade", "websocket2"),
        good().set("Upgrade", "h2c"),
        good().set("Upgrade", "websocket/13"),
        good().set("Upgrade", "web socket"),
        Head::new("GET / HTTP/1.1", &[("Host", "h")]),
    ] {
        // A second request after it is ignored.
        let input = head.then(&head.bytes());
        let run = at_every_cut(&input, |pieces| serve(&Config::default(), pieces, undecided));
        let events =
            [SessionEvent::Http, refused(RequestError::NoUpgrade), abnormal_end(Initiator::Local)];
        assert_eq!(run.events, events);
        run.answer().assert_refusal(426);
        assert_eq!(run.transport, Advice::Shutdown);
    }
}

/// RFC 9110 section 9.1: any request that is not an upgrade is left to the application.
// H1
#[test]
fn an_ordinary_request_is_left_to_the_application() {
    let plain = |line: &str| Head::new(line, &[("Host", "h")]);
    let bare = |line: &str| Head::new(line, &[]);
    let cases = [
        (plain("GET /health HTTP/1.1"), 426),
        (plain("GET /health HTTP/1.0"), 426),
        (bare("GET /health HTTP/1.0"), 426),
        (plain("GET /health HTTP/1.2"), 426),
        (plain("GET /health HTTP/1.9"), 426),
        (bare("HEAD /health HTTP/1.0"), 426),
        (plain("HEAD /health HTTP/1.1"), 426),
        (bare("OPTIONS /health HTTP/1.0"), 426),
        (plain("OPTIONS /health HTTP/1.1"), 426),
        (plain("OPTIONS * HTTP/1.1"), 426),
        (bare("OPTIONS * HTTP/1.0"), 426),
        (plain("POST /health HTTP/1.1"), 405),
        (plain("POST /health HTTP/1.1").with("Content-Length", "0"), 405),
        (plain("DELETE /health HTTP/1.1"), 405),
        (plain("TRACE /health HTTP/1.1"), 405),
        (plain("PROPFIND /health HTTP/1.1"), 405),
        (plain("get /health HTTP/1.1"), 405),
        (plain("!#$%&'*+-.^_`|~09azAZ /health HTTP/1.1"), 405),
        // RFC 9110 section 7.8: HTTP/1.0 has no upgrades.
        (Head::request().first_line("GET /chat HTTP/1.0"), 426),
        (Head::request().first_line("GET /chat HTTP/1.0").without("Host"), 426),
        (Head::request().first_line("POST /chat HTTP/1.0"), 405),
        (Head::request().first_line("GET http://h/chat HTTP/1.0").without("Host"), 426),
    ];
    for (head, status) in cases {
        let input = head.bytes();
        let shown = input.escape_ascii().to_string();
        let run = at_every_cut(&input, |pieces| {
            serve(&Config::default(), pieces, |session, out| {
                let request = session.request().unwrap();
                assert!(!request.is_upgrade(), "{shown}");
                let refused = session.accept(&Accept::new(), NOW, out);
                assert!(matches!(refused, Err(AcceptError::Request(_))), "{shown}");
                session.respond(&Response::text(200, "fine\n"), NOW, out).unwrap();
            })
        });
        assert_eq!(run.events, [SessionEvent::Http, abnormal_end(Initiator::Local)], "{shown}");
        assert_eq!(run.answer().status, 200, "{shown}");
        let body: &[u8] = if input.starts_with(b"HEAD ") { b"" } else { b"fine\n" };
        assert_eq!(run.answer().body, body, "{shown}");

        let run = at_every_cut(&input, |pieces| serve(&Config::default(), pieces, undecided));
        assert_eq!(run.events[0], SessionEvent::Http, "{shown}");
        run.answer().assert_refusal_to_head(status);
        let allow: &[&str] = if status == 405 { &["GET, HEAD, OPTIONS"] } else { &[] };
        assert_eq!(run.answer().all("Allow"), allow, "{shown}");
        assert_eq!(run.answer().body.is_empty(), input.starts_with(b"HEAD "), "{shown}");
    }
}

// H1
#[test]
fn the_application_sees_version_and_target_of_an_ordinary_request() {
    for (line, minor, path, host) in [
        ("GET /a?b HTTP/1.0", 0, "/a", ""),
        ("OPTIONS * HTTP/1.0", 0, "*", ""),
        ("GET http://h/a HTTP/1.0", 0, "/a", "h"),
    ] {
        let request = Head::new(line, &[]).parse();
        assert_eq!(request.version_minor(), minor);
        assert_eq!((request.path(), request.host()), (path, host), "{line}");
    }
    assert_eq!(Head::request().first_line("GET / HTTP/1.7").parse().version_minor(), 7);
    assert_eq!(Head::request().parse().version_minor(), 1);
    // Host is optional in HTTP/1.0, but must be valid.
    for hosts in [&["a", "a"][..], &["a,b"], &[""]] {
        let head =
            hosts.iter().fold(Head::new("GET / HTTP/1.0", &[]), |h, host| h.with("Host", host));
        assert_refused(&Config::default(), &head.bytes(), RequestError::Host, 400);
    }
}

#[test]
fn the_application_may_answer_an_ordinary_request() {
    let page = Response::html("<p>Hello").header("Cache-Control", "no-store").unwrap();
    let input = Head::new("GET /page?x HTTP/1.1", &[("Host", "h")]).bytes();
    let run = at_every_cut(&input, |pieces| {
        serve(&Config::default(), pieces, |session, out| {
            assert_eq!(session.request().unwrap().path(), "/page");
            session.respond(&page, NOW, out).unwrap();
            assert_eq!(session.request(), None);
        })
    });
    assert_eq!(run.events, [SessionEvent::Http, abnormal_end(Initiator::Local)]);
    let answer = run.answer();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"<p>Hello"[..]));
    assert_eq!(answer.only("Content-Length"), "8");
    assert_eq!(answer.only("Content-Type"), "text/html; charset=utf-8");
    assert_eq!(answer.only("Cache-Control"), "no-store");
    assert_eq!(answer.only("Connection"), "close");
}

/// RFC 9110 section 9.3.2: the response to HEAD is that to GET without its body.
#[test]
fn the_response_to_a_head_request_has_no_body() {
    let page = Response::html("<p>Hello");
    let input = Head::new("HEAD / HTTP/1.1", &[("Host", "h")]).bytes();
    let run = at_every_cut(&input, |pieces| {
        serve(&Config::default(), pieces, |session, out| {
            session.respond(&page, NOW, out).unwrap();
        })
    });
    assert_eq!(run.events[0], SessionEvent::Http);
    let answer = run.answer();
    assert_eq!((answer.status, &answer.body[..]), (200, &b""[..]));
    assert_eq!(answer.only("Content-Length"), "8");
}

/// RFC 9110 section 9.3.2: the same for refusals that the engine writes itself.
#[test]
fn a_refusal_of_a_head_request_has_no_body() {
    let head = || Head::new("HEAD / HTTP/1.1", &[("Host", "h")]);
    let run = serve(&Config::default(), &[&head().bytes()], undecided);
    run.answer().assert_refusal_to_head(426);
    assert_eq!(run.answer().body.escape_ascii().to_string(), "");

    let handshake = Head::request().first_line("HEAD /chat HTTP/1.1").bytes();
    let run = serve(&Config::default(), &[&handshake], undecided);
    run.answer().assert_refusal_to_head(405);
    assert_eq!(run.answer().body.escape_ascii().to_string(), "");

    let mut session = asking(&head().bytes(), &SessionEvent::Http);
    let mut out = Vec::new();
    session.close(None, NOW, &mut out).unwrap();
    let answer = Answer::parse(&out);
    answer.assert_refusal_to_head(503);
    assert_eq!(answer.body.escape_ascii().to_string(), "");
}

#[test]
fn an_ordinary_request_cannot_be_accepted() {
    let input = Head::new("GET / HTTP/1.1", &[("Host", "h")]).bytes();
    let mut session = asking(&input, &SessionEvent::Http);
    let mut out = Vec::new();
    let error = AcceptError::Request(RequestError::NoUpgrade);
    assert_eq!(session.accept(&Accept::new(), NOW, &mut out), Err(error));
    assert_eq!(out, b"");
    session.respond(&Response::new(404), NOW, &mut out).unwrap();
    Answer::parse(&out).assert_refusal(404);
}
