//! Responses over HTTP/2 whose bodies have no end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use ws_tokio::wsproto::{Config, url::WsUrl};
use ws_tokio::{ClientOptions, Error, H2};

use crate::support::{PATIENCE, url};

/// A body that begins, and then waits.
struct Endless(Option<&'static str>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(begin) => Poll::Ready(Some(Ok(Frame::data(begin.into())))),
            None => Poll::Pending,
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let service = service_fn(async |request: Request<Incoming>| {
        let (status, body) = match request.uri().path() {
            "/old" => (307, Endless(Some("over there"))),
            "/new" => (200, Endless(None)),
            _ => (403, Endless(Some("not you, "))),
        };
        let response = Response::builder().status(status).header("Location", "/new");
        Ok::<_, Infallible>(response.body(body).expect("valid"))
    });
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let io = TokioIo::new(stream);
    // It fails if the client leaves.
    let _ = builder.enable_connect_protocol().serve_connection(io, service).await;
}

/// L8
#[tokio::test]
async fn a_redirect_is_followed_at_its_head() -> Result<(), Error> {
    let tcp = TcpListener::bind("127.0.0.1:0").await?;
    let url = WsUrl::parse(&format!("ws://{}", tcp.local_addr()?))?;
    tokio::spawn(async move { serve(tcp.accept().await.expect("a client").0).await });
    let options = ClientOptions::from(Config::new().handshake_timeout(None)).redirects(1);
    let h2 = H2::connect_with(url, options).await?;
    let ws = timeout(PATIENCE, h2.open_path("/old")).await.expect("only the head matters")?;
    assert!(ws.url().is_some_and(|url| url.resource_name() == "/new"));
    Ok(())
}

/// The refusal is told with the part of its body that has arrived in time, as over HTTP/1.1.
#[tokio::test(start_paused = true)]
async fn a_refusal_whose_body_has_no_end_is_told() -> Result<(), Error> {
    let (client, stream) = tokio::io::duplex(16 << 10);
    tokio::spawn(serve(stream));
    let h2 = H2::on(client, url(), Config::new()).await?;
    let start = Instant::now();
    let refused = h2.open_path("/").await;
    let Err(Error::Http(response)) = refused else { panic!("{refused:?}") };
    assert_eq!((response.status(), response.body_bytes()), (403, &b"not you, "[..]));
    assert_eq!(Some(start.elapsed()), Config::new().handshake_timeout, "on the clock of tokio");
    Ok(())
}
