//! A server's identity: a new certificate for every test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use ws_common::{ClientTls, ServerTls};

/// A certificate for `localhost` and its key, in files.
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Identity {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("ws-tls-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
        let identity = Self { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
        fs::write(&identity.certificate, made.cert.pem()).expect("written");
        fs::write(&identity.key, made.signing_key.serialize_pem()).expect("written");
        identity
    }

    pub(crate) fn server(&self) -> ServerTls {
        ServerTls::from_pem_files(&self.certificate, &self.key).expect("a certificate and its key")
    }

    pub(crate) fn client(&self) -> ClientTls {
        ClientTls::from_pem_file(&self.certificate).expect("a certificate")
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        // A leftover in the temporary folder is harmless.
        let _ = self.certificate.parent().map(fs::remove_dir_all);
    }
}
