//! Dials in virtual time over a simulated network.

mod network;
mod places;
mod socks;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;

use network::{Network, Peer, ms};

use super::{Dial, DialStep, Route};
use crate::adapter::Target;
use crate::{ClientOptions, Error, Proxy, ProxyError};

fn within(timeout: Option<Duration>) -> ClientOptions {
    ClientOptions { connect_timeout: timeout, ..ClientOptions::default() }
}

fn through(proxy: &str, timeout: u64) -> ClientOptions {
    let mut options = within(Some(ms(timeout)));
    options.proxy = Proxy::new(proxy).expect("a proxy").into();
    options
}

fn assert_connect(result: Result<SocketAddr, Error>, expected_to: &str, kind: ErrorKind) {
    match result {
        Err(Error::Connect { to, error }) => {
            assert_eq!((&*to, error.kind()), (expected_to, kind), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

const A: &str = "10.0.0.1:80";
const B: &str = "10.0.0.2:80";
const C: &str = "[fd00::1]:80";

#[test]
fn the_next_address_is_tried_after_a_quarter_of_a_second_and_the_first_that_opens_wins() {
    // L9
    let network = Network::of(&[(A, Peer::Silent), (B, Peer::Opens(30))]);
    let outcome = network.run("ws://host.example/", ClientOptions::default());
    assert_eq!(outcome.result.expect("open").to_string(), B);
    assert_eq!(outcome.at, ms(280));
    // A slow attempt goes on although a later one fails.
    let network = Network::of(&[(A, Peer::Opens(400)), (B, Peer::Refuses(50))]);
    let outcome = network.run("ws://host.example/", ClientOptions::default());
    assert_eq!(outcome.result.expect("open").to_string(), A);
    assert_eq!(outcome.tried, [(0, A.to_owned()), (250, B.to_owned())]);
    // The first attempt to open wins, not the first begun.
    let network = Network::of(&[(A, Peer::Opens(400)), (B, Peer::Opens(100))]);
    let outcome = network.run("ws://host.example/", ClientOptions::default());
    assert_eq!((outcome.result.expect("open").to_string(), outcome.at), (B.to_owned(), ms(350)));
}

#[test]
fn an_attempt_that_fails_is_followed_at_once_and_families_take_turns() {
    // L9
    let peers = [(A, Peer::Refuses(10)), (B, Peer::Opens(10)), (C, Peer::Refuses(10))];
    let outcome = Network::of(&peers).run("ws://host.example/", ClientOptions::default());
    assert_eq!(outcome.result.expect("open").to_string(), B);
    assert_eq!(outcome.tried, [(0, A.into()), (10, C.into()), (20, B.into())]);
}

#[test]
fn six_silent_addresses_take_as_long_as_one() {
    // L9
    let addresses =
        ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80", "10.0.0.5:80", "10.0.0.6:80"];
    let peers = addresses.map(|address| (address, Peer::Silent));
    let outcome = Network::of(&peers).run("ws://host.example/", within(Some(ms(5000))));
    assert_connect(outcome.result, "host.example:80", ErrorKind::TimedOut);
    assert_eq!((outcome.at, outcome.tried.len()), (ms(5000), 6));
}

#[test]
fn all_that_fail_are_one_error_which_says_what_the_last_one_said() {
    let peers = [(A, Peer::Refuses(0)), (B, Peer::Refuses(5)), (C, Peer::Refuses(0))];
    let outcome = Network::of(&peers).run("ws://host.example:443/", within(None));
    assert_connect(outcome.result, "host.example:443", ErrorKind::ConnectionRefused);
    assert_eq!(outcome.at, ms(5));
    let nothing = Network::of(&[]).run("ws://host.example/", within(None));
    assert_connect(nothing.result, "host.example:80", ErrorKind::NotFound);
}

#[test]
fn a_look_up_counts_to_the_time_there_is() {
    // L10
    let slow = |peers| Network { look_up: (1500, Ok(vec![A])), ..Network::of(peers) };
    let outcome = slow(&[(A, Peer::Opens(0))]).run("ws://host.example/", within(Some(ms(1000))));
    assert_connect(outcome.result, "host.example:80", ErrorKind::TimedOut);
    assert_eq!(outcome.at, ms(1000));
    assert!(outcome.tried.is_empty());
    let outcome = slow(&[(A, Peer::Silent)]).run("ws://host.example/", within(Some(ms(2000))));
    assert_connect(outcome.result, "host.example:80", ErrorKind::TimedOut);
    assert_eq!((outcome.at, outcome.tried.len()), (ms(2000), 1));
    let outcome = slow(&[(A, Peer::Opens(10))]).run("ws://host.example/", within(Some(ms(2000))));
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.at, ms(1510));
    let unknown = || io::Error::new(ErrorKind::NotFound, "no such name");
    let network = Network { look_up: (5, Err(unknown())), ..Network::of(&[]) };
    let outcome = network.run("ws://host.example/", within(None));
    let Err(error) = outcome.result else { panic!("no such name") };
    assert_eq!(error.to_string(), "cannot connect to host.example:80: no such name");
}

#[test]
fn every_timeout_is_a_time() {
    // B7
    let peers = [(A, Peer::Silent), (B, Peer::Opens(7))];
    let outcome = Network::of(&peers).run("ws://host.example/", within(Some(Duration::MAX)));
    assert_eq!((outcome.result.is_ok(), outcome.at), (true, ms(257)));
    let outcome = Network::of(&peers).run("ws://host.example/", within(Some(Duration::ZERO)));
    assert_connect(outcome.result, "host.example:80", ErrorKind::TimedOut);
    let proxied = [(10, &b"HTTP/1.1 200 OK\r\n\r\n"[..])];
    let mut options = through("10.0.0.9:3128", 0);
    options.connect_timeout = Some(Duration::MAX);
    assert!(Network::proxy(&proxied).run("ws://host.example/", options).result.is_ok());
    // At the greatest `Duration`.
    let request = ClientRequest::new(WsUrl::parse("ws://host.example/").expect("a URL"));
    let mut target = Target::new(request, within(Some(ms(1)))).expect("a target");
    let mut dial = Dial::new(&mut target, Duration::MAX - ms(1)).expect("a configuration");
    assert!(matches!(dial.next(Duration::MAX - ms(1)), Ok(DialStep::Resolve { .. })));
    let addresses = [A, B].map(|address| address.parse().expect("an address"));
    dial.resolved(Ok(addresses.into()), Duration::MAX - ms(1));
    assert!(matches!(dial.next(Duration::MAX - ms(1)), Ok(DialStep::Connect { .. })));
    assert_eq!(dial.deadline(), Some(Duration::MAX));
    assert!(dial.next(Duration::MAX).is_err());
}

#[test]
fn a_literal_address_needs_no_look_up() {
    // L11
    for (url, address) in [("ws://10.0.0.1/", A), ("ws://[fd00::1]/", C)] {
        let network = Network {
            look_up: (0, Err(ErrorKind::NotFound.into())),
            ..Network::of(&[(A, Peer::Opens(0)), (C, Peer::Opens(0))])
        };
        let outcome = network.run(url, ClientOptions::default());
        assert_eq!(outcome.result.expect("open").to_string(), address);
    }
    let outcome = Network::of(&[(C, Peer::Refuses(0))]).run("ws://[fd00::1]/", within(None));
    assert_connect(outcome.result, C, ErrorKind::ConnectionRefused);
}

#[test]
fn a_proxy_is_looked_up_and_asked_in_the_same_time() {
    let options = through("http://u:p@proxy.example:3128", 1000);
    let network = Network {
        look_up: (100, Ok(vec!["10.0.0.9:3128"])),
        ..Network::proxy(&[(50, b"HTTP/1.1 200 "), (100, b"OK\r\n\r\n")])
    };
    let outcome = network.run("ws://server.example:443/", options.clone());
    assert_eq!(outcome.result.expect("open").to_string(), "10.0.0.9:3128");
    assert_eq!(outcome.at, ms(200));
    assert!(
        outcome.sent.starts_with("CONNECT server.example:443 HTTP/1.1\r\n"),
        "{}",
        outcome.sent
    );
    assert!(outcome.sent.ends_with("\r\nProxy-Authorization: Basic dTpw\r\n\r\n"));
    let slow = Network {
        look_up: (500, Ok(vec!["10.0.0.9:3128"])),
        ..Network::proxy(&[(600, b"HTTP/1.1 200 OK\r\n\r\n")])
    };
    let outcome = slow.run("ws://server.example/", options);
    assert_connect(outcome.result, "proxy.example:3128", ErrorKind::TimedOut);
    assert_eq!(outcome.at, ms(1000));
}

#[test]
fn a_proxy_that_does_not_answer_is_what_could_not_be_connected_to() {
    // T3: a silent, a trickling and a resetting proxy.
    let to = "10.0.0.9:3128";
    let outcome = Network::proxy(&[]).run("ws://server.example/", through(to, 700));
    assert_connect(outcome.result, to, ErrorKind::TimedOut);
    assert_eq!(outcome.at, ms(700));
    let trickle = [(100, &b"H"[..]), (200, b"T"), (300, b"T"), (400, b"P"), (800, b"/")];
    let outcome = Network::proxy(&trickle).run("ws://server.example/", through(to, 700));
    assert_connect(outcome.result, to, ErrorKind::TimedOut);
    assert_eq!(outcome.at, ms(700));
    let resets = Network { resets: Some(10), ..Network::proxy(&[]) };
    let outcome = resets.run("ws://server.example/", through(to, 700));
    assert_connect(outcome.result, to, ErrorKind::ConnectionReset);
    let outcome = Network::of(&[]).run("ws://server.example/", through("[fd00::9]:1", 700));
    assert_connect(outcome.result, "[fd00::9]:1", ErrorKind::TimedOut);
}

fn refusal(network: Network, timeout: u64) -> (Duration, u16, Vec<u8>) {
    let outcome = network.run("ws://server.example/", through("10.0.0.9:3128", timeout));
    match outcome.result {
        Err(Error::Proxy(ProxyError::Refused(response))) => {
            (outcome.at, response.status(), response.body_bytes().into())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_comes_with_as_much_of_its_body_as_arrives_in_time() {
    // T11
    const HEAD: &[u8] = b"HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\n";
    let whole = b"HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\nHello";
    assert_eq!(refusal(Network::proxy(&[(10, whole)]), 5000), (ms(10), 407, b"Hello".into()));
    let soon = [(10, HEAD), (20, b"Hel"), (30, b"lo"), (40, b"more")];
    assert_eq!(refusal(Network::proxy(&soon), 5000), (ms(30), 407, b"Hello".into()));
    // A missing or trickling body is given up after its time.
    let late = [(10, HEAD), (500, b"Hel"), (1500, b"lo")];
    assert_eq!(refusal(Network::proxy(&late), 5000), (ms(1010), 407, b"Hel".into()));
    assert_eq!(refusal(Network::proxy(&late), 700), (ms(700), 407, b"Hel".into()));
    assert_eq!(refusal(Network::proxy(&late), 200), (ms(200), 407, b"".into()));
    // The end of the input and a reset both end the body.
    let ended = [(10, HEAD), (20, b"Hel"), (30, b"")];
    assert_eq!(refusal(Network::proxy(&ended), 5000), (ms(30), 407, b"Hel".into()));
    let resets = Network { resets: Some(30), ..Network::proxy(&[(10, HEAD), (20, b"Hel")]) };
    assert_eq!(refusal(resets, 5000), (ms(30), 407, b"Hel".into()));
}

#[test]
fn what_a_proxy_answers_is_judged_and_bounded() {
    let proxy_error = |proxy: &[(u64, &'static [u8])]| {
        let outcome = Network::proxy(proxy).run("ws://a/", through("10.0.0.9:3128", 1000));
        match outcome.result {
            Err(Error::Proxy(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(proxy_error(&[(1, b"")]), ProxyError::EndOfInput));
    assert!(matches!(proxy_error(&[(1, b"HTTP/1.1 200"), (2, b"")]), ProxyError::EndOfInput));
    assert!(matches!(proxy_error(&[(1, b"SSH-2.0-x\r\n\r\n")]), ProxyError::Response(_)));
    assert!(matches!(proxy_error(&[(1, b"HTTP/1.1 200 OK\r\n\r\nx")]), ProxyError::Excess));
    // L6b
    let endless = [(1, &b"HTTP/1.1 100 Continue\r\n\r\n"[..]); 1000];
    assert!(matches!(proxy_error(&endless), ProxyError::Response(_)));
}

#[test]
fn results_that_nobody_waits_for_change_nothing() {
    let options = through("10.0.0.9:3128", 1000);
    let request = ClientRequest::new(WsUrl::parse("ws://server.example/").expect("a URL"));
    let mut target = Target::new(request, options).expect("a target");
    let mut dial = Dial::new(&mut target, ms(0)).expect("a configuration");
    dial.connected(0);
    dial.received(b"HTTP/1.1 200 OK\r\n\r\n", ms(0));
    assert_eq!(dial.pending(), b"");
    let route = Route::Tcp { to: "10.0.0.9:3128".parse().expect("one"), from: None };
    let connect = DialStep::Connect { attempt: 0, route };
    assert_eq!(dial.next(ms(0)).expect("a step"), connect);
    dial.resolved(Ok(Vec::new()), ms(0));
    dial.connected(7);
    dial.failed(7, ErrorKind::Other.into(), ms(0));
    assert_eq!(dial.next(ms(0)).expect("a step"), DialStep::Wait);
    dial.connected(0);
    dial.failed(7, ErrorKind::Other.into(), ms(0));
    dial.wrote(usize::MAX);
    assert_eq!(dial.next(ms(1)).expect("a step"), DialStep::Tunnel { attempt: 0 });
    dial.received(b"HTTP/1.1 200 OK\r\n\r\n", ms(1));
    // The stream is open, however late the next call is.
    for late in [ms(1), ms(9000)] {
        assert_eq!(dial.next(late).expect("a step"), DialStep::Ready { attempt: 0 });
    }
}

#[test]
fn time_runs_once_the_dial_has_begun_however_late_that_is() {
    // The machine slept during the delay of a client that connects again.
    let options = within(Some(ms(1000))).delay(ms(500));
    let url = WsUrl::parse("ws://10.0.0.1/").expect("a URL");
    let mut target = Target::new(ClientRequest::new(url), options).expect("a target");
    let mut dial = Dial::new(&mut target, ms(0)).expect("a configuration");
    assert_eq!(dial.next(ms(499)).expect("a step"), DialStep::Wait);
    assert_eq!(dial.deadline(), Some(ms(500)));
    assert!(matches!(dial.next(ms(9000)), Ok(DialStep::Connect { attempt: 0, .. })));
    assert_eq!(dial.time_left(ms(9100)), Some(ms(900)));
    assert!(dial.next(ms(9999)).is_ok());
    assert!(dial.next(ms(10_000)).is_err(), "timed out");
}

#[test]
fn nothing_shows_credentials() {
    // T9
    let request = ClientRequest::new(WsUrl::parse("ws://server.example/").expect("a URL"));
    let options = through("http://user:secret@10.0.0.9:3128", 1000);
    assert!(!format!("{options:?}").contains("secret"));
    let mut target = Target::new(request, options).expect("a target");
    let mut dial = Dial::new(&mut target, ms(0)).expect("a configuration");
    for _ in 0..2 {
        let shown = format!("{dial:?}");
        // dXNlcjpzZWNyZXQ= are the credentials in base64.
        assert!(!shown.contains("secret") && !shown.contains("dXNlc"), "{shown}");
        dial.next(ms(0)).expect("a step");
        dial.connected(0);
    }
}
