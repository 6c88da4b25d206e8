//! Raw peers of HTTP/2, for frames that neither hyper nor this crate sends: RST_STREAM and GOAWAY at any moment, and
//! windows that stay closed.

use std::sync::{Arc, Mutex};

use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::server::Connection;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, Response, Version};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{Notify, mpsc};
use tokio::task::yield_now;
use ws_tokio::wsproto::{CloseInfo, Config};
use ws_tokio::{Error, Upgrade, UpgradeServer, WebSocket};

use crate::support::url;

/// The default window of a stream, in bytes (RFC 9113 section 6.9.2).
pub(crate) const OPEN: u32 = 65_535;

const PIPE: usize = 16 << 10;

/// The error and the end that the owner of a connection has seen.
pub(crate) type End = (Option<Error>, CloseInfo);

/// The ends of a server's connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends(Arc<Mutex<Vec<End>>>);

impl Ends {
    pub(crate) fn take(&self) -> Vec<End> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().expect("no panic").is_empty()
    }

    /// Echoes, and records the end.
    async fn echo(self, mut ws: WebSocket) {
        let error = loop {
            match ws.recv().await {
                Ok(Some(message)) => drop(ws.send(message).await),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let end = ws.close_info().cloned().expect("an end");
        self.0.lock().expect("no panic").push((error, end));
    }
}

/// Serves a client's stream with hyper, and records the ends of its WebSockets.
pub(crate) fn host(server: &UpgradeServer, ends: &Ends) -> DuplexStream {
    let (client, stream) = duplex(PIPE);
    let (server, ends) = (server.clone(), ends.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (server, ends) = (server.clone(), ends.clone());
        async move {
            let upgrade = Upgrade::of(&mut request).expect("an opening handshake");
            let answer: Response<http_body_util::Full<Bytes>> =
                upgrade.run(&server, move |ws| ends.echo(ws));
            Ok::<_, std::io::Error>(answer)
        }
    });
    tokio::spawn(async move {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.enable_connect_protocol();
        // It fails if the client leaves.
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    });
    client
}

/// A client that sends requests as it is told.
pub(crate) async fn client(stream: DuplexStream, window: u32) -> SendRequest<Bytes> {
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window);
    let (sender, connection) = builder.handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    let sender = sender.ready().await.expect("HTTP/2");
    while !sender.is_extended_connect_protocol_enabled() {
        yield_now().await;
    }
    sender
}

/// Opens a WebSocket of the client.
pub(crate) async fn open(sender: &mut SendRequest<Bytes>) -> (SendStream<Bytes>, RecvStream) {
    let mut request = Request::new(());
    *request.method_mut() = Method::CONNECT;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = "http://example.com/chat".parse().expect("a URI");
    request.headers_mut().insert("sec-websocket-version", "13".parse().expect("a value"));
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    let (answer, sends) = sender.send_request(request, false).expect("a request");
    let answer = answer.await.expect("a response");
    assert_eq!(answer.status(), 200);
    (sends, answer.into_body())
}

/// An action of a [`server`].
pub(crate) type Act = Box<dyn FnOnce(&mut Connection<DuplexStream, Bytes>) + Send>;

/// The stream of a WebSocket, as a raw server has it.
pub(crate) type Accepted = (SendStream<Bytes>, RecvStream);

/// A server that accepts every WebSocket, and does with its connection as it is told.
pub(crate) struct Server {
    pub(crate) accepted: mpsc::UnboundedReceiver<Accepted>,
    pub(crate) tell: mpsc::UnboundedSender<Act>,
}

/// Starts a raw server. Returns the client's end of its stream.
pub(crate) fn server(window: u32) -> (DuplexStream, Server) {
    let (client, stream) = duplex(PIPE);
    let (accept, accepted) = mpsc::unbounded_channel();
    let (tell, mut told) = mpsc::unbounded_channel::<Act>();
    tokio::spawn(async move {
        let mut builder = h2::server::Builder::new();
        builder.enable_connect_protocol().initial_window_size(window);
        let mut connection = builder.handshake(stream).await.expect("HTTP/2");
        loop {
            tokio::select! {
                request = connection.accept() => {
                    let Some(Ok((request, mut answer))) = request else { break };
                    assert_eq!(request.method(), Method::CONNECT);
                    assert!(request.extensions().get::<Protocol>().is_some());
                    let sends = answer.send_response(Response::new(()), false).expect("open");
                    // The test may have ended.
                    let _ = accept.send((sends, request.into_body()));
                }
                Some(act) = told.recv() => act(&mut connection),
            }
        }
    });
    (client, Server { accepted, tell })
}

/// A pipe between a client and its server that sends a GOAWAY frame of the client when it is told (RFC 9113
/// section 6.8). The client sees nothing of it.
pub(crate) fn with_goaway(server: DuplexStream, reason: Reason, tell: Arc<Notify>) -> DuplexStream {
    const PREFACE: usize = 24;
    let (client, ours) = duplex(PIPE);
    let (mut from_client, mut to_client) = tokio::io::split(ours);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    tokio::spawn(async move {
        let mut preface = [0; PREFACE];
        from_client.read_exact(&mut preface).await?;
        to_server.write_all(&preface).await?;
        loop {
            let mut head = [0; 9];
            tokio::select! {
                // No part of a head is lost: the pipe takes it whole.
                read = from_client.read_exact(&mut head) => { read?; }
                () = tell.notified() => {
                    let mut frame = vec![0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                    frame.extend(u32::from(reason).to_be_bytes());
                    to_server.write_all(&frame).await?;
                    continue;
                }
            }
            let [a, b, c, ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            from_client.read_exact(&mut payload).await?;
            to_server.write_all(&[&head[..], &payload].concat()).await?;
        }
        #[expect(unreachable_code, reason = "it names the type of the errors")]
        Ok::<(), std::io::Error>(())
    });
    client
}

/// A masked frame with a key of zeros (RFC 6455 section 5.2).
pub(crate) fn masked(first: u8, payload: &[u8]) -> Bytes {
    let len = u8::try_from(payload.len()).expect("a short payload");
    [&[first, 0x80 | len, 0, 0, 0, 0], payload].concat().into()
}

/// Opens a WebSocket of this crate's client on a raw server.
pub(crate) async fn h2(stream: DuplexStream) -> ws_tokio::H2 {
    ws_tokio::H2::on(stream, url(), Config::new()).await.expect("HTTP/2")
}
