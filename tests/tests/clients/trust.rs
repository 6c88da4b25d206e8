//! Trust between a client and a server.

use std::fs;
use std::sync::Arc;

use conformance::adapters::Adapter;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use ws_common::{ClientOptions, ClientTls};

use crate::identity::Identity;
use crate::support::{echo, greet};

pub(crate) fn a_pinned_certificate_is_trusted<C: Adapter>() {
    // M5
    let identity = Identity::new();
    let (_server, port, _requests) = echo(Some(identity.server()));
    // The name is not that of the certificate.
    let url = format!("wss://127.0.0.1:{port}/");
    let other = ClientTls::pinned(&"00".repeat(32)).expect("a fingerprint");
    let error = greet::<C>(&url, ClientOptions::new().tls(other)).expect_err("another one").error;
    let (_, found) = error.rsplit_once("fingerprint is ").expect("the error tells the fingerprint");
    let pinned = ClientTls::pinned(found).expect("a fingerprint");
    greet::<C>(&url, ClientOptions::new().tls(pinned)).expect("the pinned one");
}

pub(crate) fn a_client_shows_its_certificate<C: Adapter>() {
    // M5
    let (server, client) = (Identity::new(), Identity::new());
    let certificate = |identity: &Identity| {
        let pem = fs::read(&identity.certificate).expect("a file");
        CertificateDer::from_pem_slice(&pem).expect("a certificate")
    };
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&client)).expect("a certificate");
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(
            vec![certificate(&server)],
            PrivateKeyDer::from_pem_file(&server.key).expect("a key"),
        )
        .expect("a key");
    let (_server, port, _requests) = echo(Some(config.into()));
    let url = format!("wss://localhost:{port}/");
    greet::<C>(&url, ClientOptions::new().tls(server.client())).expect_err("no certificate");
    let with = server.client().client_certificate(&client.certificate, &client.key);
    greet::<C>(&url, ClientOptions::new().tls(with.expect("a key"))).expect("a certificate");
}
