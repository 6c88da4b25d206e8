//! The client as an object: its request, its state, and calls that fail before a socket is opened.
//! `S2-..` and `S3-..` are the items of the object model, `X..` its decisions.

#[path = "support/net.rs"]
mod net;

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

use net::{echo_once, open_by_hand, read_all, site, url, yes};
use ws_std::wsproto::handshake::{Accept, ClientRequest, OfferError, Response};
use ws_std::wsproto::url::{UrlError, WsUrl};
use ws_std::wsproto::{
    CloseCode, CloseFrame, Config, Initiator, KeepAlive, ReadyState, SendError, SessionError,
};
use ws_std::{Decision, Error, WebSocket, accept, accept_with, connect, connect_with};

fn request(url: &str) -> ClientRequest {
    ClientRequest::new(WsUrl::parse(url).expect("a URL"))
}

fn ask(request: ClientRequest) -> Result<WebSocket, Error> {
    connect_with(request, Config::default())
}

/// Runs a call that must not connect, with a listener that would notice.
fn without_a_socket(run: impl FnOnce(&str)) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    run(&listener.local_addr().expect("an address").to_string());
    listener.set_nonblocking(true).expect("a listener");
    let seen = listener.accept().expect_err("nobody has connected");
    assert_eq!(seen.kind(), ErrorKind::WouldBlock);
}

#[test]
fn an_object_tells_what_it_is() -> Result<(), Error> {
    // S2-5, S2-6, S2-7, S2-8, S3-1, S3-11, S3-13, X4, X12: one enum of states, and the URL both normalised
    // and as given
    let (address, _requests) = site(|request| {
        let accept = Accept::new().select_subprotocol(request, &["chat.v2"]);
        Decision::accept_with(accept.header("X-Seen", "yes").expect("a header"), ())
    });
    let given = format!("WS://LOCALHOST:{}", address.rsplit(':').next().expect("a port"));
    let request = request(&given).subprotocol("chat.v1")?.subprotocol("chat.v2")?;
    let (mut ws, other) = (ask(request)?, connect(&url(&address))?);

    assert_eq!(ws.url().to_string(), given.to_lowercase() + "/");
    assert_eq!(ws.url().as_given(), given);
    assert_eq!(ws.response().and_then(|response| response.headers().get("x-seen")), Some("yes"));
    assert_eq!(ws.subprotocol().as_deref(), Some("chat.v2"));
    assert_eq!(ws.extensions(), []);
    assert_eq!(ws.buffered_amount(), 0);
    assert_eq!(ws.round_trip(), None);
    assert_ne!(ws.id(), other.id());

    let handle = ws.handle();
    assert_eq!((handle.id(), handle.ready_state()), (ws.id(), ReadyState::Open));
    assert_eq!(handle.url().as_ref(), Some(ws.url()));
    assert_eq!(handle.subprotocol(), ws.subprotocol());
    assert_eq!(handle.peer_addr().map(|peer| peer.to_string()), Some(address));
    assert!(handle.server().is_none());
    assert_eq!(handle.clone(), ws.handle());
    assert_ne!(handle, other.handle());

    ws.close(None)?;
    assert_eq!(ws.ready_state(), ReadyState::Closing);
    ws.wait_closed()?;
    assert_eq!((ws.ready_state(), handle.ready_state()), (ReadyState::Closed, ReadyState::Closed));
    let numbers =
        [ReadyState::Connecting, ReadyState::Open, ReadyState::Closing, ReadyState::Closed];
    assert_eq!(numbers.map(|state| state as u8), [0, 1, 2, 3]);
    Ok(())
}

#[test]
fn headers_and_cookies_arrive() -> Result<(), Error> {
    // S3-10: a header may be repeated, and cookies are one header
    let (address, requests) = site(yes);
    let request = request(&url(&address))
        .header("X-Twice", "one")?
        .header("X-Twice", "two")?
        .cookie("a", "1")?
        .cookie("b", "2")?
        .origin("https://example.com")?;
    drop(ask(request)?);
    let asked = requests.recv().expect("a request");
    let headers = asked.headers();
    assert_eq!(headers.get_all("x-twice").collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(headers.get_all("cookie").collect::<Vec<_>>(), ["a=1; b=2"]);
    assert_eq!(headers.get("origin"), Some("https://example.com"));
    Ok(())
}

#[test]
fn every_address_of_a_host_is_tried() -> Result<(), Error> {
    // `localhost` may be ::1, 127.0.0.1 or both, and only one of them listens.
    for listener in ["127.0.0.1:0", "[::1]:0"].map(TcpListener::bind).into_iter().flatten() {
        let address = listener.local_addr()?;
        let name = format!("localhost:{}", address.port());
        if !name.to_socket_addrs()?.any(|one| one == address) {
            continue;
        }
        let server = thread::spawn(move || -> Result<_, Error> {
            let (stream, _) = listener.accept()?;
            accept(stream)?.recv()
        });
        drop(connect(&url(&name))?);
        // A reset or an end: both are fine.
        let _ = server.join().expect("no panic");
    }
    Ok(())
}

#[test]
fn the_round_trip_is_measured() -> Result<(), Error> {
    // S2-19: the configuration sends Pings
    let (address, _requests) = site(yes);
    let mut config = Config::default();
    let (interval, patience) = (Duration::from_millis(10), Duration::from_secs(60));
    config.keep_alive = Some(KeepAlive { interval, patience });
    let mut ws = connect_with(request(&url(&address)), config)?;
    ws.set_recv_timeout(Some(interval));
    while ws.round_trip().is_none() {
        match ws.recv() {
            Err(Error::Io(error)) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ws.handle().round_trip(), ws.round_trip());
    Ok(())
}

#[test]
fn a_bad_url_is_an_error_before_anything_happens() {
    // S2-1, S3-1, S3-2, S3-14, X8: an error, and no object
    without_a_socket(|address| {
        for (bad, expected) in [
            (format!("ftp://{address}/"), UrlError::Scheme),
            (address.to_owned(), UrlError::Scheme),
            (format!("ws://{address}/#"), UrlError::Fragment),
            (format!("ws://me@{address}/"), UrlError::UserInfo),
            (format!("ws://{address}/a b"), UrlError::Character(' ')),
            ("ws://127.0.0.1:x/".into(), UrlError::Port("x".into())),
            ("ws:///".into(), UrlError::Host(String::new())),
        ] {
            let error = connect(&bad).expect_err("a bad URL");
            assert_eq!(error.to_string(), format!("invalid URL: {expected}"), "{bad}");
            assert!(matches!(error, Error::Url(error) if error == expected), "{bad}");
        }
    });
    for (http, ws) in [("http://a/", "ws://a/"), ("https://a:444/b?c", "wss://a:444/b?c")] {
        assert_eq!(WsUrl::parse(http).map(|url| url.to_string()).as_deref(), Ok(ws));
    }
}

#[test]
fn a_bad_request_is_an_error_before_anything_happens() {
    // S2-2, S3-10, X13: subprotocols differ in more than the case of their letters
    without_a_socket(|address| {
        let request = || request(&url(address));
        for (name, value) in [("X", "a\r\nY: b"), ("X Y", "a"), ("", "a"), ("X", "a\0")] {
            let error = request().header(name, value).expect_err("no header");
            assert!(matches!(error, OfferError::InvalidHeader(_)), "{name:?}: {value:?}");
        }
        for name in ["Host", "upgrade", "Sec-WebSocket-Key", "Origin"] {
            let error = request().header(name, "a").expect_err("the handshake's own");
            assert_eq!(
                error.to_string(),
                format!("the handshake itself writes the header {name:?}")
            );
        }
        for bad in ["", "a b", "a,b", "\u{E4}"] {
            let error = request().subprotocol(bad).expect_err("no token");
            assert_eq!(error.to_string(), format!("{bad:?} is not a subprotocol"));
        }
        let twice = request().subprotocol("echo").and_then(|request| request.subprotocol("eCho"));
        let error = Error::from(twice.expect_err("offered twice"));
        assert_eq!(error.to_string(), "invalid request: the subprotocol \"eCho\" is offered twice");
        assert!(request().cookie("a b", "1").is_err());
        assert!(request().cookie("a", "1; b=2").is_err());
        assert!(request().origin("a\r\nb").is_err());
    });
}

#[test]
fn a_bad_end_is_an_error_and_nothing_is_written() -> Result<(), Error> {
    // S2-10, S3-14, X2, X3, X11: 1000 and 3000-4999 are for applications, and a reason has a code
    let (address, server) = echo_once(Config::default());
    let mut ws = connect(&url(&address))?;
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        let error = CloseFrame::new(code.into(), "").expect_err("never in a frame");
        assert_eq!(
            error.to_string(),
            format!("close code {} may not be sent", CloseCode::new(code))
        );
    }
    for code in [1001, 1002, 1003, 1007, 1011, 1014] {
        let frame = || CloseFrame::new(code.into(), "").expect("may be sent");
        // T13: the error names the way for endpoints that relay.
        for closed in [
            ws.close(frame()),
            ws.terminate(code.into(), ""),
            ws.handle().close(frame()),
            ws.handle().terminate(code.into(), ""),
        ] {
            let error = closed.expect_err("not for a client's application");
            assert!(matches!(&error, Error::ClientCode(wrong) if *wrong == code.into()), "{code}");
            assert!(error.to_string().contains("close_with"), "{error}");
        }
    }
    let long = Error::from(CloseFrame::normal("x".repeat(124)).expect_err("too long"));
    assert_eq!(long.to_string(), "cannot close: a close reason holds 123 bytes, not 124");
    let error = ws.ping(&[0; 126]).expect_err("too long");
    assert!(matches!(error, Error::Send(SendError::ControlTooLong { len: 126 })), "{error}");

    // The connection is unchanged.
    assert_eq!((ws.ready_state(), ws.buffered_amount()), (ReadyState::Open, 0));
    ws.send("Hello")?;
    assert_eq!(ws.recv()?, Some("Hello".into()));
    // `close_with` is for proxies and other endpoints that relay.
    ws.close_with(CloseFrame::new(CloseCode::BAD_GATEWAY, "").expect("may be sent"))?;
    assert_eq!(ws.wait_closed()?.code, CloseCode::BAD_GATEWAY);
    server.join().expect("no panic")
}

/// A server by hand, for one connection.
fn by_hand<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, thread::JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    (address, thread::spawn(move || serve(listener.accept().expect("a client").0)))
}

#[test]
fn failures_are_told_apart() {
    // S2-4, S2-18, S3-1, X8, X21: unlike a script in a browser, a program sees the response
    let refused = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nobody = refused.local_addr().expect("an address").to_string();
    drop(refused);
    let error = connect(&url(&nobody)).expect_err("nobody listens");
    assert!(error.to_string().starts_with(&format!("cannot connect to {nobody}: ")), "{error}");

    let error = connect("ws://no-such-host.invalid/").expect_err("no such host");
    let expected = "cannot connect to no-such-host.invalid:80: ";
    assert!(error.to_string().starts_with(expected), "{error}");

    let (address, _requests) = site(|_| Decision::respond(Response::text(403, "no\n")));
    let error = connect(&url(&address)).expect_err("refused");
    assert_eq!(error.to_string(), "the server answered with status 403");

    let (address, server) = by_hand(drop);
    let error = connect(&url(&address)).expect_err("no answer");
    server.join().expect("no panic");
    // An end or, if the request is unread, a reset.
    assert!(matches!(error, Error::Session(SessionError::EndOfInput) | Error::Io(_)), "{error}");

    let (address, _requests) = site(yes);
    let offer = request(&url(&address)).subprotocol("chat").expect("a token");
    let error = ask(offer).expect_err("none selected");
    assert_eq!(
        error.to_string(),
        "the server selected none of the subprotocols (offered: \"chat\")"
    );

    #[cfg(feature = "tls")]
    {
        let error = connect(&url(&address).replace("ws:", "wss:")).expect_err("no TLS");
        assert!(error.to_string().starts_with("TLS: "), "{error}");
    }
}

#[test]
fn sending_is_for_open_connections() -> Result<(), Error> {
    // S2-7, S2-13, S3-12, X5: an error, and nothing is counted
    let (address, server) = echo_once(Config::default());
    let mut ws = connect(&url(&address))?;
    let handle = ws.handle();
    ws.close(None)?;
    for _ in 0..2 {
        for error in [
            ws.send("late").map(drop),
            ws.send_binary(b"late").map(drop),
            handle.send("late").map(drop),
            handle.ping(b"late").map(drop),
        ] {
            let error = error.expect_err("closing or closed");
            assert_eq!(error.to_string(), "cannot send: the connection is closing or closed");
        }
        assert_eq!(ws.buffered_amount(), 0);
        assert!(ws.close(None).is_ok() && handle.close(None).is_ok(), "twice is harmless");
        ws.wait_closed()?;
    }
    server.join().expect("no panic")
}

#[test]
fn closing_says_what_it_was_told_and_no_more() {
    // S2-11, S2-12, S2-16, S3-14, X1, X11: no code is an empty Close, a reason alone has 1000
    let normal = CloseFrame::normal("bye").expect("short");
    let private = CloseFrame::new(4001.into(), "").expect("private");
    for (end, bytes, code, reason) in [
        (None, &b"\x88\x80"[..], CloseCode::NO_STATUS, ""),
        (Some(normal), b"\x88\x85", CloseCode::NORMAL, "bye"),
        (Some(private), b"\x88\x82", 4001.into(), ""),
    ] {
        let (address, server) = by_hand(|stream| {
            let raw = stream.try_clone().expect("a stream");
            let mut ws = accept(stream).expect("an upgrade");
            let mut first = [0; 2];
            // The frame is left for the connection to read.
            while raw.peek(&mut first).expect("a frame") < 2 {}
            ws.wait_closed().map(|info| (first, info.clone()))
        });
        let mut ws = connect(&url(&address)).expect("a server");
        ws.close(end).expect("open");
        assert_eq!(ws.ready_state(), ReadyState::Closing);
        let here = ws.wait_closed().expect("an end");
        assert_eq!((here.code, &*here.reason), (code, reason));
        assert_eq!((here.was_clean, here.initiator), (true, Initiator::Local));
        let (first, there) = server.join().expect("no panic").expect("an end");
        assert_eq!(first, bytes);
        assert_eq!((there.code, &*there.reason), (code, reason));
        assert_eq!((there.was_clean, there.initiator), (true, Initiator::Remote));
    }
}

#[test]
fn messages_are_received_until_the_peer_closes() -> Result<(), Error> {
    // S2-14, S2-15, S2-17, S3-4, S3-5, S3-8, X6: also after our own Close, unless they are discarded
    for discard in [false, true] {
        let (address, server) = by_hand(|stream| -> Result<_, Error> {
            let mut ws = accept_with(stream, Config::default(), yes)?.expect("an upgrade");
            // Both leave before the client's Close is read.
            ws.send("one")?;
            ws.send("two")?;
            ws.recv()
        });
        let mut ws = connect(&url(&address))?;
        assert!(ws.response().is_some(), "open when there is an object");
        ws.close(None)?;
        if !discard {
            assert_eq!(ws.recv()?, Some("one".into()));
            assert_eq!(ws.recv()?, Some("two".into()));
        }
        assert!(ws.wait_closed()?.was_clean);
        assert_eq!((ws.recv()?, ws.recv()?), (None, None), "the end is the end");
        assert_eq!(server.join().expect("no panic")?, None);
    }
    Ok(())
}

#[test]
fn an_end_without_a_close_is_abnormal() -> Result<(), Error> {
    // S2-17, S3-6, S3-7, S3-8, X9, X10: 1006, with or without an error of ours
    let (address, server) = by_hand(|stream| drop(accept(stream).expect("an upgrade")));
    let mut ws = connect(&url(&address))?;
    server.join().expect("no panic");
    assert_eq!(ws.recv()?, None, "an end is no error of anybody");
    let info = ws.close_info().expect("closed");
    assert_eq!((info.code, &*info.reason, info.was_clean), (CloseCode::ABNORMAL, "", false));
    Ok(())
}

#[test]
fn dropping_says_nothing_and_does_not_wait() {
    // S2-20
    let (address, server) = by_hand(|stream| {
        let raw = stream.try_clone().expect("a stream");
        let ws = accept(stream).expect("an upgrade");
        drop(ws);
        drop(raw);
    });
    let mut client = open_by_hand(&address);
    assert_eq!(read_all(&mut client), b"", "not even a Close");
    server.join().expect("no panic");
}
