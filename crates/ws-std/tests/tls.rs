//! The same over TLS: certificates, names, several threads, and ends that do not understand each
//! other. The certificate is made anew for every test.
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
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{CloseFrame, Config};
use ws_std::{
    ClientOptions, ClientTls, Error, Message, ServerTls, Stream, WebSocket, accept_with, connect,
    connect_with,
};

/// Echoes on one connection, in a thread. Returns the port, and how the server saw it end: whether
/// there was a connection at all.
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
    // R6455-4.1-8: of an unknown authority, and of a known one for another name.
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
        // The server has not even seen a request.
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
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
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

    // Whether the certificate is trusted does not matter here.
    assert!(connect_to("localhost", port, &ClientTls::new()).is_err());
    let _ = server.join().expect("no panic");
    assert_eq!(*names.0.lock().expect("no panic"), ["localhost"]);
    Ok(())
}

#[test]
fn ends_that_do_not_understand_each_other_say_so() -> Result<(), Error> {
    // A client with TLS, a server without.
    let (address, server) = net::echo_once(Config::default());
    let port = address.rsplit(':').next().expect("a port").parse().expect("a port");
    let error = connect_to("localhost", port, &ClientTls::new()).expect_err("no TLS there");
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
    assert!(server.join().expect("no panic").is_err());

    // A client without, a server with.
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

// B9: as everywhere, no reset overtakes the last words.
#[test]
fn an_alert_arrives_although_more_was_sent() {
    let identity = Identity::new();
    let (port, server) = echo_once(identity.server());
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("a server");
    client.write_all(net::REQUEST).expect("written");
    // It has failed by now, most likely.
    thread::sleep(Duration::from_millis(50));
    client.write_all(&[0; 100_000]).expect("the server still reads");
    client.shutdown(Shutdown::Write).expect("open");
    let alert = read_all(&mut client);
    assert_eq!(alert.first(), Some(&21), "{alert:?}");
    assert!(matches!(server.join().expect("no panic"), Err(Error::Tls(_))));
}

// L16: one that is longer than what TLS keeps before its handshake is done.
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

// A read that brings a part of a record is a wait like any other.
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
    // A record that never ends, a byte at a time.
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
    // A39: a record that never ends, a byte at a time.
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
