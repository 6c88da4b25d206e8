//! Clients that were just accepted.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;
use ws_common::Error;
#[cfg(feature = "tls")]
use ws_common::adapter::tls::TlsState;
use ws_common::adapter::{Acceptor, Admission, Conversation, Permit, ProxyHeader, ProxyHeaderRead};
use wsproto::{Endpoint, Server, SessionError};

use crate::alarm::{Alarm, after};
use crate::carrier::Carrier;
use crate::io::Polled;
use crate::origin::{Carried, OriginParts};
use crate::websocket::{Transported, connection};

/// A client that was just accepted.
pub(crate) struct Newcomer {
    pub(crate) acceptor: Arc<Acceptor>,
    pub(crate) tcp: TcpStream,
    pub(crate) peer: Option<SocketAddr>,
    /// The origin of the connection's times.
    pub(crate) start: Instant,
}

/// A connection that is not carried yet, with its conversation.
pub(crate) type Begun = Arc<Carried<Server, TcpStream>>;

impl Newcomer {
    /// Carries the connection of an admitted client with the server's handler.
    pub(crate) fn serve(self, permit: Permit) -> impl Future<Output = ()> + Send {
        let (acceptor, peer) = (Arc::clone(&self.acceptor), self.peer);
        // Boxed, so that the task of an open connection reserves no memory for its opening.
        let begun = Box::pin(self.begin(permit));
        async move {
            match begun.await {
                Ok(Some((connection, permit))) => {
                    let conversation = Conversation::server(permit);
                    Carrier::with_handler(connection, conversation).await;
                }
                // A refused client is counted already.
                Ok(None) | Err(Error::Refused(_)) => {}
                Err(error) => acceptor.report(peer, &error),
            }
        }
    }

    /// Sends the response of a refused client.
    pub(crate) async fn refuse(self, endpoint: Endpoint<Server>) {
        if let Ok(connection) = self.connect(endpoint, None, false) {
            let conversation = Conversation::refused();
            Carrier::with_handler(connection, conversation).await;
        }
    }

    /// Begins the connection of an admitted client, once its proxy has named it. Returns `None` if the client
    /// sends nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`], once the client has its response; or as [`ProxyHeader::read`], or at the deadline.
    pub(crate) async fn begin(mut self, permit: Permit) -> Result<Option<(Begun, Permit)>, Error> {
        let endpoint = self.acceptor.endpoint(Duration::ZERO);
        let Some(header) = self.acceptor.proxy_header(self.peer) else {
            return Ok(Some((self.connect(endpoint, None, true)?, permit)));
        };
        let read = self.read_header(header, endpoint.deadline()).await?;
        let ProxyHeaderRead::Complete(client) = read else { return Ok(None) };
        let now = self.start.elapsed();
        match self.acceptor.admit_named(permit, now, client.or(self.peer)) {
            Admission::Admitted(permit) => {
                Ok(Some((self.connect(endpoint, client, true)?, permit)))
            }
            Admission::Refused(endpoint, reason) => {
                self.refuse(*endpoint).await;
                Err(Error::Refused(reason))
            }
            Admission::Dropped(reason) => Err(Error::Refused(reason)),
        }
    }

    /// Reads the header with which a proxy begins. A proxy that has sent nothing until the deadline counts as ended.
    async fn read_header(
        &mut self,
        mut header: ProxyHeader,
        deadline: Option<Duration>,
    ) -> Result<ProxyHeaderRead, Error> {
        let mut alarm = Alarm::default();
        poll_fn(|context| {
            let waker = context.waker().clone();
            let read = header.read(&mut &Polled::new(&mut self.tcp, &waker))?;
            if read != ProxyHeaderRead::Blocked {
                return Poll::Ready(Ok(read));
            }
            match alarm.poll(context, after(self.start, deadline)) {
                false => Poll::Pending,
                true if header.is_blank() => Poll::Ready(Ok(ProxyHeaderRead::Ended)),
                true => Poll::Ready(Err(SessionError::HandshakeTimeout.into())),
            }
        })
        .await
    }

    fn connect(
        self,
        endpoint: Endpoint<Server>,
        client: Option<SocketAddr>,
        tls: bool,
    ) -> io::Result<Begun> {
        let transported = Transported {
            stream: self.tcp,
            as_tcp: |tcp| Some(tcp),
            peer: self.peer,
            client,
            #[cfg(feature = "tls")]
            tls: match self.acceptor.server().options().tls.as_ref().filter(|_| tls) {
                Some(tls) => Some(TlsState::new(tls.begin()?.into())),
                None => None,
            },
        };
        #[cfg(not(feature = "tls"))]
        let _ = tls;
        let parts = OriginParts { acceptor: Some(self.acceptor), ..OriginParts::default() };
        Ok(connection(parts, self.start, endpoint, transported))
    }
}
