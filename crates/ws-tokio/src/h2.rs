//! Clients over HTTP/2 (RFC 8441).

mod exchange;
mod settings;

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;
use ws_common::adapter::Target;
use ws_common::{Cancel, ClientOptions, Error};
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;
use wsproto::{Config, SessionError};

use exchange::{Answer, NoBody};
use settings::SettingsAck;

use crate::WebSocket;
use crate::dial::dial;

/// A client's connection of HTTP/2, on which any number of WebSockets are opened (RFC 8441). Clones refer to the same
/// connection, which lasts as long as they and the WebSockets do.
///
/// A server allows this by a setting, usually one of its first; most servers do not, and [`connect`](crate::connect),
/// over HTTP/1.1, is understood by all.
///
/// ```no_run
/// # async fn example() -> Result<(), ws_tokio::Error> {
/// let server = ws_tokio::H2::connect("wss://example.com").await?;
/// let mut chat = server.open_path("/chat").await?;
/// let mut news = server.open_path("/news").await?;
/// chat.send("Hello").await?;
/// println!("{:?}", news.recv().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct H2 {
    sender: SendRequest<NoBody>,
    /// Returns whether the server's settings allow WebSockets now. Only the connection of hyper tells it, and its type
    /// contains the stream's.
    allows: Arc<dyn Fn() -> bool + Send + Sync>,
    alive: Arc<Alive>,
    /// The URL of the server.
    url: WsUrl,
    config: Arc<Config>,
    /// How many redirects to follow for each WebSocket.
    redirects: u8,
}

/// What an [`H2`] and the streams of its WebSockets keep: the connection ends when it is dropped.
type Alive = oneshot::Sender<Infallible>;

impl H2 {
    /// Connects to the server of a `ws://` or `wss://` URL, with the default limits and deadlines of [`ClientOptions`];
    /// its path and query do not matter. TLS offers `h2` by ALPN (RFC 7301); without TLS, the server must expect HTTP/2
    /// (RFC 9113 section 3.3). Waits for the server's first settings; [`open`](Self::open) fails if they do not allow
    /// WebSockets.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] also if the server does not speak HTTP/2; [`Error::Url`], [`Error::Connect`] or [`Error::Io`] if
    /// the transport fails, or outside of a runtime of tokio; [`Error::Session`] if its settings do not arrive within
    /// [`Config::handshake_timeout`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so are its sockets.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(WsUrl::parse(url)?, ClientOptions::new()).await
    }

    /// Connects, as [`connect`](Self::connect) does, with options. The token of [`ClientOptions::cancel`] has no effect on
    /// the WebSockets that are opened later.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect); [`Error::Proxy`] if the proxy refuses the tunnel, and [`Error::Option`] for a proxy
    /// that speaks TLS; [`Error::Session`] of [`Abandoned`](SessionError::Abandoned) if the token was cancelled.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so are its sockets.
    pub async fn connect_with(
        url: WsUrl,
        options: impl Into<ClientOptions>,
    ) -> Result<Self, Error> {
        let options = options.into();
        if let Some(proxy) = options.proxy.for_url(&url).filter(|proxy| proxy.scheme() == "https") {
            let reason = format!("{} speaks TLS, which HTTP/2 is not carried over", proxy.host());
            return Err(Error::Option { option: "proxy", reason });
        }
        let target = Target::new(ClientRequest::new(url.clone()), options.clone())?;
        let tcp = dial(&Mutex::new(target)).await?.stream;
        // The frames of several WebSockets share it, and each write is whole.
        tcp.set_nodelay(true)?;
        let (config, cancel) = (Arc::clone(&options.config), options.cancel.clone());
        let begun = limited(&config, Self::begin(tcp, url, options, Arc::clone(&config)));
        unless_cancelled(cancel.as_ref(), begun).await
    }

    async fn begin(
        tcp: TcpStream,
        url: WsUrl,
        options: ClientOptions,
        config: Arc<Config>,
    ) -> Result<Self, Error> {
        #[cfg(feature = "tls")]
        if url.is_secure() {
            let tls = options.tls.unwrap_or_default();
            let name = options.server_name.as_deref().unwrap_or(url.host());
            let h2 = Self::handshake(secure(tcp, &tls, name).await?, url, config).await?;
            return Ok(Self { redirects: options.redirects, ..h2 });
        }
        let h2 = Self::handshake(tcp, url, config).await?;
        Ok(Self { redirects: options.redirects, ..h2 })
    }

    /// Begins HTTP/2 on a stream to the server of a URL; TLS for a `wss://` URL is the stream's.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the stream fails, the server does not speak HTTP/2, or outside of a runtime of tokio;
    /// [`Error::Session`] if the server's settings do not arrive within [`Config::handshake_timeout`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is the stream.
    pub async fn on<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        stream: S,
        url: WsUrl,
        config: impl Into<Arc<Config>>,
    ) -> Result<Self, Error> {
        let config = config.into();
        limited(&config.clone(), Self::handshake(stream, url, config)).await
    }

    async fn handshake<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        stream: S,
        url: WsUrl,
        config: Arc<Config>,
    ) -> Result<Self, Error> {
        let ack = SettingsAck::default();
        let io = TokioIo::new(ack.watch(stream));
        let mut builder = Builder::new(TokioExecutor::new());
        let (sender, mut connection) =
            builder.timer(TokioTimer::new()).handshake(io).await.map_err(io::Error::other)?;
        let mut written = pin!(ack.written());
        poll_fn(|context| match Pin::new(&mut connection).poll(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(io::Error::other(error).into())),
            Poll::Ready(Ok(())) => Poll::Ready(Err(Error::from(SessionError::EndOfInput))),
            Poll::Pending => written.as_mut().poll(context).map(Ok),
        })
        .await?;
        let running = Arc::new(Mutex::new(connection));
        // The task alone keeps the connection: it ends with that, also if the runtime shuts down.
        let asked = Arc::downgrade(&running);
        let (alive, dropped) = oneshot::channel();
        let running = poll_fn(move |context| {
            // Its error is that of the requests.
            Pin::new(&mut *running.lock()).poll(context).map(drop)
        });
        tokio::spawn(run(running, dropped, config.close_timeout));
        let allows = Arc::new(move || {
            let asked = asked.upgrade();
            asked.is_some_and(|running| running.lock().is_extended_connect_protocol_enabled())
        });
        Ok(Self { sender, allows, alive: Arc::new(alive), url, config, redirects: 0 })
    }

    /// Opens a WebSocket for a path, such as `/chat?room=1`, of the URL's server.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Error::Url`] for an invalid path.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the stream is reset.
    pub async fn open_path(&self, path: &str) -> Result<WebSocket, Error> {
        let (scheme, host) = (self.url.scheme(), self.url.host_header());
        let slash = if path.starts_with('/') { "" } else { "/" };
        self.open(ClientRequest::parse(&format!("{scheme}://{host}{slash}{path}"))?).await
    }

    /// Opens a WebSocket with a request. The server decides whether it serves the URL's host; scheme and TLS must be
    /// those of the connection. Follows [`ClientOptions::redirects`] to the same scheme, host and port, on this
    /// connection.
    ///
    /// # Errors
    ///
    /// [`Error::NoExtendedConnect`] if the server does not allow WebSockets, or not yet: no request was sent, and a later
    /// call can succeed, because a server may allow them at any time (RFC 8441 section 3). [`Error::Http`] for a status
    /// outside 200 to 299, other redirects included, with the part of its body that has arrived within
    /// [`Config::handshake_timeout`]; [`Error::InvalidAnswer`] for an invalid response; [`Error::Session`] for none within
    /// that time; [`Error::Io`] if the connection has ended, or outside of a runtime of tokio; [`Error::Option`] for a URL
    /// of the other scheme.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the stream is reset.
    pub async fn open(&self, mut request: ClientRequest) -> Result<WebSocket, Error> {
        let mut redirects = self.redirects;
        loop {
            let (head, mut answered) = match self.open_once(request.clone()).await? {
                Answer::Open(ws) => return Ok(*ws),
                Answer::Refused(head, answered) => (head, answered),
            };
            // For a redirect that is followed, only the head matters.
            if redirects > 0
                && let Some(next) = Target::next_on_same_origin(&request, &head)
            {
                (redirects, request) = (redirects - 1, next);
                continue;
            }
            let mut read = Vec::new();
            let body = answered.body_mut();
            let reading = exchange::read_body(body, self.config.max_body_size, &mut read);
            // A body without an end is cut when the time is over.
            let _ = limited(&self.config, async {
                reading.await;
                Ok(())
            })
            .await;
            return Err(Error::Http(Box::new(exchange::received(&answered, read)?)));
        }
    }

    async fn open_once(&self, request: ClientRequest) -> Result<Answer, Error> {
        if request.url().is_secure() != self.url.is_secure() {
            let (url, connected) = (request.url().scheme(), self.url.scheme());
            let reason = format!("{url}:// on a connection for {connected}://");
            return Err(Error::Option { option: "url", reason });
        }
        if !(self.allows)() && !self.is_closed() {
            return Err(Error::NoExtendedConnect);
        }
        let opening =
            exchange::open(self.sender.clone(), Arc::clone(&self.alive), request, &self.config);
        limited(&self.config, opening).await
    }

    /// Returns whether the connection has ended: [`open`](Self::open) then fails.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl fmt::Debug for H2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("H2").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Runs a connection until it ends: once it is not used any more, no longer than `limit`. hyper ends it then, but not while
/// a request waits that the server allows no stream for.
async fn run(
    connection: impl Future<Output = ()>,
    mut dropped: oneshot::Receiver<Infallible>,
    limit: Option<Duration>,
) {
    let mut connection = pin!(connection);
    let unused = poll_fn(|context| match connection.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(false),
        Poll::Pending => Pin::new(&mut dropped).poll(context).map(|_| true),
    });
    if unused.await {
        match limit {
            Some(limit) => drop(timeout(limit, connection).await),
            None => connection.await,
        }
    }
}

/// Limits an opening handshake by the configured time, in a runtime.
async fn limited<T>(
    config: &Config,
    opening: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    Handle::try_current().map_err(io::Error::other)?;
    match config.handshake_timeout {
        Some(limit) => timeout(limit, opening)
            .await
            .unwrap_or_else(|_| Err(SessionError::HandshakeTimeout.into())),
        None => opening.await,
    }
}

/// Gives up connecting when the token is cancelled.
async fn unless_cancelled<T>(
    cancel: Option<&Cancel>,
    connecting: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(cancel) = cancel else { return connecting.await };
    let (tell, told) = oneshot::channel();
    let _on_cancel = cancel.on_cancel(move || {
        // Fails if connecting has ended.
        let _ = tell.send(());
    });
    let (mut connecting, mut told) = (pin!(connecting), pin!(told));
    poll_fn(|context| match told.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(Err(SessionError::Abandoned.into())),
        Poll::Pending => connecting.as_mut().poll(context),
    })
    .await
}

/// Begins TLS with a server that must select HTTP/2.
#[cfg(feature = "tls")]
async fn secure(
    tcp: TcpStream,
    tls: &ws_common::ClientTls,
    name: &str,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static, Error> {
    use tokio_rustls::rustls::pki_types::ServerName;

    const HTTP_2: &[u8] = b"h2";

    let mut config = tls.config().as_ref().clone();
    config.alpn_protocols = vec![HTTP_2.to_vec()];
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, tcp).await.map_err(Error::Tls)?;
    match stream.get_ref().1.alpn_protocol() {
        Some(HTTP_2) => Ok(stream),
        _ => Err(Error::Tls(io::Error::other("the server has not selected HTTP/2"))),
    }
}
