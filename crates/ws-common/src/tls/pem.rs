//! Certificates and keys in PEM files.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).map_err(|error| in_file(path, &error))
}

pub(super) fn read_certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let pem = read(path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| in_file(path, &error))?;
    if certificates.is_empty() {
        return Err(in_file(path, &"no certificate"));
    }
    Ok(certificates)
}

pub(super) fn in_file(path: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{}: {error}", path.display()))
}

pub(super) fn read_key(path: &Path) -> io::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| match error {
        pem::Error::NoItemsFound => in_file(path, &"no private key"),
        error => in_file(path, &error),
    })
}
