//! A web server on hyper whose every path echoes, on streams in memory.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::{Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::runtime::Handle;
use ws_tokio::wsproto::handshake::ClientRequest;
use ws_tokio::wsproto::{Config, url::WsUrl};
use ws_tokio::{Error, H2, ServerOptions, Upgrade, UpgradeServer, WebSocket};

/// Nothing waits longer, except if it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The size of a stream in memory, in bytes: smaller than a window of HTTP/2.
const PIPE: usize = 16 << 10;

pub(crate) const URL: &str = "ws://example.com/chat?room=1";

/// The version of HTTP between a client and its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http {
    One,
    Two,
}

pub(crate) const BOTH: [Http; 2] = [Http::One, Http::Two];

pub(crate) fn server() -> UpgradeServer {
    UpgradeServer::new(ServerOptions::new())
}

pub(crate) fn request() -> ClientRequest {
    ClientRequest::parse(URL).expect("a URL")
}

pub(crate) fn url() -> WsUrl {
    WsUrl::parse(URL).expect("a URL")
}

/// Echoes until the connection is closed.
pub(crate) async fn echo(mut ws: WebSocket) {
    while let Ok(Some(message)) = ws.recv().await {
        if ws.send(message).await.is_err() {
            break;
        }
    }
}

async fn answer(
    server: UpgradeServer,
    mut request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let redirect =
        |to| Response::builder().status(307).header("Location", to).body(Full::default());
    match request.uri().path() {
        "/old" => return Ok(redirect("/older").expect("valid")),
        "/older" => return Ok(redirect("/chat?room=2").expect("valid")),
        "/away" => return Ok(redirect("ws://elsewhere.example/").expect("valid")),
        _ => {}
    }
    Ok(match Upgrade::of(&mut request) {
        Ok(upgrade) => upgrade.subprotocols(&["v2", "v1"]).run(&server, echo),
        Err(refusal) => refusal.into(),
    })
}

/// Serves one stream with hyper; returns the client's end.
pub(crate) fn host(server: &UpgradeServer, http: Http) -> DuplexStream {
    let (client, stream) = tokio::io::duplex(PIPE);
    serve(stream, server, http);
    client
}

/// Serves a client's stream with hyper.
pub(crate) fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    server: &UpgradeServer,
    http: Http,
) {
    let (io, server) = (TokioIo::new(stream), server.clone());
    let service = service_fn(move |request| answer(server.clone(), request));
    tokio::spawn(async move {
        // It fails if the client leaves.
        let _ = match http {
            Http::One => {
                let builder = hyper::server::conn::http1::Builder::new();
                builder.serve_connection(io, service).with_upgrades().await
            }
            Http::Two => {
                let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                builder.enable_connect_protocol().serve_connection(io, service).await
            }
        };
    });
}

/// Opens a connection of its own.
pub(crate) async fn open(
    server: &UpgradeServer,
    http: Http,
    request: ClientRequest,
    config: Config,
) -> Result<WebSocket, Error> {
    let stream = host(server, http);
    match http {
        Http::One => ws_tokio::client(stream, request, config).await,
        Http::Two => H2::on(stream, url(), config).await?.open(request).await,
    }
}

/// Sends a request as it is, and returns the response's head.
pub(crate) async fn send(
    server: &UpgradeServer,
    http: Http,
    request: Request<Empty<Bytes>>,
) -> Response<Incoming> {
    let io = TokioIo::new(host(server, http));
    match http {
        Http::One => {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(io).await.expect("HTTP/1.1");
            tokio::spawn(connection.with_upgrades());
            sender.send_request(request).await.expect("a response")
        }
        Http::Two => {
            let executor = TokioExecutor::new();
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(executor, io).await.expect("HTTP/2");
            tokio::spawn(connection);
            sender.send_request(request).await.expect("a response")
        }
    }
}

/// Returns how many tasks the runtime has.
pub(crate) fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until as many tasks are left as there were.
pub(crate) async fn tasks_end(before: usize) {
    let end = async {
        while tasks() > before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within("the end of all tasks", end).await;
}

/// Waits until a server has no connection.
pub(crate) async fn nothing_left(server: &UpgradeServer) {
    within("no connection", async {
        while server.stats().connections > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Waits for something, and panics with its name if it does not come in time.
pub(crate) async fn within<F: Future>(what: &str, wait: F) -> F::Output {
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what} in time"))
}
