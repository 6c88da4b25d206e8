//! Connections of proxies, which begin with a header that names the client.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use mio::net::TcpStream;
use ws_common::Error;
use ws_common::adapter::{
    Acceptor, Admission, Conversation, Driver, Held, Link, ProxyHeader, ProxyHeaderRead, Traffic,
};
use wsproto::{Endpoint, Server, SessionError};

use crate::Stream;
use crate::dial::{DialContext, Dialed};
use crate::origin::{LoopServer, Origin, notify};
use crate::shared::Shared;

/// The origin of a connection that a listener has accepted from a proxy. Until its header has arrived, the
/// connection has no transport, as a client's that is dialed.
pub(crate) struct Proxied {
    server: Arc<LoopServer>,
    /// `None` once the header has arrived, or the connection is given up.
    waiting: Mutex<Option<Waiting>>,
    client: OnceLock<SocketAddr>,
}

struct Waiting {
    tcp: TcpStream,
    header: ProxyHeader,
    endpoint: Endpoint<Server>,
}

impl Proxied {
    pub(crate) fn new(
        server: &Arc<LoopServer>,
        tcp: TcpStream,
        header: ProxyHeader,
        endpoint: Endpoint<Server>,
    ) -> Self {
        Self {
            server: Arc::clone(server),
            waiting: Mutex::new(Some(Waiting { tcp, header, endpoint })),
            client: OnceLock::new(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Driver<Server> for Proxied {
    type Transport = Stream;

    fn now(&self) -> Duration {
        self.server.shared.now()
    }

    #[inline]
    fn changed(&self, held: Held<'_, Server, Self>) {
        notify(self, held);
    }

    fn acceptor(&self) -> Option<&Acceptor> {
        Some(&self.server.acceptor)
    }

    fn traffic(&self) -> Option<&Traffic> {
        Some(&self.server.traffic)
    }
}

impl Origin<Server> for Proxied {
    fn shared(&self) -> &Arc<Shared> {
        &self.server.shared
    }

    fn dial(
        &self,
        context: &DialContext<'_>,
        conversation: &mut Conversation,
    ) -> Result<Option<Dialed<Server>>, Option<Error>> {
        let mut waiting = self.waiting();
        let Some(Waiting { tcp, header, endpoint }) = &mut *waiting else { return Err(None) };
        let client = match header.read(tcp)? {
            ProxyHeaderRead::Complete(client) => client,
            ProxyHeaderRead::Ended => return Err(None),
            ProxyHeaderRead::Blocked => {
                return match endpoint.deadline() {
                    Some(deadline) if deadline <= context.now && header.is_blank() => Err(None),
                    Some(deadline) if deadline <= context.now => {
                        Err(Some(SessionError::HandshakeTimeout.into()))
                    }
                    _ => Ok(None),
                };
            }
        };
        let peer = tcp.peer_addr().ok();
        let (Some(permit), Some(waiting)) = (conversation.take_permit(), waiting.take()) else {
            return Err(None);
        };
        let acceptor = &self.server.acceptor;
        let endpoint = match acceptor.admit_named(permit, context.now, client.or(peer)) {
            Admission::Admitted(permit) => {
                *conversation = Conversation::server(permit);
                waiting.endpoint
            }
            Admission::Refused(endpoint) => {
                *conversation = Conversation::refused();
                *endpoint
            }
            Admission::Dropped => return Err(None),
        };
        if let Some(client) = client {
            // Set once: the header arrives once.
            let _ = self.client.set(client);
        }
        let stream = self.server.stream(waiting.tcp).map_err(Error::from)?;
        Ok(Some((Link::new(endpoint, stream), peer)))
    }

    fn client(&self) -> Option<SocketAddr> {
        self.client.get().copied()
    }

    fn dial_deadline(&self) -> Option<Duration> {
        self.waiting().as_ref()?.endpoint.deadline()
    }

    fn stop_dialing(&self) {
        let waiting = self.waiting().take();
        drop(waiting);
    }

    fn ended(&self) {
        self.server.carried.fetch_sub(1, Ordering::Relaxed);
    }
}
