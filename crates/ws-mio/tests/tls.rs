//! TLS on a loop: alerts that arrive, ciphertext without plaintext, long requests, and signals.
#![cfg(feature = "tls")]

#[path = "../../ws-std/tests/support/identity.rs"]
mod identity;
mod support;

use std::io::{IoSlice, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use identity::Identity;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use socket2::SockRef;
use support::{LONG, Log, Recorder, request};
use ws_mio::wsproto::Config;
use ws_mio::{
    ClientOptions, Decision, EventLoop, IncomingRequest, Message, RunningServer, ServerOptions,
    WebSocketConnection, WebSocketServer,
};

fn echo(options: ServerOptions) -> (RunningServer, SocketAddr) {
    let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
    let address = server.local_addr().expect("an address");
    let echo = |ws: &WebSocketConnection, message: Message| {
        // It may be gone.
        let _ = ws.send(message);
        let _ = ws.close(None);
    };
    let decide = move |_: &_, request: &IncomingRequest| {
        // M1
        let tls = request.tls().expect("TLS");
        assert_eq!(tls.server_name.as_deref(), Some("localhost"));
        Decision::accept(echo)
    };
    (server.spawn(decide).expect("a thread"), address)
}

fn end(server: RunningServer) {
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

/// Panics for one name.
#[derive(Debug)]
struct Picky(Arc<CertifiedKey>);

impl ResolvesServerCert for Picky {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        assert_ne!(hello.server_name(), Some("bad.example"), "on purpose");
        Some(Arc::clone(&self.0))
    }
}

#[test]
fn a_panic_of_the_tls_configuration_ends_its_connection_alone() {
    // B6
    let identity = Identity::new();
    let provider = rustls::crypto::ring::default_provider();
    let certificate = CertificateDer::from_pem_file(&identity.certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(&identity.key).expect("a key");
    let certified = CertifiedKey::from_der(vec![certificate], key, &provider).expect("a pair");
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Picky(Arc::new(certified))));
    let (server, address) = echo(ServerOptions::new().tls(config.into()));
    let tls = identity.client();
    for _ in 0..3 {
        let mut bad = tls.begin("bad.example").expect("a name");
        let mut tcp = TcpStream::connect(address).expect("a server");
        tcp.set_read_timeout(Some(LONG)).expect("not zero");
        let failed = bad.complete_io(&mut tcp).is_err();
        assert!(failed, "it panicked");
        let (mut event_loop, log) = (EventLoop::new().expect("a loop"), Log::default());
        let url = format!("wss://localhost:{}/", address.port());
        let options = ClientOptions::new().tls(tls.clone());
        let ws = event_loop.connect(request(&url), options, Recorder(log.clone()));
        let ws = ws.expect("a request");
        let actor =
            thread::spawn(move || support::wait_until("it is open", || ws.send("Hello").is_ok()));
        event_loop.run().expect("events");
        actor.join().expect("no panic");
        assert_eq!(log.lines(), ["open", "message Hello", "terminate 1005"]);
    }
    assert!(!server.handle().is_terminated());
    end(server);
}

#[test]
fn an_alert_arrives_whatever_else_was_sent() {
    // B9
    let identity = Identity::new();
    let (server, address) = echo(ServerOptions::new().tls(identity.server()));
    for len in [100, 10_000, 300_000] {
        let mut client = TcpStream::connect(address).expect("a server");
        client.set_read_timeout(Some(LONG)).expect("not zero");
        // The server may be done before all is sent.
        let _ = client.write_all(&vec![b'G'; len]);
        let mut alert = [0; 7];
        client.read_exact(&mut alert).expect("an alert, and no reset before it");
        // A fatal alert (RFC 8446 section 6).
        assert_eq!((alert[0], alert[5]), (0x15, 2), "{alert:?}");
        // Nor behind it, if all had arrived.
        let rest = client.read_to_end(&mut Vec::new());
        assert!(rest.is_ok() || len > 10_000, "{rest:?}");
    }
    end(server);
}

#[test]
fn a_long_request_waits_for_the_handshake() {
    // L16
    let identity = Identity::new();
    let config = Config::default().max_head_size(1 << 20);
    let (server, address) = echo(ServerOptions::from(config).tls(identity.server()));
    let long = "x".repeat(10_000);
    let url = format!("wss://localhost:{}/", address.port());
    let asked = (0..20).fold(request(&url), |request, number| {
        request.header(&format!("X-{number}"), &long).expect("a header")
    });
    let run = |options: ClientOptions, greets: bool| {
        let (mut event_loop, log) = (EventLoop::new().expect("a loop"), Log::default());
        let ws = event_loop.connect(asked.clone(), options, Recorder(log.clone()));
        let ws = ws.expect("a request");
        let actor = thread::spawn(move || {
            if greets {
                support::wait_until("it is open", || ws.send("Hello").is_ok());
            }
        });
        event_loop.run().expect("events");
        actor.join().expect("no panic");
        log.lines()
    };
    let mut options = ClientOptions::default();
    options.tls = Some(identity.client());
    assert_eq!(run(options, true), ["open", "message Hello", "terminate 1005"]);
    // And does not hide what is wrong with a certificate.
    let lines = run(ClientOptions::default(), false);
    assert!(matches!(&lines[..], [error, _] if error.starts_with("error TLS: ")), "{lines:?}");
    end(server);
}

/// Whether a SIGPIPE waits for this thread. One that is blocked does, even if it would be ignored.
fn signal_waits() -> bool {
    let status = fs::read_to_string("/proc/thread-self/status").expect("Linux");
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        u64::from_str_radix(line.trim(), 16).expect("a mask")
    };
    const SIGPIPE: u64 = 1 << 12;
    assert_ne!(mask("SigBlk:") & SIGPIPE, 0, "it is blocked");
    (mask("SigPnd:") | mask("ShdPnd:")) & SIGPIPE != 0
}

#[test]
#[cfg(target_os = "linux")]
fn no_write_raises_a_signal() {
    // B5: where SIGPIPE is not ignored, it ends the process. Here it is blocked, so that it is seen.
    const CHILD: &str = "WS_MIO_TEST_SIGNALS";
    if env::var_os(CHILD).is_some() {
        return write_to_those_who_are_gone();
    }
    let test = env::current_exe().expect("a test");
    let mut command = Command::new("env");
    command.args(["--block-signal=PIPE"]).arg(test);
    command.args(["--exact", "no_write_raises_a_signal", "--nocapture"]).env(CHILD, "1");
    let output = command.output().expect("env");
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("unrecognized option") {
        return println!("skipped: env knows no --block-signal");
    }
    assert!(output.status.success(), "{}{text}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "it was run");
}

/// Sends through a loop to peers that have reset their connections, in this thread.
fn write_to_those_who_are_gone() {
    let identity = Identity::new();
    for tls in [false, true] {
        let plain = ServerOptions::new();
        let options = if tls { plain.tls(identity.server()) } else { plain };
        let server = WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
        let address = server.local_addr().expect("an address");
        let mut event_loop = EventLoop::new().expect("a loop");
        let handle = event_loop.serve(server, |_: &_, _: &_| {
            Decision::accept(|ws: &WebSocketConnection, _: Message| {
                // The peer is gone by now, or soon.
                for _ in 0..20 {
                    thread::sleep(Duration::from_millis(5));
                    let _ = ws.send(vec![7; 100_000]);
                    let _ = ws.send("small");
                }
            })
        });
        let handle = handle.expect("a listener");
        let identity = identity.client();
        let client = thread::spawn(move || {
            let mut options = ClientOptions::default();
            options.tls = Some(identity);
            let url = match tls {
                true => format!("wss://localhost:{}/", address.port()),
                false => format!("ws://{address}/"),
            };
            let mut event_loop = EventLoop::new().expect("a loop");
            let log = Log::default();
            let ws = event_loop.connect(request(&url), options, Recorder(log));
            let ws = ws.expect("a request");
            let aborts = thread::spawn(move || {
                support::wait_until("it is open", || ws.send("Hello").is_ok());
                thread::sleep(Duration::from_millis(20));
                ws.abort();
            });
            event_loop.run().expect("events");
            aborts.join().expect("no panic");
            thread::sleep(Duration::from_millis(50));
            handle.terminate(Some(Duration::ZERO));
        });
        event_loop.run().expect("events");
        client.join().expect("no panic");
        assert!(!signal_waits(), "a signal, over TLS: {tls}");
    }
    // The plaintext that it would be.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut client = TcpStream::connect(listener.local_addr().expect("one")).expect("a listener");
    let (server, _) = listener.accept().expect("a client");
    SockRef::from(&server).set_linger(Some(Duration::ZERO)).expect("a socket");
    drop(server);
    let until = Instant::now() + LONG;
    while !signal_waits() {
        assert!(Instant::now() < until, "the kernel tells nobody");
        let _ = client.write_vectored(&[IoSlice::new(b"a"), IoSlice::new(b"b")]);
    }
}
