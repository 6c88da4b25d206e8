//! Certificates: trust, names, files, and the errors about them.

use std::sync::{Arc, Mutex};

use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use ws_std::{ClientTls, Error, ServerTls, connect};

use crate::identity::Identity;
use crate::support::{connect_to, echo_once};

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
    let error = ServerTls::from_pem_files(certificate, certificate).expect_err("no key");
    assert!(error.to_string().ends_with(": no private key"), "{error}");
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
fn a_host_that_no_certificate_can_be_for_is_an_error_of_the_url() {
    // T4
    let label = "a".repeat(64);
    for host in ["a..b", "127.1", &label] {
        let error = connect(&format!("wss://{host}/")).expect_err("no name");
        assert!(matches!(error, Error::Url(_)), "{error:?}");
        assert!(error.to_string().contains(host), "{error}");
    }
}
