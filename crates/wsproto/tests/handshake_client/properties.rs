//! Properties of the client's handshake: no input confuses it, and every request is valid.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use wsproto::{Config, Session, SessionEvent};

use crate::handshake_support::*;
use crate::support::{good, plain, to};

/// Almost valid responses, and arbitrary bytes.
fn any_input() -> impl Strategy<Value = Vec<u8>> {
    let accept = format!("Sec-WebSocket-Accept: {}\r\n", expected_accept());
    let known: Vec<Vec<u8>> = [
        "HTTP/1.1 101 Switching Protocols\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\n",
        "HTTP/1.0 200 OK\r\n",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        &accept,
        "Sec-WebSocket-Accept: AAAA\r\n",
        "Sec-WebSocket-Protocol: chat\r\n",
        "Sec-WebSocket-Extensions: a; b=\"c\\d\"\r\n",
        "Content-Length: 7\r\n",
        "Content-Length: 3, 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "X: \u{e9}\r\n",
        "\r\n",
        "\r\n3\r\nabc\r\n",
        "2;x\r\nhi\r\n",
        "0\r\n",
        "\r",
        "\n",
        " ",
        ":",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    let part = prop_oneof![
        8 => prop::sample::select(known),
        1 => Just(good().bytes()),
        1 => Just(HELLO.to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
        1 => "[ -~]{0,8}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Promises I2 and I7: no input panics, and cuts change nothing.
    #[test]
    fn no_input_confuses_a_client(input in any_input()) {
        let mut config = Config::default();
        config.max_head_size = 300;
        config.max_headers = 8;
        config.max_body_size = 16;
        let run = at_every_cut(&input, |pieces| connect(&config, &plain(), pieces));
        let closed = run.events.iter().filter(|event| matches!(event, SessionEvent::Closed(_)));
        prop_assert_eq!(closed.count(), 1);
        prop_assert!(matches!(run.events.last(), Some(SessionEvent::Closed(_))));
        if run.events.contains(&SessionEvent::Open) {
            prop_assert_eq!(&run.events[0], &SessionEvent::Open);
        } else {
            prop_assert_eq!(run.out, b"");
            prop_assert!(matches!(run.events[0], SessionEvent::Error(_)));
        }
    }

    /// The same for arbitrary bytes.
    #[test]
    fn no_bytes_confuse_a_client(input in prop::collection::vec(any::<u8>(), 0..100)) {
        let run = at_every_cut(&input, |pieces| connect(&Config::default(), &plain(), pieces));
        prop_assert!(matches!(run.events.last(), Some(SessionEvent::Closed(_))));
        prop_assert_eq!(run.out, b"");
    }

    /// R6455-4.1-10, R6455-4.1-11, R6455-4.1-12, R6455-4.1-13, R6455-4.1-14, R6455-4.1-15,
    /// R6455-4.1-16, R6455-4.1-17, R6455-4.1-18, R6455-4.1-19: every request that can be built is
    /// valid.
    #[test]
    fn every_request_is_valid(
        seed in any::<[u8; 32]>(),
        secure in any::<bool>(),
        host in "[a-z0-9-]{1,9}(\\.[a-z0-9-]{1,9}){0,2}\\.[a-z][a-z0-9-]{0,9}",
        port in 1..=u16::MAX,
        path in "(/([a-z0-9._~-]|%[0-9A-F]{2}){0,8}){0,3}",
        query in "([a-z0-9=&?/]{1,10})?",
        subprotocols in prop::collection::btree_set("[a-z0-9.!#~|^`_-]{1,8}", 0..4),
        fields in prop::collection::vec(("X-[a-zA-Z0-9]{1,8}", "[!-~]([ -~\t]{0,9}[!-~])?"), 0..4),
    ) {
        let scheme = if secure { "wss" } else { "ws" };
        let query_part = if query.is_empty() { String::new() } else { format!("?{query}") };
        let mut request = to(&format!("{scheme}://{host}:{port}{path}{query_part}"));
        for subprotocol in &subprotocols {
            request = request.subprotocol(subprotocol).unwrap();
        }
        for (name, value) in &fields {
            request = request.header(name, value).unwrap();
        }
        let mut out = Vec::new();
        let _session = Session::client(request, Config::default(), seed, NOW, &mut out);
        let sent = SentRequest::parse(&out);
        prop_assert_eq!(&sent.method, "GET");
        let path = if path.is_empty() { "/" } else { &path };
        prop_assert_eq!(&sent.target, &format!("{path}{query_part}"));
        let default = if secure { 443 } else { 80 };
        let authority = if port == default { host } else { format!("{host}:{port}") };
        prop_assert_eq!(sent.only("Host"), authority);
        prop_assert_eq!(sent.only("Upgrade"), "websocket");
        prop_assert_eq!(sent.only("Connection"), "Upgrade");
        prop_assert_eq!(sent.only("Sec-WebSocket-Version"), "13");
        let key = sent.only("Sec-WebSocket-Key");
        prop_assert_eq!(key.len(), 24);
        prop_assert!(["A==", "Q==", "g==", "w=="].iter().any(|end| key.ends_with(end)), "{}", key);
        // Decoding checks that the unused bits are zero.
        prop_assert_eq!(STANDARD.decode(key).map(|nonce| nonce.len()), Ok(16));
        let offered: Vec<_> = subprotocols.into_iter().collect();
        let protocol = sent.all("Sec-WebSocket-Protocol");
        let expected: Vec<_> = [offered.join(", ")].into_iter().filter(|o| !o.is_empty()).collect();
        prop_assert_eq!(protocol, expected);
        prop_assert!(sent.all("Origin").is_empty());
        let own: Vec<_> = sent.fields.iter().filter(|(name, _)| name.starts_with("X-")).collect();
        prop_assert_eq!(own, fields.iter().collect::<Vec<_>>());
    }
}
