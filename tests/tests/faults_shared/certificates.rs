//! The TLS of a client, as a decision knows it.

use std::io::{Read, Write};
use std::sync::{Arc, mpsc};

use conformance::adapters::Adapter;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, StreamOwned};
use ws_common::{
    ClientOptions, Decision, Error, IncomingRequest, ServerHandle, ServerHandler, ServerOptions,
    TlsInfo,
};
use wsproto::handshake::{ClientRequest, Response};

use crate::identity::Identity;
use crate::support::{LONG, Peer, address, end};

/// Reports the TLS of each request.
struct Asked(mpsc::Sender<(&'static str, Option<TlsInfo>)>);

impl Asked {
    fn report(&self, call: &'static str, request: &IncomingRequest) {
        self.0.send((call, request.tls().cloned())).expect("the test waits");
    }
}

impl ServerHandler for Asked {
    type Handler = ();

    fn on_connection(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<()> {
        self.report("on_connection", request);
        Decision::decline()
    }

    fn on_request(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<()> {
        self.report("on_request", request);
        Decision::respond(Response::text(200, "well\n"))
    }
}

// M1
pub(crate) fn a_decision_knows_the_name_and_the_certificates<S: Adapter>() {
    let (server, client) = (Identity::new(), Identity::new());
    let certificate = |identity: &Identity| {
        CertificateDer::from_pem_file(&identity.certificate).expect("a certificate")
    };
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&client)).expect("a certificate");
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let key = PrivateKeyDer::from_pem_file(&server.key).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(vec![certificate(&server)], key)
        .expect("a key");
    let (to, asked) = mpsc::channel();
    let running = S::serve(ServerOptions::new().tls(config.into()), Asked(to)).expect("a port");
    let to = address(&running);
    let tls = server.client().client_certificate(&client.certificate, &client.key).expect("a key");

    let request = ClientRequest::parse(&format!("wss://localhost:{}/", to.port())).expect("a URL");
    let refused = ws_std::connect_with(request, ClientOptions::new().tls(tls.clone()));
    assert!(matches!(refused, Err(Error::Http(_))), "{refused:?}");
    let begun = tls.begin("localhost").expect("a name");
    let mut stream = StreamOwned::new(begun, Peer::connect(to).0);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("a server");
    stream.read_exact(&mut [0; 12]).expect("an answer");

    for call in ["on_connection", "on_request"] {
        let (called, tls) = asked.recv_timeout(LONG).expect("it is asked");
        let tls = tls.expect("TLS");
        assert_eq!((called, tls.server_name.as_deref()), (call, Some("localhost")));
        assert_eq!(tls.peer_certificates, [certificate(&client)]);
    }
    end(running);
}
