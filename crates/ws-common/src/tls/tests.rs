//! Trust, client certificates, and ALPN of `ClientTls`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use rustls::server::WebPkiClientVerifier;

use super::*;
use crate::adapter::tls::TlsState;

/// A certificate and its key in files.
struct Identity {
    folder: PathBuf,
    made: rcgen::CertifiedKey<rcgen::KeyPair>,
}

impl Identity {
    fn new(name: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("ws-common-tls-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let made = rcgen::generate_simple_self_signed([name.into()]).expect("a certificate");
        let identity = Self { folder, made };
        fs::write(identity.certificate(), identity.made.cert.pem()).expect("written");
        fs::write(identity.key(), identity.made.signing_key.serialize_pem()).expect("written");
        identity
    }

    fn certificate(&self) -> PathBuf {
        self.folder.join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    fn fingerprint(&self) -> String {
        let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().expect("TLS 1.3");
        let hash = suite.common.hash_provider.hash(self.made.cert.der());
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn server(&self) -> ServerTls {
        ServerTls::from_pem_files(self.certificate(), self.key()).expect("a certificate")
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        // A leftover in the temporary folder is harmless.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Lets both ends shake hands. Returns the error of either.
fn shake_hands(client: &ClientTls, host: &str, server: &ServerTls) -> io::Result<()> {
    let mut client = TlsState::new(client.begin(host)?.into());
    let mut server = TlsState::new(server.begin()?.into());
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let mut plaintext = [0; 16];
    client.flush(&mut to_server)?;
    while !to_server.is_empty() || !to_client.is_empty() {
        let (input, mut output) = (std::mem::take(&mut to_server), Vec::new());
        let mut input = &input[..];
        while !input.is_empty() {
            server.receive(&mut input, &mut output)?;
        }
        server.read(&mut plaintext)?;
        to_client.append(&mut output);
        let input = std::mem::take(&mut to_client);
        let mut input = &input[..];
        while !input.is_empty() {
            client.receive(&mut input, &mut to_server)?;
        }
        client.read(&mut plaintext)?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}

#[test]
fn a_pinned_certificate_is_known_by_its_fingerprint() {
    // M5
    let (identity, other) = (Identity::new("a.example"), Identity::new("a.example"));
    let hex = identity.fingerprint();
    let pairs: Vec<_> = hex.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
    let colons = pairs.join(":");
    let printed = format!("sha256 Fingerprint={}\n", colons.to_uppercase());
    for text in [hex.clone(), hex.to_uppercase(), colons, printed.replace("sha", "SHA"), printed] {
        let client = ClientTls::pinned(&text).expect("a fingerprint");
        // The name does not matter.
        shake_hands(&client, "b.example", &identity.server()).expect("the pinned one");
        let error = shake_hands(&client, "a.example", &other.server()).expect_err("another one");
        let shown = error.to_string().to_lowercase().replace(':', "");
        assert!(shown.contains(&other.fingerprint()), "{error}");
        assert!(error.to_string().starts_with("the server's certificate is not"), "{error}");
        assert!(is_tls(&error), "{error:?}");
    }
    let long = format!("{hex}00");
    let (first, rest) = hex.split_at(2);
    let uneven = format!("{first}:{rest}");
    let sha1 = format!("sha1 Fingerprint={hex}");
    for text in ["", "ab", rest, &long, &uneven, &sha1, &"zz".repeat(32), &"é".repeat(32)] {
        let error = ClientTls::pinned(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
    }
}

#[test]
fn a_client_shows_its_certificate_to_a_server_that_asks() {
    // M5
    let (identity, client) = (Identity::new("server.example"), Identity::new("client.example"));
    let mut roots = RootCertStore::empty();
    roots.add(client.made.cert.der().clone()).expect("a certificate");
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let key = read_key(&identity.key()).expect("a key");
    let server: ServerTls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(vec![identity.made.cert.der().clone()], key)
        .expect("a key")
        .into();
    let plain = || ClientTls::from_pem_file(identity.certificate()).expect("a certificate");
    assert!(!plain().has_certificate());
    shake_hands(&plain(), "server.example", &server).expect_err("no certificate");
    let with = plain().client_certificate(client.certificate(), client.key()).expect("a key");
    assert!(with.has_certificate());
    shake_hands(&with, "server.example", &server).expect("a certificate");
    // A server that refuses one says so of the client's.
    let other = Identity::new("client.example");
    let mut params = rcgen::CertificateParams::new(["client.example".into()]).expect("a name");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&other.made.signing_key).expect("a certificate");
    let files = [other.certificate(), other.folder.join("ca.pem")];
    fs::write(&files[1], authority.pem()).expect("written");
    let reasons =
        ["no authority of the server's client verifier", "the client shows a CA certificate"];
    for (file, reason) in files.iter().zip(reasons) {
        let client = plain().client_certificate(file, other.key()).expect("a key");
        let error = shake_hands(&client, "server.example", &server).expect_err(reason);
        assert!(error.to_string().contains(reason), "{error}");
    }
    // The error names the fault of the files.
    let error = plain().client_certificate(client.certificate(), identity.key()).expect_err("keys");
    assert!(error.to_string().contains("key.pem"), "{error}");
    let error = plain().client_certificate(client.key(), client.key()).expect_err("no certificate");
    assert!(error.to_string().contains("no certificate"), "{error}");
    let error = plain().client_certificate("/missing.pem", client.key()).expect_err("no file");
    assert!(error.to_string().contains("/missing.pem"), "{error}");
}

#[test]
fn clients_offer_http_1_1() {
    // M5
    let identity = Identity::new("a.example");
    let made = [
        ClientTls::new(),
        ClientTls::from_pem_file(identity.certificate()).expect("a certificate"),
        ClientTls::pinned(&identity.fingerprint()).expect("a fingerprint"),
    ];
    for client in made {
        assert_eq!(client.config.alpn_protocols, [HTTP_1_1]);
        let shown = client.client_certificate(identity.certificate(), identity.key());
        assert_eq!(shown.expect("a key").config.alpn_protocols, [HTTP_1_1]);
    }
    // A server without ALPN of its own agrees.
    let client = ClientTls::from_pem_file(identity.certificate()).expect("a certificate");
    shake_hands(&client, "a.example", &identity.server()).expect("no protocol");
}

/// Only for [`the_authorities_of_the_system_are_those_of_ssl_cert_file`]: the environment of a test cannot be
/// changed while others run.
#[cfg(feature = "system-roots")]
#[test]
#[ignore = "run by another test, in a process of its own"]
fn with_the_environment_of_another_test() {
    let Some(key) = env::var_os("WS_TEST_KEY") else {
        let error = ClientTls::system().expect_err("no certificate");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("missing.pem"), "{error}");
        return;
    };
    let certificate = env::var_os("SSL_CERT_FILE").expect("a file");
    let server = ServerTls::from_pem_files(certificate, key).expect("a certificate");
    let client = ClientTls::system().expect("authorities");
    shake_hands(&client, "a.example", &server).expect("trusted");
    shake_hands(&ClientTls::new(), "a.example", &server).expect_err("not by others");
}

#[cfg(feature = "system-roots")]
#[test]
fn the_authorities_of_the_system_are_those_of_ssl_cert_file() {
    // M5
    let identity = Identity::new("a.example");
    let run = |file: PathBuf, key: Option<PathBuf>| {
        let mut command = process::Command::new(env::current_exe().expect("a test"));
        command
            .args(["--exact", "tls::tests::with_the_environment_of_another_test", "--ignored"])
            .env_remove("SSL_CERT_DIR")
            .env("SSL_CERT_FILE", file)
            .envs(key.map(|key| ("WS_TEST_KEY", key)));
        let output = command.output().expect("a process");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && shown.contains("1 passed"), "{shown}");
    };
    run(identity.certificate(), Some(identity.key()));
    run(identity.folder.join("missing.pem"), None);
}
