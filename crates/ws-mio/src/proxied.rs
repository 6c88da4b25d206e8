//! Connections of proxies, which begin with a header that names the client.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use mio::net::TcpStream;
use parking_lot::{Mutex, MutexGuard};
use ws_common::Error;
use ws_common::adapter::{Acceptor, Admission, Conversation, Link, ProxyHeader, ProxyHeaderRead};
use wsproto::{Endpoint, Server, SessionError};

use crate::Stream;
use crate::dial::Dialed;

/// A connection that a listener has accepted from a proxy. Until its header has arrived, the connection has no
/// transport, like a client's connection that is being dialed.
pub(crate) struct Proxied {
    /// `None` once the header has arrived, or the connection is given up.
    waiting: Mutex<Option<Waiting>>,
    client: OnceLock<SocketAddr>,
}

struct Waiting {
    tcp: TcpStream,
    /// The address that accepting returned: once the peer is gone, the socket does not know it any more.
    peer: Option<SocketAddr>,
    header: ProxyHeader,
    endpoint: Endpoint<Server>,
}

impl Proxied {
    pub(crate) fn new(
        tcp: TcpStream,
        peer: Option<SocketAddr>,
        header: ProxyHeader,
        endpoint: Endpoint<Server>,
    ) -> Self {
        let waiting = Mutex::new(Some(Waiting { tcp, peer, header, endpoint }));
        Self { waiting, client: OnceLock::new() }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock()
    }

    /// Reads the header. Returns the link once the header has arrived, as [`Origin::dial`] does.
    ///
    /// [`Origin::dial`]: crate::origin::Origin::dial
    pub(crate) fn read(
        &self,
        acceptor: &Acceptor,
        now: Duration,
        conversation: &mut Conversation,
    ) -> Result<Option<Dialed<Server>>, Option<Error>> {
        let mut waiting = self.waiting();
        let Some(Waiting { tcp, peer, header, endpoint }) = &mut *waiting else {
            return Err(None);
        };
        let client = match header.read(tcp)? {
            ProxyHeaderRead::Complete(client) => client,
            ProxyHeaderRead::Ended => return Err(None),
            ProxyHeaderRead::Blocked => {
                return match endpoint.deadline() {
                    Some(deadline) if deadline <= now && header.is_blank() => Err(None),
                    Some(deadline) if deadline <= now => {
                        Err(Some(SessionError::HandshakeTimeout.into()))
                    }
                    _ => Ok(None),
                };
            }
        };
        let peer = *peer;
        let (Some(permit), Some(waiting)) = (conversation.take_permit(), waiting.take()) else {
            return Err(None);
        };
        let endpoint = match acceptor.admit_named(permit, now, client.or(peer)) {
            Admission::Admitted(permit) => {
                *conversation = Conversation::server(permit);
                waiting.endpoint
            }
            Admission::Refused(endpoint, _) => {
                *conversation = Conversation::refused();
                *endpoint
            }
            Admission::Dropped(_) => return Err(None),
        };
        if let Some(client) = client {
            // Set once: the header arrives once.
            let _ = self.client.set(client);
        }
        let stream = Stream::accepted(acceptor, waiting.tcp).map_err(Error::from)?;
        Ok(Some((Link::new(endpoint, stream), peer)))
    }

    /// Returns the address of the client that the header has named.
    pub(crate) fn client(&self) -> Option<SocketAddr> {
        self.client.get().copied()
    }

    /// Returns the time by which the header must have arrived.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.waiting().as_ref()?.endpoint.deadline()
    }

    /// Gives the connection up.
    pub(crate) fn stop(&self) {
        let waiting = self.waiting().take();
        drop(waiting);
    }
}
