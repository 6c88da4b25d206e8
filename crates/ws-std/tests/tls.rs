//! TLS: certificates, names, several threads, and peers of which only one uses TLS. Every test creates its
//! own certificate.
#![cfg(feature = "tls")]

#[path = "support/identity.rs"]
mod identity;
#[path = "support/net.rs"]
mod net;

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use identity::Identity;
use net::{read_all, yes};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{CloseFrame, Config};
use ws_std::{
    ClientOptions, ClientTls, Error, Message, ServerTls, Stream, WebSocket, accept_with, connect,
    connect_with,
};

/// Echoes on one connection, in a thread. Returns the port, and a thread whose result says whether the
/// connection opened.
fn echo_once(tls: ServerTls) -> (u16, JoinHandle<Result<bool, Error>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let server = thread::spawn(move || {
        let (tcp, _) = listener.accept()?;
        let Some(mut ws) = accept_with(Stream::accept_tls(&tls, tcp)?, Config::default(), yes)?
        else {
            return Ok(false);
        };
        while let Some(message) = ws.recv()? {
            ws.send(message)?;
        }
        Ok(true)
    });
    (port, server)
}

fn connect_to(host: &str, port: u16, tls: &ClientTls) -> Result<WebSocket, Error> {
    let url = WsUrl::parse(&format!("wss://{host}:{port}/"))?;
    let mut options = ClientOptions::default();
    options.tls = Some(tls.clone());
    connect_with(ClientRequest::new(url), options)
}

#[test]
fn messages_come_back_and_the_end_is_clean() -> Result<(), Error> {
    // R6455-4.1-8, R6455-4.2.2-1, R6455-10.6-1
    let identity = Identity::new();
    let (port, server) = echo_once(identity.server());
    let mut ws = connect_to("localhost", port, &identity.client())?;
    for len in [0, 1, 125, 126, 16 << 10, (16 << 10) + 1, 65_536, 3 << 20] {
        let message = Message::Binary(vec![7; len]);
        ws.send(message.clone())?;
        assert_eq!(ws.recv()?, Some(message));
    }
    ws.close(CloseFrame::normal("bye").expect("short"))?;
    let info = ws.wait_closed()?;
    assert_eq!((&*info.reason, info.was_clean), ("bye", true));
    assert!(server.join().expect("no panic")?);
    Ok(())
}

#[test]
fn large_messages_in_both_directions_at_once_do_not_deadlock() -> Result<(), Error> {
    const COUNT: usize = 16;
    let identity = Identity::new();
    let (port, server) = echo_once(identity.server());
    let mut ws = connect_to("localhost", port, &identity.client())?;
    let payload = vec![7; 1 << 20];
    let (writer, sent) = (ws.handle(), payload.clone());
    let sender =
        thread::spawn(move || (0..COUNT).try_for_each(|_| writer.send_binary(&sent).map(drop)));
    for _ in 0..COUNT {
        assert!(ws.recv()?.is_some_and(|message| message == Message::Binary(payload.clone())));
    }
    sender.join().expect("no panic")?;
    ws.close(None)?;
    assert!(ws.wait_closed()?.was_clean);
    assert!(server.join().expect("no panic")?);
    Ok(())
}

#[test]
fn a_certificate_that_is_not_trusted_is_an_error_and_no_request_leaves() {
    // R6455-4.1-8: an unknown authority, and a known one with another name.
    let (identity, other) = (Identity::new(), Identity::new());
    for (host, trusted) in [
        ("localhost", other.client()),
        ("localhost", ClientTls::new()),
        ("127.0.0.1", identity.client()),
    ] {
        let (port, server) = echo_once(identity.server());
        let error = connect_to(host, port, &trusted).expect_err("not to be trusted");
        assert!(matches!(&error, Error::Tls(_)), "{error:?}");
        assert!(error.to_string().contains("certificate"), "{error}");
        // The server saw no request.
        assert!(!matches!(server.join().expect("no panic"), Ok(true)));
    }
}

#[test]
fn a_public_name_needs_a_public_certificate() {
    let identity = Identity::new();
    let (port, server) = echo_once(identity.server());
    let error = connect(&format!("wss://localhost:{port}/")).expect_err("self-signed");
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
    let _ = server.join().expect("no panic");
}

#[test]
fn the_name_of_the_host_is_sent() -> Result<(), Error> {
    // R6455-4.1-9
    #[derive(Debug)]
    struct Names(Mutex<Vec<String>>, Arc<CertifiedKey>);

    impl ResolvesServerCert for Names {
        fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            let name = hello.server_name().unwrap_or_default().to_owned();
            self.0.lock().expect("no panic").push(name);
            Some(Arc::clone(&self.1))
        }
    }

    let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der());
    let key = rustls::crypto::ring::sign::any_supported_type(&key.expect("a key")).expect("a key");
    let certified = CertifiedKey::new(vec![made.cert.der().clone()], key);
    let names = Arc::new(Names(Mutex::default(), Arc::new(certified)));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&names) as Arc<dyn ResolvesServerCert>);
    let (port, server) = echo_once(config.into());

    // The certificate need not be trusted here.
    assert!(connect_to("localhost", port, &ClientTls::new()).is_err());
    let _ = server.join().expect("no panic");
    assert_eq!(*names.0.lock().expect("no panic"), ["localhost"]);
    Ok(())
}

#[test]
fn ends_that_do_not_understand_each_other_say_so() -> Result<(), Error> {
    // The client uses TLS, the server does not.
    let (address, server) = net::echo_once(Config::default());
    let port = address.rsplit(':').next().expect("a port").parse().expect("a port");
    let error = connect_to("localhost", port, &ClientTls::new()).expect_err("no TLS there");
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
    assert!(server.join().expect("no panic").is_err());

    // The server uses TLS, the client does not.
    let identity = Identity::new();
    let (port, server) = echo_once(identity.server());
    let mut client = TcpStream::connect(("127.0.0.1", port))?;
    client.write_all(net::REQUEST)?;
    client.shutdown(Shutdown::Write)?;
    let answer = read_all(&mut client);
    assert!(!answer.starts_with(b"HTTP/"), "an alert, and nothing else");
    let error = server.join().expect("no panic").expect_err("no TLS there");
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
    Ok(())
}

// B9: no reset overtakes the alert.
#[test]
fn an_alert_arrives_although_more_was_sent() {
    let identity = Identity::new();
    let (port, server) = echo_once(identity.server());
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("a server");
    client.write_all(net::REQUEST).expect("written");
    // Most likely failed by now.
    thread::sleep(Duration::from_millis(50));
    client.write_all(&[0; 100_000]).expect("the server still reads");
    client.shutdown(Shutdown::Write).expect("open");
    let alert = read_all(&mut client);
    assert_eq!(alert.first(), Some(&21), "{alert:?}");
    assert!(matches!(server.join().expect("no panic"), Err(Error::Tls(_))));
}

// L16: a request that is longer than the plaintext rustls buffers before its handshake is done.
#[test]
fn a_request_may_be_longer_than_what_tls_keeps() -> Result<(), Error> {
    let identity = Identity::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let tls = identity.server();
    let server = thread::spawn(move || {
        let (tcp, _) = listener.accept()?;
        let mut config = Config::default();
        config.max_head_size = 1 << 20;
        accept_with(Stream::accept_tls(&tls, tcp)?, config, yes)
    });
    let mut request = ClientRequest::new(WsUrl::parse(&format!("wss://localhost:{port}/"))?);
    for number in 0..50 {
        request = request.header(&format!("X-{number}"), "x".repeat(4000))?;
    }
    let mut options = ClientOptions::default();
    options.tls = Some(identity.client());
    let mut ws = connect_with(request, options)?;
    let mut server = server.join().expect("no panic")?.expect("an upgrade");
    ws.send("Hello")?;
    assert_eq!(server.recv()?, Some("Hello".into()));
    Ok(())
}

// A read of part of a record counts as a wait.
#[test]
fn ciphertext_that_makes_no_plaintext_does_not_stretch_a_patience() -> Result<(), Error> {
    let identity = Identity::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let raw_to_test = std::sync::mpsc::channel();
    let (tls, to_test) = (identity.server(), raw_to_test.0);
    let server = thread::spawn(move || {
        let (tcp, _) = listener.accept()?;
        to_test.send(tcp.try_clone()?).expect("the test waits");
        accept_with(Stream::accept_tls(&tls, tcp)?, Config::default(), yes)
    });
    let mut ws = connect_to("localhost", port, &identity.client())?;
    let _open = server.join().expect("no panic")?.expect("an upgrade");
    let mut raw = raw_to_test.1.recv().expect("a socket");
    // An endless record, a byte at a time.
    let trickle = thread::spawn(move || {
        let mut bytes = b"\x17\x03\x03\x40\x00".iter().copied().chain(std::iter::repeat(0));
        while bytes.next().is_some_and(|byte| raw.write_all(&[byte]).is_ok()) {
            thread::sleep(Duration::from_millis(5));
        }
    });
    ws.set_read_patience(Some(Duration::from_millis(100)));
    let error = ws.recv().expect_err("nothing whole");
    assert!(matches!(error, Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut));
    drop(ws);
    trickle.join().expect("no panic");
    Ok(())
}

#[test]
fn ciphertext_that_makes_no_plaintext_does_not_stretch_a_deadline() {
    // A39: an endless record, a byte at a time.
    let identity = Identity::new();
    let mut config = Config::default();
    config.handshake_timeout = Some(Duration::from_millis(200));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let tls = identity.server();
    let server = thread::spawn(move || {
        let (tcp, _) = listener.accept()?;
        accept_with(Stream::accept_tls(&tls, tcp)?, config, yes)
    });
    let mut client = TcpStream::connect(address).expect("a server");
    let mut record = b"\x16\x03\x01\x40\x00".to_vec();
    record.resize(16_000, 0);
    for byte in record {
        if server.is_finished() || client.write_all(&[byte]).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert!(server.is_finished(), "the server waited for the end of the record");
    assert!(!matches!(server.join().expect("no panic"), Ok(Some(_))));
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_named() {
    let identity = Identity::new();
    let (certificate, key) = (&identity.certificate, &identity.key);
    let missing = key.with_extension("missing");
    for error in [
        ServerTls::from_pem_files(&missing, key).expect_err("no such file"),
        ServerTls::from_pem_files(certificate, &missing).expect_err("no such file"),
        ServerTls::from_pem_files(key, key).expect_err("no certificate"),
        ServerTls::from_pem_files(certificate, certificate).expect_err("no key"),
        ClientTls::from_pem_file(key).expect_err("no certificate"),
    ] {
        assert!(
            error.to_string().contains(".pem") || error.to_string().contains(".missing"),
            "{error}"
        );
    }
    let other = Identity::new();
    assert!(ServerTls::from_pem_files(certificate, &other.key).is_err(), "another's key");
}

/// Writes a self-signed certificate and its key to files; `change` adjusts its parameters.
fn self_signed(change: impl FnOnce(&mut rcgen::CertificateParams)) -> Identity {
    let identity = Identity::new();
    let mut params = rcgen::CertificateParams::new(["localhost".into()]).expect("a name");
    change(&mut params);
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    std::fs::write(&identity.certificate, certificate.pem()).expect("written");
    std::fs::write(&identity.key, key.serialize_pem()).expect("written");
    identity
}

fn authority(params: &mut rcgen::CertificateParams) {
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
}

#[test]
fn a_server_may_show_what_is_in_the_file_whatever_kind_it_is() -> Result<(), Error> {
    // T8: a certificate by `openssl req -x509` is marked as an authority.
    for identity in [
        self_signed(authority),
        self_signed(|params| params.is_ca = rcgen::IsCa::ExplicitNoCa),
        self_signed(|_| {}),
    ] {
        let (port, server) = echo_once(identity.server());
        let mut ws = connect_to("localhost", port, &identity.client())?;
        ws.close(None)?;
        assert!(ws.wait_closed()?.was_clean);
        assert!(server.join().expect("no panic")?);
    }
    Ok(())
}

#[test]
fn a_certificate_of_the_file_is_still_for_its_names_and_its_time() {
    // T8
    let past = rcgen::date_time_ymd(2001, 1, 1)..rcgen::date_time_ymd(2002, 1, 1);
    let expire = |params: &mut rcgen::CertificateParams| {
        (params.not_before, params.not_after) = (past.start, past.end);
    };
    let expired = self_signed(|params| {
        authority(params);
        expire(params);
    });
    for (identity, host, expected) in [
        (&self_signed(authority), "127.0.0.1", "not valid for name"),
        (&self_signed(|_| {}), "127.0.0.1", "not valid for name"),
        (&expired, "localhost", "expired"),
        (&self_signed(expire), "localhost", "expired"),
    ] {
        let (port, server) = echo_once(identity.server());
        let error = connect_to(host, port, &identity.client()).expect_err("not to be trusted");
        assert!(matches!(error, Error::Tls(_)), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!matches!(server.join().expect("no panic"), Ok(true)));
    }
}

#[test]
fn an_error_says_what_to_do_about_a_certificate_that_is_not_trusted() {
    // T8
    let (ca, plain, other) = (self_signed(authority), self_signed(|_| {}), Identity::new());
    for (identity, expected) in [(&ca, "CA:TRUE"), (&plain, "from_pem_file")] {
        for trusted in [other.client(), ClientTls::new()] {
            let (port, server) = echo_once(identity.server());
            let error = connect_to("localhost", port, &trusted).expect_err("not to be trusted");
            assert!(error.to_string().contains(expected), "{error}");
            // The error of rustls is the last source.
            let mut source: &dyn std::error::Error = &error;
            while let Some(deeper) = source.source() {
                source = deeper;
            }
            assert!(source.is::<rustls::Error>(), "{source:?}");
            assert!(!matches!(server.join().expect("no panic"), Ok(true)));
        }
    }
}

#[test]
fn a_configuration_with_other_protocols_speaks_http() -> Result<(), Error> {
    // T7
    let identity = Identity::new();
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(&identity.certificate)?;
    let certificate = CertificateDer::from_pem_slice(&pem).expect("a certificate");
    roots.add(certificate.clone()).expect("a certificate");
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
    let key = PrivateKeyDer::from_pem_slice(&std::fs::read(&identity.key)?).expect("a key");
    let mut server = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key");
    server.alpn_protocols = config.alpn_protocols.clone();
    let (port, server) = echo_once(server.into());
    let mut ws = connect_to("localhost", port, &config.into())?;
    ws.send("Hello")?;
    assert_eq!(ws.recv()?, Some("Hello".into()));
    ws.close(None)?;
    ws.wait_closed()?;
    assert!(server.join().expect("no panic")?);
    Ok(())
}

#[test]
fn a_long_request_waits_for_the_handshake() -> Result<(), Error> {
    // L16
    let identity = Identity::new();
    let long = "x".repeat(10_000);
    let request = |port: u16| -> Result<ClientRequest, Error> {
        let url = WsUrl::parse(&format!("wss://localhost:{port}/"))?;
        (0..20).try_fold(ClientRequest::new(url), |request, number| {
            Ok(request.header(&format!("X-{number}"), &long)?)
        })
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let tls = identity.server();
    let server = thread::spawn(move || {
        let (tcp, _) = listener.accept()?;
        let config = Config::default().max_head_size(1 << 20);
        let ws = accept_with(Stream::accept_tls(&tls, tcp)?, config, yes)?;
        let mut ws = ws.expect("an upgrade");
        ws.recv().map(drop)
    });
    let mut options = ClientOptions::default();
    options.tls = Some(identity.client());
    let mut ws = connect_with(request(port)?, options)?;
    ws.close(None)?;
    assert!(ws.wait_closed()?.was_clean);
    server.join().expect("no panic")?;
    // The certificate error is still reported.
    let (port, server) = echo_once(identity.server());
    let error = connect_with(request(port)?, ClientOptions::default()).expect_err("self-signed");
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
    let _ = server.join().expect("no panic");
    Ok(())
}

#[test]
fn a_host_that_no_certificate_can_be_for_is_an_error_of_the_url() {
    // T4
    let label = "a".repeat(64);
    for host in ["a..b", "127.1", &label] {
        let error = connect(&format!("wss://{host}/")).expect_err("no name");
        assert!(matches!(error, Error::Url(_)), "{error:?}");
        assert!(error.to_string().contains(host), "{error}");
    }
}
