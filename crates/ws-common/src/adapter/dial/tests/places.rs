//! The place to connect to, and the local address.

use std::net::SocketAddr;

use wsproto::handshake::Response;

use super::*;
use crate::ConnectTo;
use crate::Proxies;

fn request_with(url: &str, options: ClientOptions) -> Result<Target, Error> {
    Target::new(ClientRequest::new(WsUrl::parse(url).expect("a URL")), options)
}

fn first_step(target: &mut Target) -> DialStep {
    Dial::new(target, ms(0)).expect("a configuration").next(ms(0)).expect("a step")
}

fn tcp(to: &str, from: Option<&str>) -> DialStep {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    DialStep::Connect { attempt: 0, route: Route::Tcp { to: address(to), from: from.map(address) } }
}

fn resolve(host: &str, port: u16) -> DialStep {
    DialStep::Resolve { host: host.into(), port }
}

#[test]
fn a_given_place_is_dialed_instead_of_that_of_the_url() {
    // M3
    let address: SocketAddr = "10.0.0.7:9".parse().expect("an address");
    for (place, step) in [
        (ConnectTo::from(address), tcp("10.0.0.7:9", None)),
        (ConnectTo::from(("backend.example", 9)), resolve("backend.example", 9)),
        (ConnectTo::from(("fd00::1", 9)), tcp("[fd00::1]:9", None)),
        (ConnectTo::from(("fe80::1%eth0", 9)), resolve("fe80::1%eth0", 9)),
        (
            ConnectTo::Unix("/run/x".into()),
            DialStep::Connect { attempt: 0, route: Route::Unix("/run/x".into()) },
        ),
    ] {
        let options = ClientOptions::new().connect_to(place.clone());
        let mut target = request_with("ws://server.example/", options).expect("a target");
        assert_eq!(first_step(&mut target), step, "{place}");
        assert_eq!(target.request().url().host_header(), "server.example");
    }
}

#[test]
fn a_redirect_elsewhere_leads_there() {
    // M3
    let to = |location: &str| Response::new(302).header("Location", location).expect("a header");
    let options = ClientOptions::new().connect_to(("127.0.0.1", 9)).redirects(9);
    let mut target = request_with("ws://a.example/", options).expect("a target");
    assert!(target.follows(&to("/2")));
    assert_eq!(first_step(&mut target), tcp("127.0.0.1:9", None));
    assert!(target.follows(&to("ws://b.example/")));
    assert_eq!(first_step(&mut target), resolve("b.example", 80));
    assert!(target.follows(&to("ws://a.example:81/")));
    assert_eq!(first_step(&mut target), resolve("a.example", 81));
    assert!(target.follows(&to("ws://a.example/")));
    assert_eq!(first_step(&mut target), tcp("127.0.0.1:9", None));
}

#[test]
fn a_zone_is_looked_up_with_its_address() {
    // M10
    let mut target =
        request_with("ws://[fe80::1%25eth0]:9/", ClientOptions::new()).expect("a target");
    assert_eq!(first_step(&mut target), resolve("fe80::1%eth0", 9));
    let proxy = Proxy::new("http://[fe80::2%25eth1]:3128").expect("a proxy");
    let options = ClientOptions::new().proxy(proxy);
    let mut proxied = request_with("ws://a.example/", options).expect("a target");
    assert_eq!(first_step(&mut proxied), resolve("fe80::2%eth1", 3128));
}

#[test]
fn each_url_has_its_proxy() {
    // M4
    let to = |location: &str| Response::new(302).header("Location", location).expect("a header");
    let variables = |name: &str| match name {
        "http_proxy" => Some("10.0.0.9:1".into()),
        "https_proxy" => Some("10.0.0.9:2".into()),
        "no_proxy" => Some("b.example".into()),
        _ => None,
    };
    let proxies = Proxies::from_variables(variables).expect("variables");
    let options = ClientOptions::new().proxy(proxies).redirects(9);
    let mut target = request_with("ws://a.example/", options).expect("a target");
    assert_eq!(first_step(&mut target), tcp("10.0.0.9:1", None));
    assert!(target.follows(&to("ws://b.example/")));
    assert_eq!(first_step(&mut target), resolve("b.example", 80));
    #[cfg(feature = "tls")]
    {
        assert!(target.follows(&to("wss://a.example/")));
        assert_eq!(first_step(&mut target), tcp("10.0.0.9:2", None));
    }
}

#[test]
fn attempts_begin_at_the_local_address_and_skip_the_other_family() {
    // M3
    let from: SocketAddr = "10.0.0.42:0".parse().expect("an address");
    let options = || ClientOptions::new().local_address(from);
    let mut target = request_with("ws://10.0.0.1/", options()).expect("a target");
    assert_eq!(first_step(&mut target), tcp(A, Some("10.0.0.42:0")));
    let network = Network::of(&[(C, Peer::Opens(0)), (A, Peer::Opens(0))]);
    let outcome = network.run("ws://host.example/", options());
    assert_eq!(outcome.result.expect("open").to_string(), A);
    let outcome = Network::of(&[(C, Peer::Opens(0))]).run("ws://host.example/", options());
    let error = outcome.result.expect_err("no address is left").to_string();
    assert!(error.contains("family of the local address"), "{error}");
    // The socket of a proxy begins there as well.
    let options = options().proxy(Proxy::new("10.0.0.9:3128").expect("a proxy"));
    let mut proxied = request_with("ws://a.example/", options).expect("a target");
    assert_eq!(first_step(&mut proxied), tcp("10.0.0.9:3128", Some("10.0.0.42:0")));
}

#[test]
fn a_unix_socket_with_a_full_backlog_is_tried_again() {
    // M2
    let options = ClientOptions::new().connect_to(ConnectTo::Unix("/run/x".into()));
    let mut dialed = request_with("ws://a.example/", options).expect("a target");
    let mut dial = Dial::new(&mut dialed, ms(0)).expect("a configuration");
    for attempt in 0..3 {
        let now = ms(10) * u32::try_from(attempt).expect("small");
        let begun = DialStep::Connect { attempt, route: Route::Unix("/run/x".into()) };
        assert_eq!(dial.next(now).expect("a step"), begun);
        dial.failed(attempt, ErrorKind::WouldBlock.into(), now);
        assert_eq!(dial.next(now + ms(9)).expect("a step"), DialStep::Wait);
        assert_eq!(dial.deadline(), Some(now + ms(10)));
    }
    let late = dial.next(ms(10_000)).expect_err("in time");
    let Error::Connect { to, error } = late else { panic!("{late:?}") };
    assert_eq!((&*to, error.kind()), ("/run/x", ErrorKind::TimedOut));
    let mut dial = Dial::new(&mut dialed, ms(0)).expect("a configuration");
    dial.next(ms(0)).expect("a step");
    dial.failed(0, ErrorKind::NotFound.into(), ms(0));
    assert!(matches!(dial.next(ms(0)), Err(Error::Connect { .. })));
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let proxy = || Proxy::new("http://u:secret@proxy.example").expect("a proxy");
    let from = SocketAddr::from(([127, 0, 0, 1], 0));
    let new = ClientOptions::new;
    let unix = || ConnectTo::Unix("/run/x".into());
    for (options, url, option, shown) in [
        (new().connect_to(("b", 1)).proxy(proxy()), "ws://a/", "connect_to", "b:1"),
        (new().connect_to(Vec::new()), "ws://a/", "connect_to", "empty"),
        (new().connect_to(("b", 0)), "ws://a/", "connect_to", "b:0"),
        (new().connect_to(from), "ws://a/", "connect_to", "127.0.0.1:0"),
        (new().connect_to(("b/c", 1)), "ws://a/", "connect_to", "\"b/c\""),
        (new().connect_to(("b:c", 1)), "ws://a/", "connect_to", "\"b:c\""),
        (new().connect_to(("", 1)), "ws://a/", "connect_to", "\"\""),
        (new().connect_to(("u@b", 1)), "ws://a/", "connect_to", "\"u@b\""),
        (new().connect_to(unix()).local_address(from), "ws://a/", "local_address", "/run/x"),
        (new().proxy(proxy()), "ws://[fe80::1%25eth0]/", "proxy", "eth0"),
    ] {
        let error = request_with(url, options).expect_err(shown);
        let text = format!("{error} {error:?}");
        assert!(text.contains(shown) && !text.contains("secret"), "{text}");
        assert!(matches!(error, Error::Option { option: named, .. } if named == option), "{text}");
    }
    // A redirect from ws:// to wss:// at the same port has another proxy, which would get its credentials sent to
    // the place of the application's choice.
    #[cfg(feature = "tls")]
    {
        let wss_only = |name: &'static str| {
            (name == "https_proxy").then(|| "http://u:secret@proxy.example".to_owned())
        };
        let options = new().redirects(1).connect_to(("b", 1));
        let options = options.proxy(Proxies::from_variables(wss_only).expect("a proxy"));
        let mut target = request_with("ws://a:80/", options).expect("no proxy for ws://");
        let to = Response::new(302).header("Location", "wss://a:80/").expect("a header");
        assert!(target.follows(&to), "the next dial tells why not");
        let error = Dial::new(&mut target, ms(0)).expect_err("two places");
        assert!(matches!(&error, Error::Option { option: "connect_to", .. }), "{error:?}");
    }
    // An exception of the proxy leaves the place.
    let direct = Proxies::from(proxy()).no_proxy("a").expect("a name");
    assert!(request_with("ws://a/", new().connect_to(("b", 1)).proxy(direct)).is_ok());
    #[cfg(feature = "tls")]
    {
        let error = request_with("wss://a/", new().server_name("a..b")).expect_err("no name");
        assert!(error.to_string().contains("`server_name`: no certificate can be for \"a..b\""));
        assert!(request_with("ws://a/", new().server_name("a..b")).is_ok(), "not used");
    }
}
