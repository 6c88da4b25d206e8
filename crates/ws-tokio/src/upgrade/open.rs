//! Connections whose streams a web server hands over.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use ws_common::Error;
use ws_common::adapter::{Acceptor, Conversation, Hosted};
use wsproto::{Endpoint, Server, SessionError};

use super::UpgradeServer;
use crate::WebSocket;
use crate::io::{AsTcp, AsyncStream};
use crate::origin::OriginParts;
use crate::pieces::Pieces;
use crate::websocket::{Transported, connection};

type Opened = Pin<Box<dyn Future<Output = Result<WebSocket, Error>> + Send>>;

/// A connection that opens once the web server has sent its answer and handed over the stream. Dropping it ends the
/// connection.
///
/// Its error is [`Error::Io`] if the web server hands over no stream, or outside of a runtime of tokio, and
/// [`Error::Session`] if it does not within [`Config::handshake_timeout`](wsproto::Config::handshake_timeout).
#[must_use = "a future does nothing unless it is polled"]
pub struct Upgrading(Opened);

impl Upgrading {
    pub(super) fn new(
        hosted: Hosted,
        on_upgrade: OnUpgrade,
        peer: Option<SocketAddr>,
        server: &UpgradeServer,
    ) -> Self {
        let acceptor = Arc::clone(server.acceptor());
        Self(Box::pin(async move {
            let opened = open(hosted, on_upgrade, peer, Arc::clone(&acceptor)).await;
            if let Err(error) = &opened {
                acceptor.report(peer, error);
            }
            opened
        }))
    }
}

impl Future for Upgrading {
    type Output = Result<WebSocket, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Upgrading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrading").finish_non_exhaustive()
    }
}

async fn open(
    hosted: Hosted,
    on_upgrade: OnUpgrade,
    peer: Option<SocketAddr>,
    acceptor: Arc<Acceptor>,
) -> Result<WebSocket, Error> {
    Handle::try_current().map_err(io::Error::other)?;
    let limit = acceptor.server().options().config.handshake_timeout;
    let upgraded = match limit {
        Some(limit) => timeout(limit, on_upgrade)
            .await
            .map_err(|_| Error::from(SessionError::HandshakeTimeout))?,
        None => on_upgrade.await,
    };
    let upgraded = upgraded.map_err(io::Error::other)?;
    let endpoint = hosted.endpoint(Duration::ZERO);
    let begun = Begun { hosted, endpoint, peer, acceptor };
    // A socket is used directly: its options are set, and nothing lies between.
    let mut ws = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            let mut ahead = parts.read_buf.to_vec();
            begun.on(parts.io.into_inner(), |tcp| Some(tcp), &mut ahead)?
        }
        Err(upgraded) => {
            begun.on(Pieces::new(TokioIo::<Upgraded>::new(upgraded)), |_| None, &mut [])?
        }
    };
    ws.open().await?;
    Ok(ws)
}

/// A connection that waits for its stream.
struct Begun {
    hosted: Hosted,
    endpoint: Endpoint<Server>,
    peer: Option<SocketAddr>,
    acceptor: Arc<Acceptor>,
}

impl Begun {
    /// Begins on a stream, of which the web server has read these bytes already.
    fn on<S: AsyncStream>(
        mut self,
        stream: S,
        as_tcp: AsTcp<S>,
        ahead: &mut [u8],
    ) -> Result<WebSocket, Error> {
        self.endpoint.defer_input(&mut &mut ahead[..]);
        let Hosted { permit, request, .. } = self.hosted;
        let transported = Transported {
            as_tcp,
            peer: self.peer,
            client: request.client_addr(),
            ..Transported::unknown(stream)
        };
        let parts = OriginParts { acceptor: Some(self.acceptor), ..OriginParts::default() };
        let connection = connection(parts, Instant::now(), self.endpoint, transported);
        connection.log_request(&request);
        WebSocket::begin(connection, Conversation::server(permit), None)
    }
}
