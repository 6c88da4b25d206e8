//! The TLS handshake of two ends in memory: ALPN, and a request that waits.

use std::io::Write;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::*;
use crate::{ClientTls, Error, ServerTls};

struct Ends {
    client: Connection,
    server: Connection,
}

/// Configurations that trust each other, and offer these protocols.
fn configs(client: &[&[u8]], server: &[&[u8]]) -> (ClientConfig, ServerConfig) {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let certificate = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a certificate");
    let provider = || Arc::new(ring::default_provider());
    let mut client_config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut server_config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key");
    let owned = |protocols: &[&[u8]]| protocols.iter().map(|name| name.to_vec()).collect();
    client_config.alpn_protocols = owned(client);
    server_config.alpn_protocols = owned(server);
    (client_config, server_config)
}

impl Ends {
    /// Moves bytes between both ends until neither has any to write.
    fn shake_hands(&mut self) -> io::Result<()> {
        while self.client.wants_write() || self.server.wants_write() {
            move_to(&mut self.client, &mut self.server)?;
            move_to(&mut self.server, &mut self.client)?;
        }
        Ok(())
    }
}

fn move_to(from: &mut Connection, to: &mut Connection) -> io::Result<()> {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire)?;
    }
    let mut rest = &wire[..];
    while !rest.is_empty() {
        to.read_tls(&mut rest)?;
        process(to)?;
    }
    Ok(())
}

#[test]
fn http_1_1_alone_is_offered_and_selected() {
    // T7
    let (client, server) = configs(&[b"h2", b"http/1.1"], &[b"h2", b"http/1.1"]);
    let (client, server) = (ClientTls::from(client), ServerTls::from(Arc::new(server)));
    let client = client.begin("localhost").expect("a name").into();
    let server = server.begin().expect("a configuration").into();
    let mut ends = Ends { client, server };
    ends.shake_hands().expect("both agree");
    assert_eq!(ends.client.alpn_protocol(), Some(HTTP_1_1));
    assert_eq!(ends.server.alpn_protocol(), Some(HTTP_1_1));
}

#[test]
fn without_protocols_none_is_negotiated() {
    let (client, server) = configs(&[], &[b"h2"]);
    let client = ClientTls::from(client).begin("localhost").expect("a name").into();
    let server = ServerTls::from(server).begin().expect("a configuration").into();
    let mut ends = Ends { client, server };
    ends.shake_hands().expect("there is nothing to disagree about");
    assert_eq!(ends.client.alpn_protocol(), None);
}

#[test]
fn a_peer_that_speaks_another_protocol_is_named_and_gets_no_request() {
    // T7: connections made without `ClientTls` and `ServerTls`.
    let (client, server) = configs(&[b"h2"], &[b"h2"]);
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(client), name).expect("a client").into();
    let server = ServerConnection::new(Arc::new(server)).expect("a server").into();
    let mut ends = Ends { client, server };
    ends.client.writer().write_all(b"GET / HTTP/1.1\r\n").expect("kept");
    let error = ends.shake_hands().expect_err("h2");
    assert!(error.to_string().contains("\"h2\""), "{error}");
    assert!(matches!(Error::from(error), Error::Tls(_)));
    assert!(!ends.client.wants_write(), "the request is gone");
}

#[test]
fn a_request_of_any_length_waits_for_the_handshake() {
    // L16
    let (client, server) = configs(&[], &[]);
    let client: Connection = ClientTls::from(client).begin("localhost").expect("a name").into();
    let server = ServerTls::from(server).begin().expect("a configuration").into();
    let mut ends = Ends { client, server };
    let request = vec![b'x'; 1 << 20];
    assert_eq!(ends.client.writer().write(&request).expect("kept"), request.len());
    move_to(&mut ends.client, &mut ends.server).expect("a hello");
    move_to(&mut ends.server, &mut ends.client).expect("an answer");
    assert!(ends.client.wants_write() && !ends.client.is_handshaking());
    // From here on, the usual limit applies.
    let mut wire = Vec::new();
    while ends.client.wants_write() {
        ends.client.write_tls(&mut wire).expect("written");
    }
    assert!(wire.len() > request.len());
    assert!(ends.client.writer().write(&request).expect("kept") <= BUFFER_LIMIT);
}
