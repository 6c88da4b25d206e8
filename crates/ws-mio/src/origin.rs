//! Where the connections of a loop come from: a listener, or a client's request.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mio::net::TcpStream;
use ws_common::Error;
use ws_common::adapter::{Acceptor, Connection, Driver, Held, Link};
use wsproto::handshake::Response;
use wsproto::url::WsUrl;
use wsproto::{Client, Role, Server};

use crate::Stream;
use crate::dial::{DialContext, Target};
use crate::shared::Shared;

/// The transport of a connection that was dialed, and the address at its other end.
pub(crate) type Dialed<R> = (Link<R, Stream>, Option<SocketAddr>);

/// Where a connection comes from.
pub(crate) trait Origin<R: Role>: Driver<R, Transport = Stream> {
    /// Returns the loop that it belongs to.
    fn shared(&self) -> &Arc<Shared>;

    /// Goes on with opening a stream. Returns it once there is one.
    fn dial(&self, context: &DialContext<'_>) -> Result<Option<Dialed<R>>, Error>;

    /// Returns when to go on with opening a stream, whatever happens.
    fn dial_deadline(&self) -> Option<Duration>;

    /// Whether there is more to do at once to open a stream, without an event.
    fn dials_again(&self) -> bool {
        false
    }

    /// Ends opening a stream: its sockets and its look-up do not live as long as handles may.
    fn stop_dialing(&self) {}

    /// Notes that the connection is over, once; its transport may linger.
    fn ended(&self) {}
}

/// Has the loop look at a connection, unless it looks anyway.
fn notify<R: Role, D: Origin<R>>(driver: &D, mut held: Held<'_, R, D>) {
    if let Some(key) = held.begin_notice() {
        drop(held);
        driver.shared().notify(key);
    }
}

/// A server, as seen by one of its loops.
pub(crate) struct LoopServer {
    pub(crate) acceptor: Arc<Acceptor>,
    pub(crate) shared: Arc<Shared>,
    /// How many connections of the server the loop carries, without those that only linger. Used by the
    /// loop's thread alone.
    pub(crate) carried: AtomicUsize,
}

impl LoopServer {
    /// Begins TLS on what was accepted, if the server speaks it.
    pub(crate) fn stream(&self, tcp: TcpStream) -> io::Result<Stream> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.acceptor.server().options().tls {
            return Stream::accept_tls(tls, tcp);
        }
        Ok(tcp.into())
    }
}

/// A connection that a listener has accepted.
pub(crate) struct Accepted(pub(crate) Arc<LoopServer>);

impl Driver<Server> for Accepted {
    type Transport = Stream;

    fn now(&self) -> Duration {
        self.0.shared.now()
    }

    fn changed(&self, held: Held<'_, Server, Self>) {
        notify(self, held);
    }

    fn acceptor(&self) -> Option<&Acceptor> {
        Some(&self.0.acceptor)
    }
}

impl Origin<Server> for Accepted {
    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    fn dial(&self, _: &DialContext<'_>) -> Result<Option<Dialed<Server>>, Error> {
        Ok(None)
    }

    fn dial_deadline(&self) -> Option<Duration> {
        None
    }

    fn ended(&self) {
        self.0.carried.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that a client has asked for.
pub(crate) struct Requested(pub(crate) Box<Target>);

impl Driver<Client> for Requested {
    type Transport = Stream;

    fn now(&self) -> Duration {
        self.0.shared.now()
    }

    fn changed(&self, held: Held<'_, Client, Self>) {
        notify(self, held);
    }

    fn url(&self) -> Option<WsUrl> {
        Some(self.0.url())
    }

    fn follows(&self, response: &Response) -> bool {
        self.0.follows(response)
    }
}

impl Origin<Client> for Requested {
    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    fn dial(&self, context: &DialContext<'_>) -> Result<Option<Dialed<Client>>, Error> {
        self.0.dial(context)
    }

    fn dial_deadline(&self) -> Option<Duration> {
        self.0.deadline()
    }

    fn dials_again(&self) -> bool {
        self.0.is_again()
    }

    fn stop_dialing(&self) {
        self.0.stop();
    }
}

/// A client's connection of a loop.
pub(crate) type ClientConnection = Connection<Client, Requested>;
