//! A server on hyper that echoes, over HTTP/1.1 and HTTP/2, and a page that shows which connection its WebSocket uses.
//!
//! ```text
//! cargo run --release -p ws-tokio --features hyper --example hyper_upgrade [-- 127.0.0.1:8443 --tls CERT KEY]
//! ```
//!
//! Browsers speak HTTP/2 only over TLS. One that has loaded the page over HTTP/2 opens the WebSocket on the same
//! connection (RFC 8441).

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_tokio::{ServerOptions, Upgrade, UpgradeServer, WebSocket};

const USAGE: &str = "\
usage: hyper_upgrade [ADDRESS] [--tls CERT KEY]

Echoes at ADDRESS (default 127.0.0.1:8443), and serves a page that opens a WebSocket. The first
message, and /connection, name the version of HTTP and the number of the connection.
Ctrl-C closes all connections with 1001.
";

const PAGE: &str = "<!doctype html><title>WebSocket over HTTP/2</title>
<p>This page: <output id=page></output>
<p>Its WebSocket: <output id=socket></output>
<script>
    fetch('connection').then((answer) => answer.text()).then((text) => { page.value = text; });
    const ws = new WebSocket(new URL('echo', location.href.replace(/^http/, 'ws')));
    ws.onmessage = ({ data }) => { socket.value = data; };
</script>
";

/// Answers a request of the connection with this number.
async fn answer(
    mut request: Request<Incoming>,
    number: usize,
    server: UpgradeServer,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let connection = format!("{:?}, connection {number}", request.version());
    Ok(match request.uri().path() {
        "/" => {
            let mut page = Response::new(Full::from(PAGE));
            let html = http::HeaderValue::from_static("text/html; charset=utf-8");
            page.headers_mut().insert(http::header::CONTENT_TYPE, html);
            page
        }
        "/connection" => Response::new(connection.into()),
        "/echo" => match Upgrade::of(&mut request) {
            Ok(upgrade) => upgrade.run(&server, |ws| echo(ws, connection)),
            Err(refusal) => refusal.into(),
        },
        _ => {
            let mut missing = Response::new("no such page\n".into());
            *missing.status_mut() = StatusCode::NOT_FOUND;
            missing
        }
    })
}

async fn echo(mut ws: WebSocket, connection: String) {
    let mut answer = ws.send(connection).await;
    while answer.is_ok() {
        // An error or an end: nothing is left to do.
        let Ok(Some(message)) = ws.recv().await else { return };
        answer = ws.send(message).await;
    }
}

/// Serves one connection, in whichever version its client speaks.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    number: usize,
    server: UpgradeServer,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().enable_connect_protocol();
    let service = service_fn(move |request| answer(request, number, server.clone()));
    let io = TokioIo::new(stream);
    if let Err(error) = builder.serve_connection_with_upgrades(io, service).await {
        eprintln!("connection {number}: {error}");
    }
}

/// Reads a certificate chain and its key; offers both versions of HTTP.
fn tls(certificates: &str, key: &str) -> Result<TlsAcceptor, Failure> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificates)?.collect();
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(chain?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

#[tokio::main]
async fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let files = arguments.values::<2>("--tls")?;
    let address = arguments.word_if_any("ADDRESS")?.unwrap_or_else(|| "127.0.0.1:8443".to_owned());
    arguments.end()?;

    let acceptor = files.map(|[certificates, key]| tls(&certificates, &key)).transpose()?;
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let server = UpgradeServer::new(ServerOptions::new());
    let listener = TcpListener::bind(&address).await.map_err(cannot_listen(&address))?;
    println!("listening on {scheme}://{}/", listener.local_addr()?);
    let (stop, mut stopped) = oneshot::channel();
    on_ctrl_c(move || stop.send(()).unwrap_or_default())?;

    for number in 1.. {
        let tcp = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            _ = &mut stopped => break,
        };
        let (server, acceptor) = (server.clone(), acceptor.clone());
        tokio::spawn(async move {
            match acceptor {
                Some(acceptor) => match acceptor.accept(tcp).await {
                    Ok(stream) => serve(stream, number, server).await,
                    Err(error) => eprintln!("connection {number}: {error}"),
                },
                None => serve(tcp, number, server).await,
            }
        });
    }
    server.terminate(None).await;
    Ok(())
}
