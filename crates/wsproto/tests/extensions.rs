//! The grammar of `Sec-WebSocket-Extensions` and its negotiation (RFC 6455 sections 4.3 and 9.1).

mod handshake_support;

use handshake_support::*;
use proptest::prelude::*;
use wsproto::Config;
use wsproto::handshake::{Accept, Extension, InvalidExtension, Request, RequestError};

/// Writes the list in its shortest form.
fn written(list: &[Extension]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// R6455-4.3-1, R6455-4.3-2, R6455-9.1-1
#[test]
fn a_well_formed_list_is_read() {
    for (value, list) in [
        ("foo", "foo"),
        (" \tfoo\t ", "foo"),
        ("foo, bar", "foo, bar"),
        ("foo,bar", "foo, bar"),
        ("foo ,\tbar", "foo, bar"),
        ("foo, foo", "foo, foo"),
        ("foo; a", "foo; a"),
        ("foo;a;b", "foo; a; b"),
        ("foo ; a ; a", "foo; a; a"),
        ("foo; a=1", "foo; a=1"),
        ("foo; a = 1", "foo; a=1"),
        ("foo; a=1; b, bar; c=d", "foo; a=1; b, bar; c=d"),
        ("foo; a=\"1\"", "foo; a=1"),
        ("foo; a=\"\\1\\2\"; b", "foo; a=12; b"),
        ("foo; a=\"b\" , bar", "foo; a=b, bar"),
        // H2: empty elements are ignored (RFC 9110 section 5.6.1.2).
        ("", ""),
        (" ", ""),
        (",", ""),
        (" ,\t, ", ""),
        ("foo,", "foo"),
        (",foo", "foo"),
        ("foo,,bar", "foo, bar"),
        ("foo, ,bar ,", "foo, bar"),
        ("!#$%&'*+-.^_`|~09azAZ", "!#$%&'*+-.^_`|~09azAZ"),
        (
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits",
        ),
        (
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
        ),
    ] {
        let parsed = Extension::parse_list(value).unwrap_or_else(|_| panic!("{value}"));
        assert_eq!(written(&parsed), list, "{value}");
    }
}

/// R6455-4.3-2, R6455-9.1-1
#[test]
fn a_malformed_list_is_refused() {
    for value in [
        // A missing token.
        ";",
        "foo;",
        "foo;;a",
        "foo; a;",
        "foo; =1",
        "foo; a=",
        "foo; a=,bar",
        "; a",
        "=",
        // Characters not allowed in a token.
        "foo bar",
        "foo; a b",
        "foo; a=1 2",
        "foo/1",
        "(foo)",
        "f\u{f6}\u{f6}",
        "foo; \u{e9}",
        "foo; a=\u{20ac}",
        "foo\0",
        "foo\r\n",
        "foo: bar",
        "foo=1",
        // Bad quoting; a quoted string that does not unescape to a token.
        "\"foo\"",
        "foo; \"a\"",
        "foo; a=\"",
        "foo; a=\"b",
        "foo; a=\"b\\",
        "foo; a=\"b\\\"",
        "foo; a=\"\"",
        "foo; a=\"c d\"",
        "foo; a=\"c,d\"",
        "foo; a=\"\\\"\"",
        "foo; a=\"\u{e9}\"",
        "foo; a=\"b\"c",
        "foo; a=b\"c\"",
        "foo; a=\"b\"\"c\"",
        "foo; a='b c'",
    ] {
        assert_eq!(Extension::parse_list(value), Err(InvalidExtension), "{value:?}");
    }
}

#[test]
fn an_extension_shows_its_parameters_in_order() {
    let list = Extension::parse_list("foo; b=2; a; B=\"3\"; b").unwrap();
    assert_eq!(list[0].name(), "foo");
    let params: Vec<_> = list[0].params().collect();
    assert_eq!(params, [("b", Some("2")), ("a", None), ("B", Some("3")), ("b", None)]);
}

#[test]
fn an_extension_is_built_of_tokens() {
    for wrong in ["", " ", "a b", "a,b", "a;b", "a=b", "\"a\"", "a\r\nX: b", "\0", "\u{e9}"] {
        assert_eq!(Extension::new(wrong), Err(InvalidExtension), "{wrong:?}");
        let foo = || Extension::new("foo").unwrap();
        assert_eq!(foo().param(wrong, None), Err(InvalidExtension), "{wrong:?}");
        assert_eq!(foo().param(wrong, Some("1")), Err(InvalidExtension), "{wrong:?}");
        assert_eq!(foo().param("a", Some(wrong)), Err(InvalidExtension), "{wrong:?}");
    }
    let built = Extension::new("foo")
        .and_then(|foo| foo.param("a", None))
        .and_then(|foo| foo.param("b", Some("1")))
        .unwrap();
    assert_eq!(Extension::parse_list("foo; a; b=1"), Ok(vec![built]));
}

/// R6455-4.2.1-10, R6455-9.1-2, R6455-9.1-5, R6455-11.3.2-1: a list over several lines is one list,
/// in the order of the client's preference.
#[test]
fn several_lines_are_one_list() {
    let one = Head::request().with("Sec-WebSocket-Extensions", "c; x=1, a, b").parse();
    let three = Head::request()
        .with("Sec-WebSocket-Extensions", "c; x=\"1\"")
        .with("X-Between", "y")
        .with("sec-websocket-extensions", "a")
        .with("SEC-WEBSOCKET-EXTENSIONS", "b")
        .parse();
    let list = |request: &Request| written(&request.extensions().collect::<Vec<_>>());
    assert_eq!(list(&one), "c; x=1, a, b");
    assert_eq!(list(&three), list(&one));
    assert_eq!(three.check_upgrade(), Ok(()));
}

/// R6455-9.1-1: one malformed line fails the handshake.
#[test]
fn a_server_refuses_a_malformed_list() {
    for value in [";", "foo;", "foo; a=\"b", "foo; a=\"b c\""] {
        let head = Head::request()
            .with("Sec-WebSocket-Extensions", "foo")
            .with("Sec-WebSocket-Extensions", value);
        assert_eq!(head.parse().check_upgrade(), Err(RequestError::Extensions), "{value}");
        let run = serve(&Config::default(), &[&head.bytes()], accept);
        run.answer().assert_refusal(400);
    }
}

/// R6455-4.2.2-9, R6455-9-1: an extension that the application does not accept is not in the
/// response.
#[test]
fn a_server_accepts_no_extension_by_itself() {
    let head = Head::request().with("Sec-WebSocket-Extensions", "permessage-deflate, foo; a, bar");
    let run = serve(&Config::default(), &[&head.bytes()], accept);
    assert!(run.answer().all("Sec-WebSocket-Extensions").is_empty());

    let run = serve(&Config::default(), &[&head.bytes()], |session, out| {
        let offered = session.request().unwrap().extensions().find(|e| e.name() == "foo").unwrap();
        session.accept(&Accept::new().extension(offered), NOW, out).unwrap();
        assert_eq!(written(&session.extensions()), "foo; a");
    });
    assert_eq!(run.answer().only("Sec-WebSocket-Extensions"), "foo; a");
}

const TOKEN: &str = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}";

fn any_extension() -> impl Strategy<Value = Extension> {
    let param = (TOKEN, prop::option::of(TOKEN));
    (TOKEN, prop::collection::vec(param, 0..4)).prop_map(|(name, params)| {
        params.iter().fold(Extension::new(&name).unwrap(), |extension, (name, value)| {
            extension.param(name, value.as_deref()).unwrap()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// R6455-9.1-1
    #[test]
    fn a_written_list_is_read_as_the_same(list in prop::collection::vec(any_extension(), 1..4)) {
        prop_assert_eq!(Extension::parse_list(&written(&list)), Ok(list));
    }

    /// R6455-4.3-2: the same with quoted values and every character escaped.
    #[test]
    fn quotes_change_nothing(name in TOKEN, param in TOKEN, value in TOKEN) {
        let escaped: String = value.chars().flat_map(|character| ['\\', character]).collect();
        let plain = Extension::parse_list(&format!("{name}; {param}={value}"));
        prop_assert!(plain.is_ok());
        let quoted = Extension::parse_list(&format!("{name}; {param}=\"{value}\""));
        prop_assert_eq!(&quoted, &plain);
        let escaped = Extension::parse_list(&format!("{name};{param} = \"{escaped}\""));
        prop_assert_eq!(&escaped, &plain);
    }

    /// Promise I7: no text panics, and an accepted list can be sent.
    #[test]
    fn no_text_makes_an_unsafe_list(text in "(\\PC|[a-c;,=\"\\\\ \t\r\n\0]){0,20}") {
        if let Ok(list) = Extension::parse_list(&text) {
            let again = written(&list);
            prop_assert!(again.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(Extension::parse_list(&again), Ok(list));
        }
    }
}
