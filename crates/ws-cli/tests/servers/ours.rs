//! Our servers get nothing wrong: any adapter, compressing or not, with TLS, on a Unix domain socket.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;

use ws_std::wsproto::Deflate;
use ws_std::{Decision, IncomingRequest, Message, ServerOptions, ServerTls, WebSocketConnection};

use crate::support::{Report, check};

type Echo = fn(&WebSocketConnection, Message);

fn echo(_: &ws_std::ServerHandle, _: &IncomingRequest) -> Decision<Echo> {
    Decision::accept(|ws, message| {
        // Fails if the client is gone.
        let _ = ws.send(message);
    })
}

fn on_threads(options: ServerOptions) -> SocketAddr {
    let server = ws_std::WebSocketServer::bind("127.0.0.1:0", options).expect("a port");
    let address = server.local_addr().expect("an address");
    server.spawn(echo).expect("a thread");
    address
}

fn on_an_event_loop(options: ServerOptions) -> SocketAddr {
    let server = ws_mio::WebSocketServer::bind("127.0.0.1:0", options).expect("a port");
    let address = server.local_addr().expect("an address");
    server.spawn(echo).expect("a thread");
    address
}

fn on_tokio(options: ServerOptions) -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async move {
            let server = ws_tokio::WebSocketServer::bind("127.0.0.1:0", options).await;
            let server = server.expect("a port");
            sender.send(server.local_addr().expect("an address")).expect("the test waits");
            server.run(echo).await.expect("a listener");
        });
    });
    receiver.recv().expect("an address")
}

/// Nothing is wrong, nothing is unusual, and every probe applies if the server compresses.
fn assert_flawless(report: &Report, compresses: bool) {
    let probes = report.document["probes"].as_array().expect("a list").len();
    let missing = report.with("not applicable");
    let expected = if compresses { 0 } else { 10 };
    assert_eq!((report.status, report.echo, missing.len()), (0, true, expected), "{report:?}");
    assert_eq!(report.with("ok").len(), probes - expected, "{report:?}");
    assert!(missing.iter().all(|id| id.starts_with("deflate-")), "{missing:?}");
}

#[test]
fn our_servers_are_flawless() {
    for serve in [on_threads, on_an_event_loop, on_tokio] {
        let plain = check(&format!("ws://{}/", serve(ServerOptions::new())), &["--wait", "30s"]);
        assert_flawless(&plain, false);
        let options = ServerOptions::new().deflate(Deflate::dense());
        let compressing = check(&format!("ws://{}/", serve(options)), &["--wait", "30s"]);
        assert_flawless(&compressing, true);
    }
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ws-check-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn word(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn tls_changes_nothing() {
    let folder = Folder::new("tls");
    let (tls, certificate) = identity(&folder);
    let address = on_threads(ServerOptions::new().tls(tls));
    let url = format!("wss://localhost:{}/", address.port());
    let trusting = check(&url, &["--wait", "30s", "--cacert", word(&certificate)]);
    assert_flawless(&trusting, false);
    let careless = check(&url, &["--wait", "30s", "--insecure"]);
    assert_flawless(&careless, false);
}

/// Creates the identity of `localhost`; returns it, and the file with its certificate.
fn identity(folder: &Folder) -> (ServerTls, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
    let certificate = folder.file("cert.pem", &made.cert.pem());
    let key = folder.file("key.pem", &made.signing_key.serialize_pem());
    let tls = ServerTls::from_pem_files(&certificate, &key).expect("an identity");
    (tls, certificate)
}

#[cfg(unix)]
#[test]
fn tls_works_on_a_unix_socket() {
    let folder = Folder::new("unix-tls");
    let (tls, certificate) = identity(&folder);
    let path = folder.0.join("socket");
    let listener = ws_std::ServerSocket::bind_unix(&path).expect("a socket");
    let options = ServerOptions::new().tls(tls);
    ws_std::WebSocketServer::from_listener(listener, options).spawn(echo).expect("a thread");
    let trust = ["--wait", "30s", "--unix", word(&path), "--cacert", word(&certificate)];
    assert_flawless(&check("wss://localhost/", &trust), false);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_has_the_path_and_fields_of_the_request() {
    let folder = Folder::new("unix");
    let path = folder.0.join("socket");
    let listener = ws_std::ServerSocket::bind_unix(&path).expect("a socket");
    let server = ws_std::WebSocketServer::from_listener(listener, ServerOptions::new());
    let decide = |_: &ws_std::ServerHandle, request: &IncomingRequest| {
        let known = request.headers().get("Authorization") == Some("Bearer secret");
        match request.target() == "/chat?token=secret" && known {
            true => Decision::accept(|ws: &WebSocketConnection, message: Message| {
                let _ = ws.send(message);
            }),
            false => Decision::decline(),
        }
    };
    server.spawn(decide).expect("a thread");
    let url = "ws://example.com/chat?token=secret";
    let field = "Authorization: Bearer secret";
    let report = check(url, &["--wait", "30s", "--unix", word(&path), "-H", field]);
    assert_flawless(&report, false);
    assert!(!report.document.to_string().contains(&hex("secret")), "a secret is reported");
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
