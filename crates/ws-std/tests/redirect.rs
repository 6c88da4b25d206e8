//! Redirects: where they lead, and which header fields follow.

#[cfg(feature = "tls")]
#[path = "support/identity.rs"]
mod identity;
#[path = "support/net.rs"]
mod net;

use net::{site, url, yes};
use ws_std::wsproto::handshake::{Accept, ClientRequest, Response};
use ws_std::wsproto::url::WsUrl;
use ws_std::{ClientOptions, Decision, Error, IncomingRequest, WebSocket, connect, connect_with};

fn found(to: &str) -> Decision<()> {
    Decision::respond(Response::new(302).header("Location", to).expect("a header"))
}

/// Redirects `/3` to `/2`, `/2` to `/1`, and `/1` to `/0`.
fn staircase(request: &IncomingRequest) -> Decision<()> {
    match request.path() {
        "/3" => found("/2?x"),
        "/2" => found("1"),
        "/1" => found("/a/../0"),
        _ => yes(request),
    }
}

fn follow(request: ClientRequest, redirects: u8) -> Result<WebSocket, Error> {
    let mut options = ClientOptions::default();
    options.redirects = redirects;
    connect_with(request, options)
}

fn location(result: Result<WebSocket, Error>) -> String {
    match result {
        Err(Error::Http(response)) => {
            response.headers().get("location").expect("a location").to_owned()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_redirect_is_a_refusal_by_default() -> Result<(), Error> {
    // R6455-4.1-25
    let (address, requests) = site(staircase);
    let error = connect(&format!("ws://{address}/3")).expect_err("refused");
    assert_eq!(error.to_string(), "the server answered with status 302");
    assert_eq!(location(Err(error)), "/2?x");
    assert_eq!(requests.recv().expect("a request").target(), "/3");
    assert!(requests.try_recv().is_err(), "nothing more was asked");
    Ok(())
}

#[test]
fn redirects_are_followed_up_to_the_limit() -> Result<(), Error> {
    let (address, requests) = site(staircase);
    let request = |path| WsUrl::parse(&format!("ws://{address}/{path}")).map(ClientRequest::new);
    let mut ws = follow(request("3")?, 3)?;
    assert_eq!(ws.url().to_string(), format!("ws://{address}/0"));
    ws.send("Hello")?;
    assert_eq!(ws.recv()?, Some("Hello".into()));
    drop(ws);
    let asked: Vec<_> = requests.try_iter().map(|request| request.target().to_owned()).collect();
    assert_eq!(asked, ["/3", "/2?x", "/1", "/0"]);

    assert_eq!(location(follow(request("3")?, 2)), "/a/../0");
    assert_eq!(requests.try_iter().count(), 3);
    Ok(())
}

#[test]
fn credentials_go_to_the_same_origin_only() -> Result<(), Error> {
    let (elsewhere, asked_elsewhere) = site(accepted);
    let other = url(&elsewhere);
    let (address, asked) = site(move |request| match request.path() {
        "/away" => found(&other),
        "/here" => found("/there"),
        _ => accepted(request),
    });
    for path in ["here", "away"] {
        let request = ClientRequest::new(WsUrl::parse(&format!("ws://{address}/{path}"))?)
            .subprotocol("chat")?
            .cookie("session", "31d4d96e")?
            .header("Authorization", "Bearer secret")?;
        assert_eq!(follow(request, 1)?.subprotocol().as_deref(), Some("chat"));
    }
    let credentials = |request: IncomingRequest| {
        let value = |name: &str| request.headers().get(name).map(str::to_owned);
        (value("authorization"), value("cookie"))
    };
    let shown = (Some("Bearer secret".to_owned()), Some("session=31d4d96e".to_owned()));
    let here: Vec<_> = asked.try_iter().map(credentials).collect();
    assert_eq!(here, vec![shown; 3], "/here, /there and /away");
    let there: Vec<_> = asked_elsewhere.try_iter().map(credentials).collect();
    assert_eq!(there, [(None, None)]);
    Ok(())
}

fn accepted(request: &IncomingRequest) -> Decision<()> {
    Decision::accept_with(Accept::new().select_subprotocol(request, &["chat"]), ())
}

#[test]
fn what_leads_nowhere_is_not_followed() -> Result<(), Error> {
    for to in ["ftp://localhost/", "ws://user@localhost/", "http://[::1", "ws:///"] {
        let (address, _requests) = site(move |_| found(to));
        assert_eq!(location(follow(ClientRequest::new(WsUrl::parse(&url(&address))?), 5)), to);
    }
    Ok(())
}

#[cfg(feature = "tls")]
#[test]
fn nobody_is_led_out_of_tls() -> Result<(), Error> {
    use std::net::TcpListener;
    use std::thread;

    use ws_std::wsproto::Config;
    use ws_std::{Stream, accept_with};

    let identity = identity::Identity::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let tls = identity.server();
    let (plain, asked_plain) = site(yes);
    let to = url(&plain);
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let stream = Stream::accept_tls(&tls, tcp.expect("a client")).expect("a certificate");
            let answer = |request: &IncomingRequest| match request.path() {
                "/out" => found(&to),
                _ => accepted(request),
            };
            let _ = accept_with(stream, Config::default(), answer);
        }
    });
    let mut options = ClientOptions::default();
    options.tls = Some(identity.client());
    options.redirects = 5;
    let request = |url: &str| WsUrl::parse(url).map(ClientRequest::new);
    let out = request(&format!("wss://localhost:{port}/out"))?;
    assert_eq!(location(connect_with(out, options.clone())), url(&plain));
    assert!(asked_plain.try_recv().is_err(), "nothing was asked in clear text");

    // From `ws://` to `wss://`, the redirect is followed.
    let secure = format!("wss://localhost:{port}/");
    let to = secure.clone();
    let (gate, _requests) = site(move |_| found(&to));
    let ws = connect_with(request(&url(&gate))?, options)?;
    assert_eq!(ws.url().to_string(), secure);
    Ok(())
}
