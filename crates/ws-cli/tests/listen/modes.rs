//! What `ws listen` does with messages.

use std::io::Write;
use std::process::{Command, Stdio};

use ws_std::wsproto::Deflate;
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::{ClientOptions, ClientTls, ConnectTo, Message};

use crate::folder::Folder;
use crate::server::{Server, listen};

#[test]
fn echo_sends_back() {
    let server = Server::start(&["--echo"]);
    let mut client = server.connect("");
    client.send("Hello, ä");
    assert_eq!(client.text(), "Hello, ä");
    let bytes = vec![7; 1 << 20];
    client.0.send_binary(&bytes).expect("it is open");
    assert_eq!(client.next(), Message::Binary(bytes));
    // One byte more than --max-message.
    let long = vec![7; (1 << 20) + 1];
    client.0.send_binary(&long).expect("it is open");
    assert_eq!(client.closed().0, 1009);
}

#[test]
fn everybody_hears_everybody_else() {
    let server = Server::start(&["--broadcast"]);
    let (mut anna, mut ben, mut cleo) =
        (server.connect(""), server.connect("x"), server.connect("y?z"));
    anna.send("a");
    assert_eq!((ben.text(), cleo.text()), ("a".into(), "a".into()));
    ben.0.send_binary(&[0, 255]).expect("it is open");
    // Not its own "a".
    assert_eq!(anna.next(), Message::Binary(vec![0, 255]));
    assert_eq!(cleo.next(), Message::Binary(vec![0, 255]));
    cleo.close();
    anna.send("b");
    assert_eq!(ben.text(), "b");
}

#[test]
fn messages_are_printed_and_lines_are_sent() {
    let mut server = Server::start(&[]);
    let mut stdin = server.stdin.take().expect("a pipe");
    // It waits for somebody to hear it.
    stdin.write_all(b"first\n").expect("it reads");
    let mut anna = server.connect("");
    assert_eq!(anna.text(), "first");
    let mut ben = server.connect("");
    anna.send("from anna");
    assert_eq!(server.line(), "from anna");
    ben.send("from ben");
    assert_eq!(server.line(), "from ben");
    stdin.write_all("to bóth\r\n\nlast".as_bytes()).expect("it reads");
    drop(stdin);
    for client in [&mut anna, &mut ben] {
        assert_eq!([client.text(), client.text(), client.text()], ["to bóth", "", "last"]);
    }
    // It goes on without standard input.
    anna.send("still here");
    assert_eq!(server.line(), "still here");
}

#[test]
fn long_input_is_sent_in_order_to_a_slow_client() {
    let mut server = Server::start(&[]);
    let mut stdin = server.stdin.take().expect("a pipe");
    let mut client = server.connect("");
    let line = "x".repeat(1000);
    let writing = std::thread::spawn(move || {
        for number in 0..5000 {
            writeln!(stdin, "{number} {line}").expect("it reads");
        }
    });
    for number in 0..5000 {
        assert!(client.text().starts_with(&format!("{number} x")));
    }
    writing.join().expect("no panic");
}

#[test]
fn a_line_that_is_no_text_is_told() {
    let mut server = Server::start(&[]);
    server.stdin.as_mut().expect("a pipe").write_all(b"\xff\n").expect("it reads");
    let error = server.error();
    assert!(error.starts_with("ws: standard input, message 1: not UTF-8"), "{error}");
}

#[test]
fn events_are_lines_of_json() {
    let mut server = Server::start(&["--echo", "--jsonl", "--subprotocol", "chat"]);
    let subprotocol = |request: ClientRequest| {
        request.subprotocol("other").and_then(|request| request.subprotocol("chat")).expect("valid")
    };
    let connected = server.try_connect("path?query", subprotocol, ClientOptions::new());
    let mut client = connected.expect("it accepts");
    client.send("Hello");
    client.text();
    client.0.ping(b"?").expect("it is open");
    client.close();
    let mut next = || serde_json::from_str::<serde_json::Value>(&server.line()).expect("JSON");
    let open = next();
    assert_eq!((&open["event"], &open["subprotocol"]), (&"open".into(), &"chat".into()));
    assert_eq!(open["request"]["line"], "GET /path?query HTTP/1.1");
    assert_eq!(open["response"]["status"], 101);
    let id = open["connection"].clone();
    assert!(id.is_u64(), "{open}");
    let (received, sent, ping, close) = (next(), next(), next(), next());
    for line in [&received, &sent, &ping, &close] {
        assert_eq!(line["connection"], id);
    }
    assert_eq!((&received["from"], &received["text"]), (&"peer".into(), &"Hello".into()));
    assert_eq!((&sent["from"], &sent["text"]), (&"own".into(), &"Hello".into()));
    assert_eq!((&ping["event"], &ping["payload"]), (&"ping".into(), &"Pw==".into()));
    assert_eq!((&close["by"], &close["code"]), (&"peer".into(), &1000.into()));
}

#[test]
fn connections_are_told_on_standard_error() {
    let server = Server::start(&["--echo", "-v"]);
    let mut client = server.connect("a%1bb");
    let opened = server.error();
    assert!(
        opened.starts_with("ws: connection ") && opened.ends_with(" opened /a%1bb"),
        "{opened}"
    );
    client.close();
    let closed = server.error();
    assert!(closed.ends_with("closed by the peer: 1000 Normal Closure"), "{closed}");
}

#[test]
fn options_are_those_of_the_server() {
    let server = Server::start(&[
        "--echo",
        "--deflate",
        "--max-connections",
        "2",
        "--max-message",
        "10",
        "--subprotocol",
        "b",
        "-s",
        "a",
    ]);
    let options = ClientOptions::new().deflate(Deflate::new());
    let mut first = server.try_connect("", |request| request, options).expect("it accepts");
    assert_eq!(first.0.extensions()[0].name(), "permessage-deflate");
    let both = |request: ClientRequest| {
        request.subprotocol("a").and_then(|request| request.subprotocol("b")).expect("valid")
    };
    let second = server.try_connect("", both, ClientOptions::new()).expect("it accepts");
    assert_eq!(second.0.subprotocol().as_deref(), Some("b"));
    assert_eq!(server.refusal(|request| request), 503);
    first.send("12345678901");
    assert_eq!(first.closed().0, 1009);
}

#[test]
fn origins_are_those_of_the_option() {
    let server = Server::start(&["--echo", "--origin", "http://localhost:80"]);
    let origin = |origin: &'static str| {
        move |request: ClientRequest| request.origin(origin).expect("an origin")
    };
    assert_eq!(server.refusal(origin("http://evil.example")), 403);
    assert!(server.try_connect("", origin("http://localhost"), ClientOptions::new()).is_ok());
    assert!(server.try_connect("", |request| request, ClientOptions::new()).is_ok());
}

#[test]
fn tls_is_spoken() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
    let folder = Folder::new();
    let (cert, key) = (folder.0.join("cert.pem"), folder.0.join("key.pem"));
    std::fs::write(&cert, certified.cert.pem()).expect("written");
    std::fs::write(&key, certified.signing_key.serialize_pem()).expect("written");
    let (cert_text, key_text) = (cert.display().to_string(), key.display().to_string());
    let server = Server::start(&["--echo", "--tls", &cert_text, &key_text]);
    assert!(server.url.starts_with("wss://127.0.0.1:"), "{}", server.url);
    let port: u16 =
        server.address().rsplit(':').next().and_then(|p| p.parse().ok()).expect("a port");
    let options = ClientOptions::new().tls(ClientTls::from_pem_file(&cert).expect("a certificate"));
    let url = format!("wss://localhost:{port}/");
    let mut ws = ws_std::connect_with(ClientRequest::parse(&url).expect("a URL"), options)
        .expect("it accepts");
    ws.send_text("secret").expect("it is open");
    assert_eq!(ws.recv().expect("no error"), Some("secret".into()));

    let output = listen(&["0", "--tls", &key_text, &key_text]).output().expect("ws runs");
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("ws: --tls: "));
}

#[cfg(unix)]
#[test]
fn a_unix_domain_socket_is_served() {
    let folder = Folder::new();
    let path = folder.0.join("socket");
    let server = Server::spawn(listen(&["--echo", "--unix", &path.display().to_string()]));
    assert!(server.url.contains(&path.display().to_string()), "{}", server.url);
    let options = ClientOptions::new().connect_to(ConnectTo::Unix(path));
    let mut ws =
        ws_std::connect_with(ClientRequest::parse("ws://localhost/").expect("a URL"), options)
            .expect("it accepts");
    ws.send_text("near").expect("it is open");
    assert_eq!(ws.recv().expect("no error"), Some("near".into()));
}

#[test]
fn others_on_the_network_are_warned_of() {
    assert!(Server::start(&["--echo"]).warnings.is_empty());
    let server = Server::start_on("0.0.0.0:0", &["--echo"]);
    assert!(
        server.warnings[0]
            .ends_with("is not a loopback address: others on the network can connect")
    );
    let server = Server::start_on("0.0.0.0:0", &["--exec", "cat"]);
    assert!(server.warnings[0].ends_with("others on the network can run the command"));
}

#[test]
fn wrong_arguments_are_refused() {
    for (args, status, complaint) in [
        (&["nowhere"][..], 64, "not an address"),
        (&["--echo", "--broadcast"], 64, "cannot be used with"),
        (&["--grace", "1s"], 64, "--exec"),
        (&["--echo", "--exec", "cat"], 64, "cannot be used with"),
        (&["--origin", "nonsense"], 64, "ws: --origin: \"nonsense\" is not an origin"),
        (&["--static", "/nonexistent"], 64, "ws: cannot serve /nonexistent: "),
        (&["--tls", "cert.pem"], 64, "2 values required"),
    ] {
        let output = listen(args).stdin(Stdio::null()).output().expect("ws runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {error}");
        assert!(error.contains(complaint), "{args:?}: {error}");
    }
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    let output = listen(&[&address]).output().expect("ws runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        error.starts_with(&format!("ws: cannot listen on {address}: another program does")),
        "{error}"
    );
}

#[test]
fn two_commands_talk() {
    let server = Server::start(&["--echo"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ws"));
    command.args([&server.url, "-x", "one", "-x", "two", "-n", "2"]).stdin(Stdio::null());
    let output = command.output().expect("ws runs");
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"one\ntwo\n"[..]));
}
