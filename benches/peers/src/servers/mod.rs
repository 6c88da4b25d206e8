//! Servers that echo, one for each implementation. All run on as many threads as they are told, except for
//! tungstenite and `ws-std`, which block and have a thread for each connection, and [`OWN_LOOP`].

mod bare;
#[cfg(feature = "deflate")]
pub mod compressing;
mod fastwebsockets;
mod handlers;
mod own_loop;
pub mod publishing;
mod sockudo;
mod tokio_tungstenite;
mod tokio_websockets;
mod tungstenite;
mod ws_mio;
mod ws_std;
mod ws_tokio;
mod yawc;

use std::future::Future;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use ::ws_std::{ServerOptions, ServerTls};
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

/// Serves until the process ends; returns only if it cannot begin.
pub type Serve = fn(Start) -> io::Result<()>;

/// All of them, by name.
pub const ALL: [(&str, Serve); 12] = [
    ("ws-mio", ws_mio::serve),
    (OWN_LOOP, own_loop::serve),
    ("ws-std", ws_std::serve),
    ("ws-tokio", ws_tokio::serve),
    ("ws-tokio-async", ws_tokio::serve_async),
    (BARE, bare::serve),
    ("tungstenite", tungstenite::serve),
    ("tokio-tungstenite", tokio_tungstenite::serve),
    ("fastwebsockets", fastwebsockets::serve),
    ("tokio-websockets", tokio_websockets::serve),
    ("yawc", yawc::serve),
    ("sockudo-ws", sockudo::serve),
];

/// Those that can speak TLS here. All of them do it with the same rustls.
pub const OVER_TLS: [&str; 7] = [
    "ws-mio",
    "ws-std",
    "ws-tokio",
    "ws-tokio-async",
    "tokio-tungstenite",
    "fastwebsockets",
    "tokio-websockets",
];

/// A loop that looks at each of its connections in turn, so not one for thousands of them, and on one thread only.
pub const OWN_LOOP: &str = "own-loop";

/// The bound, which knows no Close.
pub const BARE: &str = "bare-epoll";

/// Returns whether the server has a thread for each connection, however many it is told to have.
#[must_use]
pub fn with_thread_each(name: &str) -> bool {
    matches!(name, "ws-std" | "tungstenite")
}

/// The largest message that has to be echoed.
const LIMIT: usize = 64 << 20;

/// The address and the threads of a server.
#[derive(Clone, Debug)]
pub struct Start {
    /// The address to listen on.
    pub address: SocketAddr,
    /// How many threads serve.
    pub threads: usize,
    /// Files with a certificate and its key, for TLS.
    pub tls: Option<[String; 2]>,
}

impl Start {
    /// Begins to listen, and says where.
    fn listen(&self) -> io::Result<TcpListener> {
        let listener = TcpListener::bind(self.address)?;
        announce(listener.local_addr()?)?;
        Ok(listener)
    }

    /// Returns a runtime of tokio with these threads.
    fn runtime(&self) -> io::Result<Runtime> {
        let mut builder = match self.threads {
            1 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        builder.worker_threads(self.threads).enable_all().build()
    }

    /// Returns the options of servers of ours. Their sockets hold as much as those of the others.
    fn options(&self) -> io::Result<ServerOptions> {
        let options = ServerOptions::new().max_message_size(LIMIT as u64).max_unsent(None);
        Ok(match &self.tls {
            Some([certificate, key]) => options.tls(ServerTls::from_pem_files(certificate, key)?),
            None => options,
        })
    }

    /// Returns what begins TLS in servers on tokio of others, with what rustls does by default.
    fn acceptor(&self) -> io::Result<Option<TlsAcceptor>> {
        let Some([certificate, key]) = &self.tls else { return Ok(None) };
        let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
        let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(chain.map_err(io::Error::other)?, key);
        Ok(Some(Arc::new(config.map_err(io::Error::other)?).into()))
    }
}

/// Says where a server listens.
fn announce(address: SocketAddr) -> io::Result<()> {
    println!("listening on {address}");
    io::stdout().flush()
}

/// Returns the server of that name.
#[must_use]
pub fn find(name: &str) -> Option<Serve> {
    let mut all = ALL.iter();
    let found = all.find(|(known, _)| *known == name).map(|(_, serve)| *serve);
    #[cfg(feature = "deflate")]
    let found = found.or_else(|| compressing::find(name));
    found.or_else(|| publishing::find(name))
}

/// Starts a task with `converse` for each connection.
fn with_tasks<F: Future<Output = ()> + Send + 'static>(
    start: Start,
    converse: fn(TcpStream) -> F,
) -> io::Result<()> {
    with_tasks_sharing(start, (), move |stream, ()| converse(stream))
}

/// Starts a task with `converse` for each connection, and gives each a clone of `shared`.
fn with_tasks_sharing<T: Clone, F: Future<Output = ()> + Send + 'static>(
    start: Start,
    shared: T,
    converse: impl Fn(TcpStream, T) -> F,
) -> io::Result<()> {
    accept_all(start, move |stream, _| drop(tokio::spawn(converse(stream, shared.clone()))))
}

/// As [`with_tasks`], or with `over_tls` if there is a certificate.
fn with_tasks_or_tls<F, G>(
    start: Start,
    converse: fn(TcpStream) -> F,
    over_tls: fn(TlsStream<TcpStream>) -> G,
) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
    G: Future<Output = ()> + Send + 'static,
{
    accept_all(start, move |stream, tls| {
        let Some(tls) = tls else { return drop(tokio::spawn(converse(stream))) };
        let accepted = tls.accept(stream);
        drop(tokio::spawn(async move {
            if let Ok(stream) = accepted.await {
                over_tls(stream).await;
            }
        }));
    })
}

fn accept_all(start: Start, spawn: impl Fn(TcpStream, Option<&TlsAcceptor>)) -> io::Result<()> {
    let acceptor = start.acceptor()?;
    let listener = start.listen()?;
    listener.set_nonblocking(true)?;
    start.runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            spawn(stream, acceptor.as_ref());
        }
    })
}

/// Sends back each message for which `is_data`, and flushes it.
async fn echo<M, E>(
    mut socket: impl Stream<Item = Result<M, E>> + Sink<M> + Unpin,
    is_data: fn(&M) -> bool,
) {
    while let Some(Ok(message)) = socket.next().await {
        if is_data(&message) && socket.send(message).await.is_err() {
            return;
        }
    }
}
