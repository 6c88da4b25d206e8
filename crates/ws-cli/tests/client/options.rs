//! The options of a connection, as servers see them.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::{fs, thread};

use ws_std::wsproto::Deflate;
use ws_std::wsproto::handshake::{Accept, Response};
use ws_std::{
    ConnectionHandler, Decision, IncomingRequest, Message, RunningServer, ServerHandle,
    ServerOptions, ServerTls, WebSocketConnection, WebSocketServer,
};

use super::support::{Ended, Folder, echo, end, head, run, url};

/// Tells the client once what it has sent.
struct Teller(String);

impl ConnectionHandler for Teller {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        let _ = ws.send(&*self.0);
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}
}

/// Starts a server that answers with the fields of the request, a line each.
fn teller(server: WebSocketServer) -> RunningServer {
    let spawned = server.spawn(|_: &ServerHandle, request: &IncomingRequest| {
        let fields = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
        let line = std::iter::once(format!("{} {}", request.method(), request.target()));
        let text = line.chain(fields).collect::<Vec<_>>().join("\n");
        let accept = Accept::new().select_subprotocol(request, &["chat.v2"]);
        Decision::accept_with(accept, Teller(text))
    });
    spawned.expect("a thread")
}

fn bind(options: ServerOptions) -> WebSocketServer {
    WebSocketServer::bind("127.0.0.1:0", options).expect("a port")
}

fn one(arguments: &[&str]) -> Ended {
    run(&[arguments, &["-n", "1", "--wait", "60s"]].concat(), b"")
}

#[test]
fn the_request_has_what_was_asked_for() {
    let server = teller(bind(ServerOptions::new()));
    let url = format!("{}path?query", url(&server));
    let ended = one(&[
        &url,
        "-H",
        "X-One: 1",
        "--header",
        "X-Two:2",
        "--cookie",
        "a=b",
        "--cookie",
        "c=d",
        "--origin",
        "https://example.com",
        "--user",
        "Ann:secret:word",
        "--subprotocol",
        "chat.v3",
        "--subprotocol",
        "chat.v2",
        "-v",
    ]);
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    for line in [
        "GET /path?query",
        "X-One: 1",
        "X-Two: 2",
        "Cookie: a=b; c=d",
        "Origin: https://example.com",
        "Authorization: Basic QW5uOnNlY3JldDp3b3Jk",
        "Sec-WebSocket-Protocol: chat.v3, chat.v2",
    ] {
        assert!(ended.text().lines().any(|sent| sent == line), "{line}: {}", ended.text());
        // -v shows the same.
        let shown = format!("> {line}");
        assert!(ended.err.lines().any(|told| told.starts_with(&shown)), "{line}: {}", ended.err);
    }
    assert!(ended.err.contains("\n< HTTP/1.1 101\n"), "{}", ended.err);
    assert!(ended.err.contains("\n< Sec-WebSocket-Protocol: chat.v2\n"), "{}", ended.err);
    end(server);
}

#[test]
fn compression_is_offered() {
    let server = echo(ServerOptions::new().deflate(Deflate::new()));
    let with = run(&[&url(&server), "--jsonl", "--deflate", "-x", "aaaaaaaaaaaaaaaaaaaaaaaa"], b"");
    assert_eq!(with.status, Some(0), "{}", with.err);
    assert!(with.text().contains("\"extensions\":\"permessage-deflate"), "{}", with.text());
    assert_eq!(with.text().matches("aaaaaaaaaaaaaaaaaaaaaaaa").count(), 2);
    let without = run(&[&url(&server), "--jsonl"], b"");
    assert!(!without.text().contains("permessage-deflate"), "{}", without.text());
    end(server);
}

#[test]
fn a_host_has_another_address() {
    let server = teller(bind(ServerOptions::new()));
    let address = server.handle().local_addr().expect("an address");
    let ended = one(&[
        "ws://host.invalid:1/",
        "--resolve",
        "other.invalid:127.0.0.9:9",
        "--resolve",
        &format!("HOST.invalid:{address}"),
    ]);
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    assert!(ended.text().contains("Host: host.invalid:1"), "{}", ended.text());
    end(server);
}

#[cfg(unix)]
#[test]
fn a_unix_domain_socket_is_a_place() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let socket = ws_std::ServerSocket::bind_unix(&path).expect("a path");
    let server = teller(WebSocketServer::from_listener(socket, ServerOptions::new()));
    let ended = one(&["ws://localhost/there", "--unix", &path]);
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    assert!(ended.text().starts_with("GET /there\nHost: localhost\n"), "{}", ended.text());
    end(server);
}

#[test]
fn a_proxy_leads_to_the_server() {
    let server = teller(bind(ServerOptions::new()));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = listener.local_addr().expect("an address");
    let to = server.handle().local_addr().expect("an address");
    let serving = thread::spawn(move || tunnel(&listener, to));
    let at = format!("http://Ann:secret@{proxy}");
    let ended = one(&["ws://host.invalid:7/", "--proxy", &at]);
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    assert!(ended.text().contains("Host: host.invalid:7"), "{}", ended.text());
    let head = serving.join().expect("no panic");
    assert!(head.starts_with("CONNECT host.invalid:7 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic QW5uOnNlY3JldA=="), "{head}");
    end(server);
}

/// Opens a tunnel for one client. Returns the head of its request.
fn tunnel(listener: &TcpListener, to: SocketAddr) -> String {
    let (mut client, _) = listener.accept().expect("a client");
    let head = head(&mut client);
    let mut server = TcpStream::connect(to).expect("a server");
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("a client");
    let (mut from, mut back) =
        (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
    let there = thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut server);
        let _ = server.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut back, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Write);
    there.join().expect("no panic");
    String::from_utf8(head).expect("UTF-8")
}

#[test]
fn redirects_are_followed_if_asked_for() {
    let server = bind(ServerOptions::new());
    let server = server.spawn(|_: &ServerHandle, request: &IncomingRequest| match request.path() {
        "/old" => {
            let moved = Response::new(302).header("Location", "/new").expect("a header");
            Decision::respond(moved)
        }
        path => Decision::accept(Teller(path.into())),
    });
    let server = server.expect("a thread");
    let url = format!("{}old", url(&server));
    assert_eq!(one(&[&url]).status, Some(1));
    let ended = one(&[&url, "--redirects", "1"]);
    assert_eq!((ended.status, ended.text()), (Some(0), "/new\n"));
    end(server);
}

/// A certificate for `localhost` and its key, in files.
fn identity(folder: &Folder) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
    let (certificate, key) = (folder.file("cert.pem"), folder.file("key.pem"));
    fs::write(&certificate, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    (certificate, key)
}

#[test]
fn a_server_must_be_trusted() {
    let folder = Folder::new();
    let (certificate, key) = identity(&folder);
    let tls = ServerTls::from_pem_files(&certificate, &key).expect("a certificate");
    let server = teller(bind(ServerOptions::new().tls(tls)));
    let port = server.handle().local_addr().expect("an address").port();
    let url = format!("wss://localhost:{port}/");
    let unknown = one(&[&url]);
    assert_eq!(unknown.status, Some(1), "{}", unknown.err);
    assert!(unknown.err.contains("--cacert FILE trusts"), "{}", unknown.err);
    assert!(!unknown.err.contains("ClientTls"), "{}", unknown.err);
    let trusted = one(&[&url, "--cacert", &certificate]);
    assert_eq!((trusted.status, trusted.err.lines().count()), (Some(0), 1), "{}", trusted.err);
    let insecure = one(&[&url, "--insecure"]);
    assert_eq!(insecure.status, Some(0), "{}", insecure.err);
    assert!(insecure.err.starts_with("ws: --insecure: the server may be anybody"));
    end(server);
}

#[test]
fn a_client_shows_its_certificate() {
    use std::sync::Arc;

    use ws_std::rustls::pki_types::pem::PemObject;
    use ws_std::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use ws_std::rustls::server::WebPkiClientVerifier;
    use ws_std::rustls::{RootCertStore, ServerConfig, crypto::ring};

    let folder = Folder::new();
    let (certificate, key) = identity(&folder);
    let chain: Vec<_> = CertificateDer::pem_file_iter(&certificate)
        .expect("a file")
        .collect::<Result<_, _>>()
        .expect("certificates");
    let mut roots = RootCertStore::empty();
    roots.add(chain[0].clone()).expect("a certificate");
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(&key).expect("a key"))
        .expect("a configuration");
    let server = teller(bind(ServerOptions::new().tls(config.into())));
    let port = server.handle().local_addr().expect("an address").port();
    let url = format!("wss://localhost:{port}/");
    let without = one(&[&url, "--cacert", &certificate]);
    assert_ne!(without.status, Some(0), "{}", without.err);
    let with = one(&[&url, "--cacert", &certificate, "--cert", &certificate, "--key", &key]);
    assert_eq!(with.status, Some(0), "{}", with.err);
    end(server);
}

#[test]
fn no_secret_is_told_in_errors() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = gone.local_addr().expect("an address");
    drop(gone);
    let url = format!("ws://{address}/?token=hidden");
    let ended = run(&[&url, "--user", "Ann:hidden", "-H", "X-Key: hidden"], b"");
    assert_eq!(ended.status, Some(1));
    assert!(!ended.err.contains("hidden"), "{}", ended.err);
    for arguments in [["--user", "hidden"], ["--cookie", "hidden"], ["-H", "hidden"]] {
        let ended = run(&[&[&*url], &arguments[..]].concat(), b"");
        assert_eq!(ended.status, Some(64));
        assert!(!ended.err.contains("hidden"), "{}", ended.err);
    }
}
