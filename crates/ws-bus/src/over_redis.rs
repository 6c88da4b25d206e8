//! The bus over Redis.

#[cfg(test)]
mod broker;
mod incoming;
mod links;
mod outgoing;
mod signal;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use redis::{Client, Connection as RedisLink, IntoConnectionInfo, ProtocolVersion, RedisError};
use ws_common::{Bus, BusConnection, BusSink};

use crate::BusOptions;
use crate::member::{Connection, Member};
use crate::options::Retry;
use links::{Link, Links};
use signal::Signal;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How often the server hears itself over the broker while there is nothing else to send.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long a connection may be silent, or not accept what is written.
const PATIENCE: Duration = Duration::from_secs(15);

/// A bus over Redis, or over a server that speaks its protocol. Each server that [joins](Bus::join) has two
/// connections of its own, one to subscribe and one to publish, each with a thread.
///
/// ```no_run
/// use ws_bus::{BusOptions, Redis};
/// use ws_common::ServerOptions;
///
/// # fn main() -> std::io::Result<()> {
/// let bus = Redis::connect("redis://127.0.0.1:6379", BusOptions::new())?;
/// let options = ServerOptions::new().bus(bus);
/// # Ok(())
/// # }
/// ```
///
/// # At the broker
///
/// A topic is the channel `PREFIX.TOPIC`, [escaped](BusOptions::prefix()); a payload is that of the
/// [bus](Bus#payloads). A server also has a channel below `PREFIX.!`, on which it wakes the thread that
/// waits for messages, and hears itself every 5 s: so it knows that both connections work, and with the same broker.
/// A connection that is silent for 15 s is lost. Redis sends a server's own messages back to it, if it has subscribed
/// the topic; they are discarded here.
///
/// A user needs the channels `PREFIX.*`, the commands `PUBLISH`, `SUBSCRIBE` and `UNSUBSCRIBE`, and better also `CONFIG
/// GET`: the largest payload is the broker's `proto-max-bulk-len`, or 512 MiB if that is not told. The broker ends connections that are slower than its `client-output-buffer-limit pubsub` allows: then the bus is
/// down, and up again.
pub struct Redis {
    client: Client,
    options: BusOptions,
}

impl Redis {
    /// Creates a bus over the broker with this URL, such as `redis://user:password@host:6379`, or `rediss://` for
    /// TLS; or with the `redis::ConnectionInfo` of a client that has certificates of its own. There is one address:
    /// sentinels are not asked. The bus connects in the background, once a server starts.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] if the URL or the prefix is invalid, or if it needs TLS without the feature
    /// `redis-tls`.
    pub fn connect(url: impl IntoConnectionInfo, options: BusOptions) -> io::Result<Self> {
        options.check()?;
        let invalid =
            |error: RedisError| io::Error::new(io::ErrorKind::InvalidInput, error.to_string());
        let info = url.into_connection_info().map_err(invalid)?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        let info = info.set_tcp_settings(tcp).set_redis_settings(redis);
        Ok(Self { client: Client::open(info).map_err(invalid)?, options })
    }
}

impl Bus for Redis {
    fn join(&self, sink: Arc<dyn BusSink>) -> Box<dyn BusConnection> {
        let member = Member::new(&self.options, sink, Signal::default());
        let connection = Connection(Arc::clone(&member));
        let links = Arc::new(Links::default());
        let threads: [(_, Turn); 2] =
            [(Link::Incoming, incoming::run), (Link::Outgoing, outgoing::run)];
        for (which, turn) in threads {
            let worker = Worker {
                member: Arc::clone(&member),
                links: Arc::clone(&links),
                client: self.client.clone(),
                control: format!("{}.!{}", self.options.prefix, links.id()),
            };
            let retry = self.options.retry();
            let thread = thread::Builder::new().name(format!("ws-bus redis {which}"));
            if let Err(error) = thread.spawn(move || worker.run(which, turn, retry)) {
                log::error!("the bus has no thread: {error}");
                member.down();
            }
        }
        Box::new(connection)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("address", &self.client.get_connection_info().addr().to_string())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Uses a connection until it fails, or until the member is closed.
type Turn = fn(&Worker, RedisLink) -> Result<(), RedisError>;

/// One of the two threads of a member.
struct Worker {
    member: Arc<Member<Signal>>,
    links: Arc<Links>,
    client: Client,
    /// The member's own channel, on which the server hears itself.
    control: String,
}

impl Worker {
    /// Connects again and again, until the member is closed.
    fn run(&self, which: Link, turn: Turn, mut retry: Retry) {
        while !self.member.is_closed() {
            let mut opened = None;
            let ended = self.connect().and_then(|link| {
                opened = Some(Instant::now());
                turn(self, link)
            });
            if let Err(error) = ended {
                log::warn!("Redis, {which}: {error}");
            }
            if self.member.is_closed() {
                // Nothing is lost: what is queued still leaves.
                return;
            }
            self.links.lost(which, &self.member);
            let open = opened.map_or(Duration::ZERO, |opened| opened.elapsed());
            self.member.wake.sleep(retry.after(open));
        }
    }

    fn connect(&self) -> Result<RedisLink, RedisError> {
        let link = self.client.get_connection_with_timeout(CONNECT)?;
        link.set_read_timeout(Some(PATIENCE))?;
        link.set_write_timeout(Some(PATIENCE))?;
        Ok(link)
    }
}

#[cfg(test)]
mod tests;
