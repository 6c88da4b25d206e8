//! Tunnels through SOCKS 5 proxies (RFC 1928, RFC 1929).

use super::*;

/// The bytes that a client writes while a proxy answers, and the outcome.
fn talk(url: &str, proxy: &str, answers: &[&[u8]]) -> (Vec<Vec<u8>>, Result<(), ProxyError>) {
    let options = ClientOptions::new().proxy(Proxy::new(proxy).expect("a proxy"));
    let mut target =
        Target::new(ClientRequest::new(WsUrl::parse(url).expect("a URL")), options).expect("one");
    let mut dial = Dial::new(&mut target, ms(0)).expect("a configuration");
    dial.next(ms(0)).expect("a step");
    dial.connected(0);
    let mut written = Vec::new();
    for answer in answers {
        written.push(dial.pending().to_vec());
        dial.wrote(usize::MAX);
        // Byte by byte, as a stream may deliver it.
        for byte in *answer {
            dial.received(&[*byte], ms(1));
        }
        if answer.is_empty() {
            dial.received(&[], ms(1));
        }
    }
    match dial.next(ms(2)) {
        Ok(DialStep::Ready { attempt: 0 }) => (written, Ok(())),
        Err(Error::Proxy(error)) => (written, Err(error)),
        other => panic!("{other:?}"),
    }
}

const PLAIN: &str = "socks5://10.0.0.9";
const WITH_USER: &str = "socks5://us:p%20w@10.0.0.9";

/// A reply with an IPv4 address.
const GRANTED: &[u8] = &[5, 0, 0, 1, 10, 0, 0, 9, 1, 2];

#[test]
fn the_proxy_gets_the_name_or_the_address() {
    // M4
    let named = [&[5, 1, 0, 3, 14][..], b"server.example", &[0, 80]].concat();
    let v6 = [&[5, 1, 0, 4, 0xFD][..], &[0; 14], &[1, 0x01, 0xBB]].concat();
    for (url, request) in [
        ("ws://Server.Example/x", named),
        ("ws://192.0.2.1:258/", vec![5, 1, 0, 1, 192, 0, 2, 1, 1, 2]),
        ("ws://[fd00::1]:443/", v6),
    ] {
        let (written, result) = talk(url, PLAIN, &[&[5, 0], GRANTED]);
        result.expect(url);
        assert_eq!(written, [vec![5, 1, 0], request], "{url}");
    }
    for reply in [
        &[&[5, 0, 0, 4][..], &[0; 18]].concat()[..],
        &[5, 0, 0, 3, 3, b'a', b'.', b'b', 0, 80],
        &[5, 0, 0, 3, 0, 0, 80],
    ] {
        talk("ws://a/", PLAIN, &[&[5, 0], reply]).1.expect("granted");
    }
}

#[test]
fn credentials_are_sent_if_the_proxy_asks() {
    // M4
    let (written, result) = talk("ws://a/", WITH_USER, &[&[5, 2], &[1, 0], GRANTED]);
    result.expect("granted");
    assert_eq!(written[0], [5, 2, 0, 2]);
    assert_eq!(written[1], b"\x01\x02us\x03p w");
    assert_eq!(written[2], b"\x05\x01\x00\x03\x01a\x00\x50");
    let (written, result) = talk("ws://a/", WITH_USER, &[&[5, 0], GRANTED]);
    result.expect("granted");
    assert_eq!(written.len(), 2);
}

#[test]
fn every_refusal_and_every_other_protocol_is_told() {
    let refused = |proxy, answers: &[&[u8]]| talk("ws://a/", proxy, answers).1.expect_err("no");
    assert!(matches!(refused(PLAIN, &[&[5, 0xFF]]), ProxyError::SocksCredentials));
    assert!(matches!(refused(WITH_USER, &[&[5, 2], &[1, 1]]), ProxyError::SocksCredentials));
    let error = refused(PLAIN, &[&[5, 0], &[5, 5]]);
    assert_eq!(error.to_string(), "the SOCKS proxy refused: connection refused (5)");
    assert!(matches!(refused(PLAIN, &[&[5, 0], &[5, 200]]), ProxyError::SocksRefused(200)));
    for answers in [
        // A method that was not offered, another version, an unknown type of address, and HTTP.
        &[&[5, 2][..]][..],
        &[&[4, 0]],
        &[&[5, 0], &[4]],
        &[&[5, 0], &[5, 0, 0, 2, 0]],
        &[b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    ] {
        assert!(matches!(refused(PLAIN, answers), ProxyError::SocksAnswer), "{answers:?}");
    }
    assert!(matches!(refused(PLAIN, &[&[5, 0], &[5], b""]), ProxyError::EndOfInput));
    let more = [GRANTED, b"x"].concat();
    let proxied = |bytes: &[u8]| {
        let options = ClientOptions::new().proxy(Proxy::new(PLAIN).expect("a proxy"));
        let request = ClientRequest::new(WsUrl::parse("ws://a/").expect("a URL"));
        let mut target = Target::new(request, options).expect("a target");
        let mut dial = Dial::new(&mut target, ms(0)).expect("a configuration");
        dial.next(ms(0)).expect("a step");
        dial.connected(0);
        dial.wrote(usize::MAX);
        dial.received(&[5, 0], ms(0));
        dial.wrote(usize::MAX);
        dial.received(bytes, ms(0));
        dial.next(ms(0))
    };
    assert!(matches!(proxied(&more), Err(Error::Proxy(ProxyError::Excess))));
    assert!(matches!(proxied(GRANTED), Ok(DialStep::Ready { .. })));
}

#[test]
fn nothing_shows_the_credentials() {
    let options = ClientOptions::new().proxy(Proxy::new(WITH_USER).expect("a proxy"));
    let request = ClientRequest::new(WsUrl::parse("ws://a/").expect("a URL"));
    let mut target = Target::new(request, options).expect("a target");
    let mut dial = Dial::new(&mut target, ms(0)).expect("a configuration");
    dial.next(ms(0)).expect("a step");
    dial.connected(0);
    assert!(!format!("{dial:?} {target:?}").contains("p w"));
}
