//! Servers and arguments that `ws check` and `ws bench` refuse, and checks that end without a verdict.

use std::net::TcpListener;
use std::thread;

use crate::support::{outcome, ws};
use crate::toy::{Fault, serve};

#[test]
fn strangers_are_refused() {
    for command in ["check", "bench"] {
        for url in ["ws://192.0.2.1/", "wss://[2001:db8::1]/", "ws://169.254.169.254/"] {
            let (status, out, error) = outcome(&ws(&[command, url]));
            assert_eq!((status, &*out), (64, ""), "{error}");
            assert!(error.contains("is no loopback or private address"), "{error}");
            assert!(error.contains("--i-own-this-server"), "{error}");
        }
    }
}

/// One public address is enough: the name may lead there.
#[test]
fn a_name_with_a_private_and_a_public_address_is_refused() {
    for command in ["check", "bench"] {
        for addresses in [["127.0.0.1", "192.0.2.1"], ["192.0.2.1", "127.0.0.1"]] {
            let [one, other] = addresses.map(|address| format!("name.test:{address}"));
            let arguments = [command, "ws://name.test/", "--resolve", &one, "--resolve", &other];
            let (status, _, error) = outcome(&ws(&arguments));
            assert_eq!(status, 64, "{error}");
            assert!(error.contains("192.0.2.1"), "{error}");
        }
    }
}

#[test]
fn wrong_arguments_are_named() {
    for (arguments, named) in [
        (&["check"][..], "URL"),
        (&["check", "http://[", "--only", "ping"], "URL"),
        (&["check", "ws://127.0.0.1/", "--only", "no-such"], "no-such"),
        (&["check", "ws://127.0.0.1/", "--wait", "soon"], "--wait"),
        (&["check", "ws://127.0.0.1/", "--proxy", "http://127.0.0.1:1"], "--proxy"),
        (&["check", "ws://127.0.0.1/", "--deflate"], "--deflate"),
        (&["check", "ws://127.0.0.1/", "--wait", "0"], "--wait"),
        (&["bench", "ws://127.0.0.1/", "-v"], "-v"),
        (&["bench", "ws://127.0.0.1/", "--redirects", "1"], "redirect"),
        (&["bench"], "URL"),
        (&["bench", "ws://127.0.0.1/", "--rate", "0"], "--rate"),
        (&["bench", "ws://127.0.0.1/", "--connections", "0"], "--connections"),
        (&["bench", "ws://127.0.0.1/", "--rate", "1", "--in-flight", "2"], "--in-flight"),
        (&["bench", "ws://127.0.0.1/", "--size", "17M"], "--size"),
        (&["bench", "ws://127.0.0.1/", "--duration", "0s"], "--duration"),
    ] {
        let (status, out, error) = outcome(&ws(arguments));
        assert_eq!((status, &*out), (64, ""), "{arguments:?}: {error}");
        assert!(error.contains(named), "{arguments:?}: {error}");
    }
}

#[test]
fn without_a_connection_there_is_no_report() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let (status, out, error) = outcome(&ws(&["check", &format!("ws://{free}/"), "--json"]));
    assert_eq!((status, &*out), (3, ""), "{error}");
    assert!(error.contains("cannot connect"), "{error}");
}

#[test]
fn a_server_that_never_answers_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let (status, out, error) = outcome(&ws(&["check", &url, "--wait", "200ms"]));
    assert_eq!((status, &*out), (4, ""), "{error}");
}

#[test]
fn a_server_that_refuses_everything_is_told() {
    let address = serve(Fault::CaseOfNames);
    let (status, _, error) =
        outcome(&ws(&["check", &format!("ws://{address}/"), "-H", "X-Check: a\u{7f}b"]));
    assert_eq!(status, 64, "{error}");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let (status, out, error) = outcome(&ws(&["check", &url]));
    assert_eq!((status, &*out), (1, ""), "{error}");
    assert!(error.contains("404"), "{error}");
}

#[test]
fn the_report_fits_a_screen_and_lists_what_is_wrong() {
    let url = format!("ws://{}/", serve(Fault::None));
    let (status, out, _) = outcome(&ws(&["check", &url, "--wait", "30s"]));
    assert_eq!(status, 0, "{out}");
    assert!(out.lines().count() <= 24 && out.contains("nothing is wrong"), "{out}");

    let url = format!("ws://{}/", serve(Fault::WrongAccept));
    let (status, out, _) = outcome(&ws(&["check", &url, "--wait", "30s"]));
    assert_eq!(status, 2, "{out}");
    assert!(out.contains("wrong    response-accept, RFC 6455 section 4.2.2: "), "{out}");
    assert!(!out.contains("sent "), "{out}");

    let arguments = ["check", &url, "--only", "response-accept", "-v", "--wait", "30s"];
    let (status, out, _) = outcome(&ws(&arguments));
    assert_eq!(status, 2, "{out}");
    assert!(out.contains("sent     47 45 54 20 2f 20"), "{out}");
    assert!(out.contains("received 48 54 54 50 2f 31"), "{out}");
    assert!(out.contains("\n1 probe in "), "{out}");
}

#[test]
fn the_list_needs_no_server() {
    let (status, out, _) = outcome(&ws(&["check", "--list"]));
    assert_eq!(status, 0);
    assert!(out.lines().count() >= 40, "{out}");
    assert!(out.lines().any(|line| line.starts_with("unmasked-text ")), "{out}");
}
