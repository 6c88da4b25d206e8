//! The bus over NATS.

#[cfg(test)]
mod tests;
mod urls;
mod worker;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr, ToServerAddrs};
use tokio::sync::Notify;
use ws_common::{Bus, BusConnection, BusSink};

use crate::BusOptions;
use crate::member::{Connection, Member, Wake};

/// How often the client sends a Ping while nothing arrives; after two without an answer, the connection is lost.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// A bus over NATS. Each server that [joins](Bus::join) has a connection of its own, and a thread with a runtime
/// of its own.
///
/// ```no_run
/// use ws_bus::{BusOptions, Nats};
/// use ws_common::ServerOptions;
///
/// # fn main() -> std::io::Result<()> {
/// let bus = Nats::connect("nats://127.0.0.1:4222", BusOptions::new())?;
/// let options = ServerOptions::new().bus(bus);
/// # Ok(())
/// # }
/// ```
///
/// # At the broker
///
/// A topic is the subject `PREFIX.TOPIC`, [escaped](BusOptions::prefix()); a payload is that of the
/// [bus](Bus#payloads). After connecting, a server sends a request to the subject `PREFIX.!`, which has no subscriber,
/// with an inbox below `PREFIX.!`: the broker's answer proves that it has read all subscriptions. So access to
/// `PREFIX.>` suffices. The connection asks the broker not to send back its own messages.
///
/// The largest message is 9 bytes less than the broker's `max_payload`, which is 1 MiB by default.
pub struct Nats {
    urls: Vec<ServerAddr>,
    options: BusOptions,
    client: ConnectOptions,
}

impl Nats {
    /// Creates a bus over the NATS servers with these URLs, such as `nats://host:4222` or `tls://host`: one, or a slice
    /// of several in a cluster, whose other servers are discovered. The user and password of one URL are used for all
    /// servers; a user alone is a token. The bus connects in the background, once a server starts.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if a URL or the prefix is invalid, or there is no URL.
    pub fn connect(urls: impl ToServerAddrs, options: BusOptions) -> io::Result<Self> {
        Self::connect_with(urls, options, ConnectOptions::new().ping_interval(PING_INTERVAL))
    }

    /// Creates a bus as [`connect`](Self::connect) does, with options of the client: certificates, credentials, a name. The
    /// bus overrides these: no echo, the callbacks for events and delays, the capacities, and the first connection,
    /// which is tried until it succeeds.
    ///
    /// ```no_run
    /// use ws_bus::async_nats::ConnectOptions;
    /// use ws_bus::{BusOptions, Nats};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let credentials = std::fs::read_to_string("chat.creds")?;
    /// let client = ConnectOptions::new().name("chat").credentials(&credentials)?;
    /// let urls = ["tls://a.example.com", "tls://b.example.com"];
    /// let bus = Nats::connect_with(&urls[..], BusOptions::new(), client)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The same as those of [`connect`](Self::connect).
    pub fn connect_with(
        urls: impl ToServerAddrs,
        options: BusOptions,
        client: ConnectOptions,
    ) -> io::Result<Self> {
        options.check()?;
        let (urls, client) = urls::without_secrets(urls.to_server_addrs()?, client)?;
        Ok(Self { urls, options, client })
    }
}

impl Bus for Nats {
    fn join(&self, sink: Arc<dyn BusSink>) -> Box<dyn BusConnection> {
        let member = Member::new(&self.options, sink, Bells::default());
        let connection = Connection(Arc::clone(&member));
        let worker = worker::Worker {
            member: Arc::clone(&member),
            urls: self.urls.clone(),
            client: self.client.clone(),
            retry: self.options.retry(),
        };
        if let Err(error) = thread::Builder::new().name("ws-bus nats".into()).spawn(|| worker.run())
        {
            log::error!("the bus has no thread: {error}");
            member.down();
        }
        Box::new(connection)
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<_> = self.urls.iter().map(ServerAddr::as_url_str).collect();
        f.debug_struct("Nats")
            .field("urls", &urls)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Wakes the tasks of a member.
#[derive(Debug, Default)]
struct Bells {
    messages: Notify,
    topics: Notify,
    closed: Notify,
}

impl Wake for Bells {
    fn messages(&self) {
        self.messages.notify_one();
    }

    fn topics(&self) {
        self.topics.notify_one();
    }

    fn closed(&self) {
        self.closed.notify_one();
        // It may wait for messages.
        self.messages.notify_one();
    }
}
