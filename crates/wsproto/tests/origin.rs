//! Allowed origins (RFC 6455 sections 4.2.2 and 10.2).

mod handshake_support;

use handshake_support::*;
use proptest::prelude::*;
use wsproto::handshake::{Accept, AllowedOrigins, InvalidOrigin, Response};
use wsproto::{Config, SessionEvent};

fn allowed() -> AllowedOrigins {
    AllowedOrigins::new(["https://good.example", "http://localhost:8080", "http://[::1]"])
        .expect("valid origins")
}

/// R6455-10.2-1, A53: origins are equal if scheme, host and port are.
#[test]
fn an_origin_on_the_list_is_allowed() {
    for origin in [
        "https://good.example",
        "https://good.example:443",
        "HTTPS://GOOD.example",
        "http://localhost:8080",
        "http://LocalHost:8080",
        "http://[::1]",
        "http://[::1]:80",
    ] {
        assert!(allowed().allows_origin(origin), "{origin}");
    }
}

/// R6455-10.2-1, A53: an origin that merely looks similar is not equal.
#[test]
fn an_origin_that_looks_alike_is_not_allowed() {
    for origin in [
        "",
        "null",
        "good.example",
        "//good.example",
        "://good.example",
        // Another scheme.
        "http://good.example",
        "wss://good.example",
        "httpss://good.example",
        " https://good.example",
        "xhttps://good.example",
        // Another port.
        "https://good.example:80",
        "https://good.example:8443",
        "https://good.example:0",
        "http://localhost",
        "http://localhost:80",
        "http://[::1]:8080",
        // Another host.
        "https://good.example.evil",
        "https://good.example.",
        "https://evil.good.example",
        "https://evilgood.example",
        "https://good.exampl",
        "https://good",
        "https://",
        "https://*",
        "http://[::2]",
        "http://::1",
        // Something that is no part of an origin.
        "https://good.example/",
        "https://good.example/chat",
        "https://good.example?x",
        "https://good.example#x",
        "https://evil/?https://good.example",
        "https://evil/https://good.example",
        "https://evil#https://good.example",
        "https://evil?good.example",
        "https://u:p@good.example",
        "https://good.example@evil",
        "https://good.example:443@evil",
        "https://evil\\good.example",
        "https://good.example\\.evil",
        "https://good.example,https://evil",
        "https://good.example https://evil",
        "https://evil https://good.example",
        "https://good.example:",
        "https://good.example:x",
        "https://good.example:443:443",
        "https://good.example:65979",
        "https://good.example: 443",
    ] {
        assert!(!allowed().allows_origin(origin), "{origin}");
    }
}

/// RFC 3986 section 3.2.3: a port consists of digits.
#[test]
fn a_port_with_a_sign_is_none() {
    assert!(!allowed().allows_origin("https://good.example:+443"));
}

/// A53: `null` is sent by sandboxed pages and local files; it is allowed only if listed.
#[test]
fn the_opaque_origin_must_be_listed() {
    let list = AllowedOrigins::new(["null"]).unwrap();
    assert!(list.allows_origin("null"));
    assert!(!list.allows_origin("NULL"));
    assert!(!list.allows_origin("https://null"));
    assert!(!list.allows_origin("https://good.example"));
}

/// R6455-10.2-1, A53
#[test]
fn a_request_is_checked_by_its_origin() {
    let none = Head::request().parse();
    let good = Head::request().with("origin", "https://good.example").parse();
    let evil = Head::request().with("Origin", "https://evil.example").parse();
    let empty = Head::request().with("Origin", "").parse();
    let twice = Head::request()
        .with("Origin", "https://good.example")
        .with("Origin", "https://good.example")
        .parse();
    assert!(allowed().allows(&good));
    assert!(!allowed().allows(&evil));
    assert!(!allowed().allows(&empty));
    assert!(!allowed().allows(&twice));
    // R6455-4.2.1-8: a client that sends no origin is not a browser.
    assert!(allowed().allows(&none));
    assert!(!allowed().require().allows(&none));
    assert!(allowed().require().allows(&good));
    assert!(!allowed().require().allows(&evil));

    let empty = AllowedOrigins::default();
    assert!(!empty.allows(&good));
    assert!(empty.allows(&none));
    assert!(!empty.require().allows(&none));
}

/// A53: schemes without a default port, and IPv6 in different case.
#[test]
fn other_schemes_have_origins_too() {
    let list = AllowedOrigins::new(["moz-extension://1a-2b", "http://[2001:DB8::1]:81"]).unwrap();
    assert!(list.allows_origin("moz-extension://1A-2b"));
    assert!(!list.allows_origin("moz-extension://1a-2b:80"));
    assert!(!list.allows_origin("chrome-extension://1a-2b"));
    assert!(list.allows_origin("http://[2001:db8::1]:81"));
}

/// M7: local files, and pages of applications.
#[test]
fn origins_need_no_host_outside_the_web() {
    let list = ["file://", "null", "app://", "capacitor://localhost", "app://.", "tauri://a.b:8"];
    let allowed = AllowedOrigins::new(list).expect("origins");
    assert!(list.iter().all(|origin| allowed.allows_origin(origin)));
    assert!(allowed.allows_origin("FILE://"));
    for other in [
        "file:///",
        "file://x",
        "file:",
        "file",
        "file://:80",
        "files://",
        "https://",
        "tauri://a.b",
    ] {
        assert!(!allowed.allows_origin(other), "{other}");
    }
    for web in ["http://", "https://", "ws://", "wss://", "HTTPS://"] {
        assert_eq!(AllowedOrigins::new([web]), Err(InvalidOrigin(web.into())));
    }
}

#[test]
fn a_list_is_made_of_origins() {
    for text in [
        "",
        "*",
        "good.example",
        "https://",
        "https://good.example/",
        "https://good.example/chat",
        "https://good.example?x",
        "https://good.example#x",
        "https://u@good.example",
        "https://good.example:x",
        "https://good.example:99999",
        "https://a b",
        "https://b\u{fc}cher.example",
        "https://a, https://b",
    ] {
        let list = AllowedOrigins::new(["https://good.example", text]);
        assert_eq!(list, Err(InvalidOrigin(text.to_owned())), "{text}");
    }
    assert_eq!(AllowedOrigins::new([]), Ok(AllowedOrigins::default()));
}

/// RFC 6454 section 6.2, RFC 3986 section 3.1: an origin has a scheme. A list with a typo would
/// silently allow no origin.
#[test]
fn a_list_refuses_origins_that_no_browser_sends() {
    for text in ["://good.example", "ht tp://good.example", "https://good:80:80", "https://[::1"] {
        let list = AllowedOrigins::new([text]);
        assert_eq!(list, Err(InvalidOrigin(text.to_owned())), "{text}");
    }
}

/// R6455-4.2.2-4, R6455-10.2-1: an origin that is not allowed gets a 403, and no part of a 101.
#[test]
fn a_page_that_is_not_allowed_gets_403() {
    for (origin, status) in [("https://good.example", 101), ("https://good.example.evil", 403)] {
        let input = Head::request().with("Origin", origin).then(HELLO_MASKED);
        let run = at_every_cut(&input, |pieces| {
            serve(&Config::default(), pieces, |session, out| {
                if allowed().allows(session.request().unwrap()) {
                    session.accept(&Accept::new(), NOW, out).unwrap();
                } else {
                    session.respond(&Response::text(403, "Not from there.\n"), NOW, out).unwrap();
                }
            })
        });
        assert_eq!(run.answer().status, status);
        assert_eq!(run.events.contains(&SessionEvent::Open), status == 101);
        if status == 403 {
            run.answer().assert_refusal(403);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A53: text added around or into an allowed origin makes it a different one, unless it is the
    /// default port or a change of case.
    #[test]
    fn no_other_text_is_allowed(
        before in "[ -~]{0,5}",
        after in "[ -~]{0,5}",
        cut in 0..=20_usize,
    ) {
        let (first, second) = "https://good.example".split_at(cut);
        for text in [
            format!("{before}https://good.example{after}"),
            format!("{first}{before}{second}"),
        ] {
            let same = text.eq_ignore_ascii_case("https://good.example")
                || text.eq_ignore_ascii_case("https://good.example:443")
                || text.eq_ignore_ascii_case("https://good.example:0443");
            prop_assert_eq!(allowed().allows_origin(&text), same, "{}", text);
        }
    }

    /// Promise I7
    #[test]
    fn no_text_confuses_the_list(text in "(https?://|)(\\PC|[:/@\\[\\]?#,]){0,12}") {
        if let Ok(list) = AllowedOrigins::new([text.as_str()]) {
            prop_assert!(list.allows_origin(&text));
        } else {
            prop_assert!(!allowed().allows_origin(&text));
        }
    }
}
