//! The common part of the programs: an address, a listener, and TLS where the implementation has none of its own.

use std::error::Error;
use std::net::TcpListener;
use std::{env, io};

/// How a program ends.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Listens on the address in the command line, and says where.
///
/// # Errors
///
/// [`io::Error`] if it cannot listen there.
pub fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind(env::args().nth(1).unwrap_or_default())?;
    println!("listening on {}", listener.local_addr()?);
    Ok(listener)
}

/// Returns the paths of certificate and key in the command line.
#[must_use]
pub fn certificate() -> [String; 2] {
    [2, 3].map(|at| env::args().nth(at).unwrap_or_default())
}

/// Returns a server's configuration with that certificate.
///
/// # Errors
///
/// If there is none.
#[cfg(any(feature = "rustls", feature = "tokio-rustls"))]
pub fn tls() -> Result<std::sync::Arc<rustls::ServerConfig>, Box<dyn Error>> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let [chain, key] = certificate();
    let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    Ok(config.with_single_cert(chain, key)?.into())
}

#[cfg(feature = "tokio-rustls")]
use tokio_rustls::rustls;

/// Starts a task with `converse` for each connection.
///
/// # Errors
///
/// If it cannot listen, or has no certificate.
#[cfg(feature = "tokio")]
pub fn with_tasks<F: Future<Output = Option<()>> + Send + 'static>(
    converse: fn(Stream) -> F,
) -> Outcome {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    #[cfg(feature = "tokio-rustls")]
    let acceptor = tokio_rustls::TlsAcceptor::from(tls()?);
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            #[cfg(feature = "tokio-rustls")]
            let accepted = acceptor.accept(stream);
            #[cfg(not(feature = "tokio-rustls"))]
            let accepted = std::future::ready(io::Result::Ok(stream));
            tokio::spawn(async move { converse(accepted.await.ok()?).await });
        }
    })
}

/// Returns a runtime on this thread.
///
/// # Errors
///
/// [`io::Error`] of the system.
#[cfg(feature = "tokio")]
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// The stream of a connection.
#[cfg(all(feature = "tokio", not(feature = "tokio-rustls")))]
pub type Stream = tokio::net::TcpStream;

/// The stream of a connection.
#[cfg(feature = "tokio-rustls")]
pub type Stream = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
