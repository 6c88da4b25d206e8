//! Subprotocols and extensions: the offers, the choice, and negotiation without a session.

use wsproto::handshake::{Accept, AcceptError, Extension};
use wsproto::{Client, Config, Connection, Event, Extensions, ReadyState, Server, SessionEvent};

use crate::handshake_support::*;
use crate::support::asking;

/// RFC 9110 section 5.6.1.2
// H2
#[test]
fn empty_elements_of_lists_are_ignored() {
    let protocol = "Sec-WebSocket-Protocol";
    let extensions = "Sec-WebSocket-Extensions";
    for (head, offered) in [
        (Head::request().with(protocol, "v1,"), "v1|"),
        (Head::request().with(protocol, "v1, ,v2"), "v1 v2|"),
        (Head::request().with(protocol, ",,v1\t,\t,,v2, "), "v1 v2|"),
        (Head::request().with(protocol, "").with(protocol, "v1"), "v1|"),
        (Head::request().with(protocol, ""), "|"),
        (Head::request().with(protocol, " , ,"), "|"),
        (Head::request().with(extensions, "permessage-deflate,"), "|permessage-deflate"),
        (Head::request().with(extensions, ", foo; a ,, bar,"), "|foo bar"),
        (Head::request().with(extensions, "").with(extensions, "foo"), "|foo"),
        (Head::request().with(extensions, ""), "|"),
        (Head::request().with(extensions, "\t,"), "|"),
        (Head::request().set("Connection", ",Upgrade,, keep-alive ,"), "|"),
        (Head::request().set("Upgrade", ", websocket ,"), "|"),
        (Head::request().with("Connection", "").with("Upgrade", ""), "|"),
    ] {
        let run = at_every_cut(&head.bytes(), |pieces| {
            serve(&Config::default(), pieces, |session, out| {
                let request = session.request().unwrap();
                let subprotocols: Vec<_> = request.subprotocols().collect();
                let offers: Vec<_> = request.extensions().collect();
                let names: Vec<_> = offers.iter().map(Extension::name).collect();
                let found = format!("{}|{}", subprotocols.join(" "), names.join(" "));
                assert_eq!(found, offered);
                accept(session, out);
            })
        });
        assert_eq!(run.answer().status, 101);
    }
}

/// R6455-4.2.2-7, R6455-4.2.2-14, R7936-2-1: the subprotocol is one that the client offers, in the
/// same case; a wrong choice writes nothing, and can be corrected.
#[test]
fn a_subprotocol_that_was_not_offered_cannot_be_selected() {
    let input = Head::request().with("Sec-WebSocket-Protocol", "chat, superchat").bytes();
    let mut session = asking(&input, &SessionEvent::Upgrade);
    let mut out = Vec::new();
    for wrong in ["other", "Chat", "chat, superchat", "", " chat", "chat\r\nX: y"] {
        let accept = Accept::new().subprotocol(wrong);
        assert_eq!(accept.selected_subprotocol(), Some(wrong));
        let Err(AcceptError::Subprotocol(error)) = session.accept(&accept, NOW, &mut out) else {
            panic!("{wrong} was accepted")
        };
        // T16
        assert_eq!((error.selected(), error.offered().join(" ")), (wrong, "chat superchat".into()));
        assert!(error.to_string().ends_with("(offered: \"chat\", \"superchat\")"), "{error}");
        assert_eq!(out, b"");
        assert_eq!(session.ready_state(), ReadyState::Connecting);
        assert!(session.request().is_some());
    }
    session.accept(&Accept::new().subprotocol("superchat"), NOW, &mut out).unwrap();
    assert_eq!(Answer::parse(&out).only("Sec-WebSocket-Protocol"), "superchat");
    assert_eq!(session.subprotocol(), Some("superchat"));
}

/// R6455-4.2.2-7, R6455-4.2.2-8, R7936-2-1
#[test]
fn the_first_supported_subprotocol_that_is_offered_is_selected() {
    for (offered, supported, selected) in [
        (&["a, b"][..], &["b", "a"][..], Some("b")),
        (&["a", "b"], &["c", "b"], Some("b")),
        (&["a, b"], &["c"], None),
        (&["a, b"], &["A", "B"], None),
        (&["a, b"], &[], None),
        (&[], &["a"], None),
    ] {
        let head = offered
            .iter()
            .fold(Head::request(), |head, value| head.with("Sec-WebSocket-Protocol", value));
        let run = serve(&Config::default(), &[&head.bytes()], |session, out| {
            let accept = Accept::new()
                .subprotocol("forgotten")
                .select_subprotocol(session.request().unwrap(), supported);
            session.accept(&accept, NOW, out).unwrap();
        });
        assert_eq!(run.answer().all("Sec-WebSocket-Protocol"), selected.as_slice());
        assert_eq!(run.subprotocol.as_deref(), selected);
    }
}

/// R6455-4.2.2-9, R6455-4.2.2-15, R6455-9-1
#[test]
fn an_extension_that_was_not_offered_cannot_be_accepted() {
    let request = Head::request()
        .with("Sec-WebSocket-Extensions", "foo; a")
        .with("Sec-WebSocket-Extensions", "permessage-deflate, bar")
        .parse();
    let extension = |name: &str| Extension::new(name).unwrap();
    let mut out = Vec::new();
    for name in ["other", "Foo"] {
        let result = Accept::new().extension(extension(name)).encode(&request, &mut out);
        let Err(AcceptError::Extension(error)) = result else { panic!("{name} was accepted") };
        // T16
        assert_eq!(error.selected(), name);
        assert_eq!(error.offered(), ["foo", "permessage-deflate", "bar"]);
        assert_eq!(out, b"");
    }
    // The engine has no permessage-deflate to own the reserved bit.
    for name in ["permessage-deflate", "PERMESSAGE-DEFLATE"] {
        let result = Accept::new().extension(extension(name)).encode(&request, &mut out);
        assert_eq!(result, Err(AcceptError::Unavailable(name.to_owned())));
        assert_eq!(out, b"");
    }
    let accept = Accept::new()
        .extension(extension("foo").param("a", Some("1")).unwrap())
        .extension(extension("bar"));
    assert_eq!(accept.extensions().len(), 2);
    accept.encode(&request, &mut out).unwrap();
    let answer = Answer::parse(&out);
    assert_eq!(answer.all("Sec-WebSocket-Extensions").join(", "), "foo; a=1, bar");
}

/// R8441-5-3: where other code handles HTTP, subprotocols, extensions and origin are negotiated
/// without a key.
#[test]
fn a_negotiation_without_a_key_is_possible() {
    let request = Head::request()
        .without("Upgrade")
        .without("Connection")
        .without("Sec-WebSocket-Key")
        .with("sec-websocket-protocol", "chat, superchat")
        .with("sec-websocket-extensions", "foo; a=1")
        .with("origin", "https://example.com")
        .parse();
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["chat", "superchat"]);
    let foo = Extension::new("foo").and_then(|foo| foo.param("a", Some("1"))).unwrap();
    assert_eq!(request.extensions().collect::<Vec<_>>(), [foo]);
    assert_eq!(request.origin(), Some("https://example.com"));
    assert_eq!(request.headers().get("Sec-WebSocket-Version"), Some("13"));
}

/// R8441-5-4: a connection negotiated elsewhere begins open; framing is unchanged.
#[test]
fn a_connection_may_begin_after_its_handshake() {
    let mut out = Vec::new();
    let mut server = Connection::new(Server, Config::default(), Extensions::none());
    let mut bytes = HELLO_MASKED.to_vec();
    let event = server.next_event(&mut &mut bytes[..], &mut out);
    assert_eq!(event, Ok(Some(Event::Text("Hello".into()))));
    server.send_text("Hello", &mut out).unwrap();
    assert_eq!(out, HELLO);

    let mut client =
        Connection::new(Client::from_seed(SEED), Config::default(), Extensions::none());
    let event = client.next_event(&mut &mut out[..], &mut Vec::new());
    assert_eq!(event, Ok(Some(Event::Text("Hello".into()))));
    let mut sent = Vec::new();
    client.send_text("Hello", &mut sent).unwrap();
    assert_eq!((sent.len(), &sent[..2]), (11, &b"\x81\x85"[..]));
}
