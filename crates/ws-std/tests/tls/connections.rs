//! Connections between ends that trust each other.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{CloseFrame, Config};
use ws_std::{
    ClientOptions, Decision, Error, IncomingRequest, Message, Stream, accept_with, connect_with,
};

use crate::identity::Identity;
use crate::net::yes;
use crate::support::{connect_to, echo_once};

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
fn a_decision_knows_the_name_and_the_certificate_of_the_client() -> Result<(), Error> {
    // M1
    let (server, client) = (Identity::new(), Identity::new());
    let pem = |identity: &Identity| {
        CertificateDer::from_pem_file(&identity.certificate).expect("a certificate")
    };
    let key = |identity: &Identity| PrivateKeyDer::from_pem_file(&identity.key).expect("a key");
    let roots = |identity: &Identity| {
        let mut roots = RootCertStore::empty();
        roots.add(pem(identity)).expect("a certificate");
        Arc::new(roots)
    };
    let provider = || Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(&client), provider());
    let server_tls = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_client_cert_verifier(verifier.build().expect("roots"))
                .with_single_cert(vec![pem(&server)], key(&server))
        })
        .expect("a server");
    let client_tls = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_root_certificates(roots(&server))
                .with_client_auth_cert(vec![pem(&client)], key(&client))
        })
        .expect("a client");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let asked = thread::spawn(move || -> Result<_, Error> {
        let stream = Stream::accept_tls(&server_tls.into(), listener.accept()?.0)?;
        let mut asked = None;
        accept_with(stream, Config::default(), |request: &IncomingRequest| {
            asked = request.tls().cloned();
            Decision::decline()
        })?;
        Ok(asked.expect("TLS"))
    });
    let refused = connect_to("localhost", port, &client_tls.into());
    assert!(matches!(refused, Err(Error::Http(_))), "{refused:?}");
    let asked = asked.join().expect("no panic")?;
    assert_eq!(asked.server_name.as_deref(), Some("localhost"));
    assert_eq!(asked.peer_certificates, [pem(&client)]);
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
fn a_configuration_with_other_protocols_speaks_http() -> Result<(), Error> {
    // T7
    let identity = Identity::new();
    let provider = || Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(&identity.certificate)?;
    let certificate = CertificateDer::from_pem_slice(&pem).expect("a certificate");
    roots.add(certificate.clone()).expect("a certificate");
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
    let key = PrivateKeyDer::from_pem_slice(&std::fs::read(&identity.key)?).expect("a key");
    let mut server = ServerConfig::builder_with_provider(provider())
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
