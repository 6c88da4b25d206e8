//! Credentials in requests, at both ends.

use wsproto::handshake::{ClientRequest, OfferError, Request};

fn request() -> ClientRequest {
    ClientRequest::parse("ws://example.com/").expect("a URL")
}

/// The request as a server reads it.
fn sent(request: &ClientRequest) -> Request {
    let mut bytes = Vec::new();
    request.encode([7; 16], &mut bytes);
    Request::parse(&bytes).expect("a request")
}

fn with(value: &str) -> Request {
    let head = format!("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: {value}\r\n\r\n");
    Request::parse(head.as_bytes()).expect("a request")
}

#[test]
fn credentials_arrive_as_they_were_sent() {
    // M20
    for (user, password) in [("Aladdin", "open sesame"), ("u", ""), ("", "p:w"), ("ü", "é:")] {
        let request = sent(&request().basic_auth(user, password).expect("credentials"));
        assert_eq!(request.basic_auth(), Some((user.into(), password.into())));
        assert_eq!(request.bearer(), None);
    }
    let token = "mF_9.B5f-4.1JqM+/~==";
    let request = sent(&request().bearer(token).expect("a token"));
    assert_eq!((request.bearer(), request.basic_auth()), (Some(token), None));
}

#[test]
fn the_last_credentials_count() {
    let request = request().header("authorization", "Custom x").expect("a field");
    let request = request.header("X-Other", "kept").expect("a field");
    let request = request.basic_auth("u", "p").expect("credentials").bearer("t").expect("a token");
    let sent = sent(&request);
    assert_eq!(sent.headers().get_all("Authorization").collect::<Vec<_>>(), ["Bearer t"]);
    assert_eq!(sent.headers().get("X-Other"), Some("kept"));
}

#[test]
fn forbidden_characters_are_refused_without_being_shown() {
    for refused in [
        request().basic_auth("us:er", "secret"),
        request().basic_auth("user", "secret\r\n"),
        request().basic_auth("user\0", "secret"),
        request().bearer("secret token"),
        request().bearer("sec=ret"),
        request().bearer(""),
        request().bearer("=="),
        request().bearer("secret\r\nX: y"),
    ] {
        let error = refused.expect_err("a forbidden character");
        assert_eq!(error, OfferError::Credentials);
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[test]
fn a_server_reads_what_is_valid_only() {
    // The sample of RFC 7617 section 2.
    let sample = ("Aladdin".to_owned(), "open sesame".to_owned());
    assert_eq!(with("basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ==").basic_auth(), Some(sample));
    assert_eq!(with("BEARER abc").bearer(), Some("abc"));
    for value in
        ["Basic", "Basic ", "Basic !", "Basic dTo= x", "Basic dQ==", "Basic /w==", "Digest dTo="]
    {
        assert_eq!(with(value).basic_auth(), None, "{value}");
    }
    for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Basic abc"] {
        assert_eq!(with(value).bearer(), None, "{value}");
    }
    let twice = with("Bearer a\r\nAuthorization: Bearer b");
    assert_eq!(twice.bearer(), None);
    assert!(!format!("{:?}", with("Bearer abc")).contains("abc"));
}
